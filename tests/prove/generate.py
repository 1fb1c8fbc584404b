"""Rules that are right, and conversions by them: enumerated small ones, and random ones of every kind of address."""
import itertools
import math
import re

from spec import Axis, Conversion, End, Rule, Spec

LETTERS = "abcdefgh"


def text_of(dimensions):
    return " ".join(d[0] if len(d) == 1 else f"({' '.join(d)})" for d in dimensions)


def compositions(items):
    """Every way to cut a list into dimensions."""
    for cuts in itertools.product((False, True), repeat=max(len(items) - 1, 0)):
        dimensions = [[items[0]]] if items else []
        for item, new in zip(items[1:], cuts):
            dimensions.append([item]) if new else dimensions[-1].append(item)
        yield dimensions


def one_part():
    """Each layout of up to four axes, against `a b c d`; each axis in turn split."""
    sizes = {"a": 2, "b": 3, "c": 4, "d": 5}
    turn = itertools.count()
    for count in range(1, 5):
        names = LETTERS[:count]
        for order in itertools.permutations(names):
            for dimensions in compositions(list(order)):
                for split in (None, names[next(turn) % count]):
                    axes = {n: Axis(str(sizes[n]), {"mcore": "tp"} if n == split else {}) for n in names}
                    spec = Spec(axes, [Rule("r", {"hf": {"": "w  " + " ".join(names)}, "mcore": {"": "w  " + text_of(dimensions)}})])
                    mesh = {"tp": sizes[split]} if split else {}
                    yield Conversion(spec, End("hf"), End("mcore", mesh))


def sums():
    """Two parts that share up to two axes, one with an axis of its own: each place of the sum, each order, bare and spelled."""
    sizes = {"a": 2, "b": 3, "o": 2, "u": 4}
    for shared, own, outer in itertools.product(("", "a", "ab"), ("", "o"), range(3)):
        if outer > len(shared):
            continue
        p, q = list(shared) + list(own), list(shared)
        for out in itertools.permutations(shared, outer):
            inner = [axis for axis in shared if axis not in out]
            for bare, swap in itertools.product((False, True), repeat=2):
                terms = [("p", inner + list(own)), ("q", inner)]
                said = [w if bare else f"{w}:({' '.join(axes)})" if axes else w + ":1" for w, axes in terms]
                total = "+".join(reversed(said) if swap else said)
                for items in sorted(set(itertools.permutations([*out, total]))) if p else ():
                    for dimensions in compositions(list(items)):
                        yield fused(sizes, shared, p, q, text_of(dimensions))


def fused(sizes, shared, p, q, layout):
    split = shared[0] if shared else None
    axes = {n: Axis(str(sizes[n]), {"mcore": "tp"} if n == split else {}) for n in dict.fromkeys(p + q)}
    spec = Spec(axes, [Rule("r", {"hf": {"p": "p  " + " ".join(p), "q": "q  " + " ".join(q)}, "mcore": {"": "pq  " + layout}})])
    return Conversion(spec, End("hf"), End("mcore", {"tp": 2} if split else {}))


def cuts():
    """Fewer indices than ranks."""
    for g, r, d, tp in itertools.product((1, 2, 3, 4), (1, 2, 3), (2, 4), (2, 3, 4, 6, 8)):
        axes = {"g": Axis(str(g), {"mcore": "tp"}), "r": Axis(str(r)), "d": Axis(str(d)), "h": Axis("3")}
        for layout in ("(g q+k+v d) h", "h (g q+k d+v d)", "(g d q+k+v) h", "h g d q+k+v", "q+k+v h"):
            if "k d" in layout:
                layout = "h (g q:(r d)+k:d+v:d)"
            spec = Spec(axes, [Rule("r", {"hf": {"q": "q  (g r d) h", "k": "k  (g d) h", "v": "v  (g d) h"}, "mcore": {"": "qkv  " + layout}})])
            yield Conversion(spec, End("hf"), End("mcore", {"tp": tp}))


