"""Mutants of a rule file: one word or one line of it changed. Knows the form of rule files, and no family."""
import re

SWAPS = {"true": "false", "false": "true", "first": "last", "last": "first", "and": "or", "or": "and", "==": "!=", "!=": "==", ">=": ">",
         "<=": "<", ">": ">=", "<": "<=", "*": "+", "//": "*", "+": "-", "tp": "pp", "pp": "tp", "ep": "tp", "etp": "tp", "not": ""}
WORD = re.compile(r'"[^"]*"|\d+\.\d+(?:e-?\d+)?|\d+e-?\d+|\d+|[A-Za-z_]\w*|//|==|!=|>=|<=|(?<=\s)[<>*](?=\s)|(?<=[\w)])\+(?=[\w(])|(?<=\s)\+(?=\s)')
PROSE = ("what", "require", "notes", "ignore")  # their values are words for people


def comment_at(line):
    """Where the comment begins, or the end."""
    quote = None
    for i, letter in enumerate(line):
        if quote:
            quote = None if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "#" and (i == 0 or line[i - 1].isspace()):
            return i
    return len(line)


def indent(line):
    return len(line) - len(line.lstrip())


def sections(lines):
    """The top-level key above each line."""
    section = ""
    for line in lines:
        if match := re.match(r"(\w+):", line):
            section = match[1]
        yield section


def prose_from(line, section):
    """Where words for people begin on a line: nothing behind that is changed."""
    end = comment_at(line)
    if section not in PROSE:
        return end
    body = line[:end].rstrip()
    last = [m.start() for m in re.finditer(r": ", body)]
    return last[-1] if last and not body.endswith(":") else end


def deletions(lines):
    """Each line goes, with what hangs on it."""
    for i, line in enumerate(lines):
        if not line[:comment_at(line)].strip() or line.startswith("what:"):  # words for people may be left out
            continue
        end = i + 1
        while end < len(lines) and (not lines[end].strip() or indent(lines[end]) > indent(line)):
            end += 1
        yield i, end, []


def items(text):
    """Spans of what stands between commas of the innermost braces and brackets, with one comma."""
    opened = []
    for i, letter in enumerate(text):
        if letter in "{[":
            opened.append([i + 1])
        elif opened and letter == ",":
            opened[-1].append(i + 1)
        elif opened and letter in "}]":
            starts = opened.pop()
            for n, start in enumerate(starts):
                stop = starts[n + 1] if n + 1 < len(starts) else i
                yield (start, stop) if n + 1 < len(starts) or n == 0 else (start - 1, stop)


def words(line, section):
    """A word changed, dropped, or swapped with another one of its layout."""
    end = prose_from(line, section)
    found = [m for m in WORD.finditer(line) if m.end() <= end]
    for n, match in enumerate(found):
        a, b = match.span()
        word = match[0]
        for new in {SWAPS.get(word), grown(word)} - {None}:
            yield line[:a] + new + line[b:]
        if in_layout(line, a):
            yield line[:a] + line[b:]
            for other in found[n + 1:]:
                c, d = other.span()
                if "," in line[b:c] or ": " in line[b:c] or "  " in line[b:c]:
                    break
                if other[0] != word:
                    yield line[:a] + line[c:d] + line[b:c] + word + line[d:]


def grown(word):
    if re.fullmatch(r"\d+", word):
        return str(int(word) + 1)
    if re.fullmatch(r"\d[\d.e-]*", word):
        return str(float(word) * 2 + 1)
    if word.startswith('"'):
        return word[:-1] + 'x"'
    return word + "x" if re.match(r"\w", word) and word not in SWAPS else None


def in_layout(line, at):
    """Behind the two blanks that part a name from its layout, or in `in:`."""
    before = line[:at]
    piece = re.split(r"[,{]|: ", before)[-1]
    return bool(re.search(r"\S  ?[^,}]*$", piece) and re.search(r"\S  ", piece)) or bool(re.search(r"\bin: [^,}]*$", before))


def mutants(text):
    """[(the old lines, the new ones, the whole text)], each once."""
    lines = text.split("\n")
    seen = {text}
    for i, end, new in deletions(lines):
        yield from once(lines, i, end, new, seen)
    for i, (line, section) in enumerate(zip(lines, sections(lines))):
        body = line[:comment_at(line)]
        for a, b in items(body):
            yield from once(lines, i, i + 1, [line[:a] + line[b:]], seen)
        for new in words(line, section):
            yield from once(lines, i, i + 1, [new], seen)


def once(lines, begin, end, new, seen):
    text = "\n".join(lines[:begin] + new + lines[end:])
    if text not in seen:
        seen.add(text)
        yield lines[begin], new[0] if new else None, text
