"""Addresses as the manual's section 3 writes them, read into tuples.

A layout is a list of dimensions, a dimension a list of factors:
    ("axis", name, starred)   ("one",)   ("sum", [term, ...])
a term: ("bare", part)   ("spelled", part, [axis, ...])   ("group", [factor, ...])
"""
import functools
import re


class Unreadable(Exception):
    """The text has no meaning."""


def cut(text, at):
    """Pieces of `text` between the characters `at` that stand in no bracket."""
    pieces, depth = [""], 0
    for letter in text:
        depth += (letter in "(<") - (letter in ")>")
        if letter == at and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += letter
    return [piece for piece in pieces if piece] if at == " " else pieces


def inside(text):
    """What stands in the brackets that hold all of `text`, or None."""
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[1:-1] if letter == ")" and i == len(text) - 1 else None
    return None


def word(text):
    if not re.fullmatch("[A-Za-z_][A-Za-z_0-9]*", text):
        raise Unreadable(text)
    return text


def read_term(text):
    if text.startswith("("):
        group = inside(text)
        if not group:
            raise Unreadable(text)
        return "group", [read_factor(piece) for piece in cut(group, " ")]
    part, colon, axes = text.partition(":")
    if not colon:
        return "bare", word(part)
    axes = cut(inside(axes) if inside(axes) is not None else axes, " ")
    return "spelled", word(part), [] if axes == ["1"] else [word(axis) for axis in axes]


def read_factor(text):
    terms = cut(text, "+")
    if len(terms) > 1 or ":" in text:
        return "sum", [read_term(term) for term in terms]
    if text == "1":
        return ("one",)
    return "axis", word(text.rstrip("*")), text.endswith("*")


def read_dimension(text):
    group = inside(text)
    return [read_factor(piece) for piece in cut(text if group is None else group, " ")]


def take_constant(text):
    """((what, expression), the address with a dash for it), or (None, text)."""
    said = re.match(r"(constant|unused)\(", text)
    if not said:
        return None, text
    end = next(i for i in range(said.end(), len(text)) if text[:i + 1].count("(") == text[:i + 1].count(")"))
    return (said[1], text[said.end():end]), "-" + text[end + 1:]


def holds(term, part):
    if term[0] != "group":
        return term[1] == part
    return any(factor[0] == "sum" and any(holds(each, part) for each in factor[1]) for factor in term[1])


@functools.lru_cache(4096)
def read_layout(dimensions):
    return [read_dimension(dimension) for dimension in dimensions]


class Address:
    """`name`: texts and ("hole", expression) in turn; `constant`: ("constant" or "unused", expression) or None."""

    def __init__(self, text):
        self.constant, text = take_constant(text)
        place, *self.operations = [piece.strip() for piece in cut(text, "|")]
        head, *dimensions = cut(place, " ")
        self.layout = read_layout(tuple(dimensions))
        self.name = [piece if i % 2 == 0 else ("hole", piece) for i, piece in enumerate(re.split("[<>]", head))]
        self.rest = any(operation.startswith("rest(") for operation in self.operations)
        self.operations = [o for o in self.operations if not o.startswith("rest(")]

    def holes(self):
        return [piece[1] for piece in self.name if isinstance(piece, tuple)]

    def captured(self, axes):
        """Axes in holes, in order."""
        found = [w for hole in self.holes() for w in re.findall("[A-Za-z_][A-Za-z_0-9]*", hole) if w in axes]
        return list(dict.fromkeys(found))

    def parts(self):
        """Words of the layout that are parts, in order."""
        found = []

        def visit(factors):
            for factor in factors:
                for term in factor[1] if factor[0] == "sum" else ():
                    visit(term[1]) if term[0] == "group" else found.append(term[1])
        for dimension in self.layout:
            visit(dimension)
        return list(dict.fromkeys(found))

    def way(self, part):
        """What `part` passes: [(axis, starred)] in order of the text, its spelled axes among them, and how often it stands
        bare. Raises Unreadable if it misses a sum that it must stand in."""
        axes, bare = [], [0]

        def visit(factors):
            for factor in factors:
                if factor[0] == "axis":
                    axes.append((factor[1], factor[2]))
                if factor[0] != "sum":
                    continue
                mine = [term for term in factor[1] if holds(term, part)]
                if len(mine) != 1:
                    raise Unreadable(f"`{part}` stands {len(mine)} times in a sum")
                if mine[0][0] == "group":
                    visit(mine[0][1])
                elif mine[0][0] == "bare":
                    bare[0] += 1
                else:
                    axes.extend((axis, False) for axis in mine[0][2])
        for dimension in self.layout:
            visit(dimension)
        return axes, bare[0]