class Random:
    """One random rule set and a conversion by it."""

    def __init__(self, rng):
        self.rng = rng
        self.numbers = False  # holds constants or value operations
        self.spread = 0

    def chance(self, percent):
        return self.rng.random() * 100 < percent

    def some(self, items, least=0, most=None):
        items = list(items)
        return self.rng.sample(items, self.rng.randint(min(least, len(items)), min(len(items), len(items) if most is None else most)))

    def shuffled(self, items):
        return self.rng.sample(list(items), len(items))

    def conversion(self):
        rng = self.rng
        self.sizes = {name: rng.choice((1, 2, 2, 3, 4, 4, 5, 6)) for name in LETTERS[:rng.randint(2, 6)]}
        if self.chance(30):
            self.sizes = dict.fromkeys(self.sizes, rng.choice((2, 3, 4)))
        sides = ("hf", "mcore", "alt") if self.chance(10) else ("hf", "mcore")
        self.axes = {name: Axis(str(size)) for name, size in self.sizes.items()}
        rules = [self.rule(f"r{i}", sides) for i in range(rng.randint(1, 2))]
        if self.chance(15):
            rules += self.shared_rules(sides)
        self.give_splits(sides)
        spec = Spec(self.used(rules, sides) or {"a": self.axes["a"]}, rules, sides=sides)
        source, target = rng.choice([("hf", "mcore"), ("hf", "mcore"), ("mcore", "hf"), ("mcore", "mcore"), rng.sample(sides, 2)])
        return Conversion(spec, self.end(spec, source), self.end(spec, target))

    def used(self, rules, sides):
        said = " ".join(text for rule in rules for form in rule.sides.values() for text in form.values())
        said += "".join(" " + loop[0] for rule in rules for loop in rule.loops)
        for word in ":()+<>*.|":
            said = said.replace(word, " ")
        return {name: axis for name, axis in self.axes.items() if name in said.split()}

    # --- rules

    def rule(self, name, sides):
        count = self.rng.choice((1, 1, 2, 2, 3))
        pool = self.shuffled(self.sizes)
        common = pool[:self.rng.randint(0, 3)]
        parts = {}
        for word in ("q", "k", "v")[:count]:
            own = self.some(pool[len(common):], 0, 2)
            parts[word] = self.limited(self.shuffled(common) + own)
        common = [axis for axis in common if all(axis in axes for axes in parts.values())]
        self.orders = {}
        forms = {}
        for i, side in enumerate(self.shuffled(sides)):
            forms[side] = self.form(f"{name}", parts, first=i == 0)
        rule = Rule(name, {side: forms[side] for side in sides})
        if count == 1 and self.chance(50):
            rule.sides = {side: {"": next(iter(form.values()))} for side, form in rule.sides.items()}
            if any(":" in form[""] for form in rule.sides.values()):
                rule.sides = {side: {("" if ":" in form[""] else "q"): form[""]} for side, form in rule.sides.items()}
        rule.pinned = any("rest(" in text for form in rule.sides.values() for text in form.values())
        self.decorate(rule)
        return rule

    def limited(self, axes):
        while math.prod(self.sizes[a] for a in axes) > 200:
            axes = axes[:-1]
        return axes

    def form(self, name, parts, first):
        """Parts alone, fused, or some of both. On the first side each is spelled."""
        words = list(parts)
        together = self.some(words, 2) if len(words) > 1 and self.chance(60) else []
        if len(together) == 1:
            together = []
        if len(words) == 1 and self.chance(15):
            together = words
        form = {}
        if together:
            common = [axis for axis in parts[together[0]] if all(axis in parts[w] for w in together)]
            held = self.some(common, 0, 2) if self.chance(30) else []
            rest = {w: [axis for axis in parts[w] if axis not in held] for w in together}
            layout = self.blocks(rest) or text_of(self.grouped(self.factors(rest, first)))
            if ":" in layout or "+" in layout:
                form["all" if len(together) < len(words) or self.chance(30) else ""] = f"{self.name(name + 'f', held)}  {layout}"
            else:
                together = []
            if together and first:
                for word in together:
                    self.orders[word] = None
        for word in words:
            if word in together:
                continue
            held = self.some(parts[word], 0, 2) if self.chance(35) else []
            order = self.shuffled([axis for axis in parts[word] if axis not in held])
            items = self.ones(order)
            form[word] = f"{self.name(name + word, held)}  {text_of(self.grouped(items))}".rstrip()
            if first:
                self.orders[word] = held + order
        return form

    def ones(self, items):
        return items if not self.chance(10) else [*items[:1], "1", *items[1:]]

    def grouped(self, items):
        dimensions = []
        for item in items:
            if dimensions and self.chance(45):
                dimensions[-1].append(item)
            else:
                dimensions.append([item])
        return dimensions

    def factors(self, parts, first):
        """Items of a product that hold all the parts, each with its axes."""
        common = [axis for axis in next(iter(parts.values())) if all(axis in axes for axes in parts.values())]
        out = self.some(common)
        return self.shuffled([*out, self.total({w: [a for a in axes if a not in out] for w, axes in parts.items()}, first)])

    def total(self, parts, first):
        words = self.shuffled(parts)
        nested = words[:2] if len(words) > 2 and self.chance(40) else []
        terms = []
        if nested:
            terms.append("(" + " ".join(self.factors({w: parts[w] for w in nested}, first)) + ")")
        for word in words:
            if word not in nested:
                terms.append(self.term(word, parts[word], first))
        if len(terms) == 1 and ":" not in terms[0]:
            terms = [f"{words[0]}:({' '.join(parts[words[0]])})" if parts[words[0]] else words[0] + ":1"]
        return "+".join(self.shuffled(terms))

    def term(self, word, axes, first):
        known = self.orders.get(word)
        if not first and known and self.chance(60):
            return word  # what is left, as the first side spells it
        axes = self.shuffled(axes)
        if len(axes) == 1:
            return f"{word}:{axes[0]}" if self.chance(70) else f"{word}:({axes[0]})"
        return f"{word}:({' '.join(axes)})" if axes else word + ":1"

    def blocks(self, parts):
        """A block diagonal: each part in two sums."""
        if len(parts) < 2 or not self.chance(12):
            return None
        rows, columns = [], []
        for word, axes in parts.items():
            axes = self.shuffled(axes)
            at = self.rng.randint(0, len(axes))
            for side, mine in ((rows, axes[:at]), (columns, axes[at:])):
                side.append(f"{word}:({' '.join(mine)})" if mine else word + ":1")
        return "+".join(rows) + " " + "+".join(columns) + " | rest(0)"

    def name(self, base, held):
        if not held:
            return base
        if len(held) == 1:
            a = held[0]
            return self.rng.choice((f"{base}.<{a}>.w", f"{base}<{a}>", f"m.<{a} + 3>.{base}", f"{base}.<2 * {a}>", f"<9 - {a}>.{base}",
                                    f"{base}.<{a} // 2>.<{a} % 2>.w", f"<{a}>.{base}.<{a}>"))
        a, b = held
        return self.rng.choice((f"{base}.<{a}>.<{b}>", f"{base}<{a}>_<{b}>", f"<{a}>.{base}.<{b}>.w", f"{base}.<{self.sizes[b]} * {a} + {b}>",
                                f"{base}.<{a} + {self.sizes[a]} * {b} + 1>.w"))

    # --- what stands beside the layout

    def decorate(self, rule):
        if self.chance(12):
            self.add_copies(rule)
        elif self.chance(12):
            self.add_constant(rule)
        if self.chance(12):
            self.add_operation(rule)
        if self.chance(8):
            self.add_loop(rule)

    def add_copies(self, rule):
        side = self.rng.choice(list(rule.sides))
        label, text = self.rng.choice(list(rule.sides[side].items()))
        if "<x>" in text or "x" in self.axes or "rest" in text:
            return
        self.axes["x"] = Axis(str(self.rng.choice((2, 3))))
        self.sizes["x"] = int(self.axes["x"].size)
        head, _, layout = text.partition("  ")
        rule.sides[side][label] = f"{head}  {self.rng.choice((f'x* {layout}', f'{layout} x*', f'(x* {layout[1:]}' if layout.startswith('(') else f'x* {layout}'))}"

    def add_constant(self, rule):
        side = self.rng.choice(list(rule.sides))
        label = self.rng.choice(list(rule.sides[side]))
        text = rule.sides[side][label]
        if "+" in text or ":" in text or "<" in text or "x*" in text or len(rule.sides[side]) < 2:
            return
        _, _, layout = text.partition("  ")
        words = [word for word in layout.replace("(", " ").replace(")", " ").split() if word in self.sizes]
        what = self.rng.choice(("0", "1", "-3", *words, *[f"2 * {word} + 1" for word in words], *[f"{w} <= {v}" for w in words for v in words]))
        rule.sides[side][label] = f"{self.rng.choice(('constant', 'unused'))}({what})  {layout}".rstrip()
        rule.pinned = self.numbers = True

    def add_operation(self, rule):
        side = self.rng.choice(list(rule.sides))
        label = self.rng.choice(list(rule.sides[side]))
        if "(" in rule.sides[side][label].partition("  ")[0] or "rest" in rule.sides[side][label]:
            return
        rule.sides[side][label] += " | " + self.rng.choice(("plus(1)", "times(2)", "times(3)", "times(0.5)", "neg_exp", "plus(2) | times(4)"))
        self.numbers = True

    def add_loop(self, rule):
        """The rule alone has these indices: right only where no tensor lays the axis out."""
        texts = [text for form in rule.sides.values() for text in form.values()]
        everywhere = [a for a in self.sizes if self.sizes[a] > 1 and all(re.search(rf"\b{a}\b", text) for text in texts)]
        if not everywhere or rule.pinned:  # what a range leaves out is not filled by `rest`
            return
        axis = self.rng.choice(everywhere)
        low = self.rng.randint(0, self.sizes[axis] - 1)
        where = self.rng.choice((None, None, f"{axis} % 2 == 0", f"{axis} != 1"))
        rule.loops.append((axis, str(low), str(self.rng.randint(low + 1, self.sizes[axis])), where))

    def shared_rules(self, sides):
        """Two rules that fill one tensor, each its range of an axis."""
        axis = self.rng.choice(list(self.sizes))
        others = self.limited([axis] + self.some([a for a in self.sizes if a not in (axis, "x")], 0, 2))[1:]
        if self.sizes[axis] < 2:
            return []
        at = str(self.rng.randint(1, self.sizes[axis] - 1))
        layout = text_of(self.grouped(self.shuffled([axis] + others)))
        rules = []
        for i, (low, high) in enumerate((("0", at), (at, str(self.sizes[axis])))):
            own = {side: {"": f"s{i}.<{axis}>  {text_of(self.grouped(self.shuffled(others)))}".rstrip()} for side in sides}
            own[sides[1]] = {"": f"s  {layout}"}
            rules.append(Rule(f"s{i}", own, [(axis, low, high, None)]))
        return rules

    # --- ends

    def give_splits(self, sides):
        for axis in self.some(self.axes, 0, 3):
            for side in self.rng.choice(((sides[1],), (sides[1],), sides)):
                self.axes[axis].split[side] = self.rng.choice(("tp", "tp", "tp", "pp", "ep", "etp"))
        if "x" in self.axes:  # copies on the ranks that split the rest: not all elements have the first copy
            for side, dim in list(self.axes["x"].split.items()):
                if any(axis.split.get(side) == dim for name, axis in self.axes.items() if name != "x"):
                    del self.axes["x"].split[side]
        for axis in self.some(self.axes, 0, 1) if self.chance(25) else []:
            self.axes[axis].pad[self.rng.choice(sides)] = self.rng.choice(("4", "3", "2 * tp", "tp", "ep * etp"))

    def end(self, spec, side):
        end = End(side)
        splits = {}
        for name, axis in spec.axes.items():
            if side in axis.split:
                splits.setdefault(axis.split[side], []).append(name)
        for dim, names in splits.items():
            size = self.sizes[names[0]]
            divisors = [n for n in range(1, 7) if size % n == 0]
            end.mesh[dim] = self.rng.choice(divisors) if self.chance(75) else self.rng.randint(1, 4)
            if self.chance(10) and dim == "tp":
                end.mesh[dim] = self.rng.choice((2, 4, 6, 8))
            if dim == "pp" and end.mesh[dim] > 1 and self.chance(30):
                end.mesh["vpp"] = 2
        while math.prod(end.mesh.values()) > 8:
            end.mesh.pop(self.rng.choice(list(end.mesh)))
        for dim, names in splits.items():
            if dim in end.mesh and len(names) == 1 and self.chance(25) and not any(side in spec.axes[n].pad for n in names):
                end.tables[dim] = self.table(self.sizes[names[0]], end.mesh[dim] * (end.mesh.get("vpp", 1) if dim == "pp" else 1))
        if self.chance(10) and len(end.mesh) < 3:  # ranks that no axis cares for
            end.mesh.setdefault(self.rng.choice(("tp", "pp", "ep")), 2)
        end.tables = {dim: table for dim, table in end.tables.items()
                      if len(table) == end.mesh[dim] * (end.mesh.get("vpp", 1) if dim == "pp" else 1)}
        return end

    def table(self, size, ranks):
        indices = list(range(size)) if self.chance(50) else self.rng.sample(range(size), size)
        places = sorted(self.rng.randint(0, size) for _ in range(ranks - 1))
        table = [indices[a:b] for a, b in zip([0, *places], [*places, size])]
        if self.chance(25) and indices == sorted(indices):
            return [len(slots) for slots in table]
        for slots in table:
            if self.chance(30):
                slots.insert(self.rng.randint(0, len(slots)), None)
        return table
