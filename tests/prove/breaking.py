"""Rules that may be wrong, and all small configurations under which the oracle looks at them."""
import itertools
import re

import generate
from oracle import Held, Refused, judge
from spec import Axis, Conversion, End, Rule, Spec, value


# --- R03: the layouts of right rules, with a word changed

class Plain(generate.Random):
    """Layouts, names and copies alone; sizes are options, so that only the rule file can tell what is wrong."""

    def name(self, base, held):
        return base + "".join(f".<{axis}>" for axis in held)

    def decorate(self, rule):
        if self.chance(15):
            self.add_copies(rule)

    def shared_rules(self, sides):
        return []

    def give_splits(self, sides):
        pass


def broken_layout(rng):
    """(spec, sizes to try)."""
    maker = Plain(rng)
    spec = maker.conversion().spec
    for rule in spec.rules:
        if rng.random() < 0.85:
            side = rng.choice(list(rule.sides))
            label = rng.choice(list(rule.sides[side]))
            rule.sides[side][label] = changed(rng, rule.sides[side][label], list(spec.axes))
    names = sorted(maker.axes)
    axes = {name: Axis("n_" + name) for name in names}
    options = {"n_" + name: 2 + i for i, name in enumerate(names)}
    kept = maker.used(spec.rules, spec.sides)
    spec = Spec({n: axes[n] for n in names if n in kept}, spec.rules, {o: v for o, v in options.items() if o[2:] in kept}, sides=spec.sides)
    return spec, [{}, dict.fromkeys(spec.options, 2)]


def changed(rng, text, axes):
    """One word dropped, doubled or taken for another."""
    head, _, layout = text.partition("  ")
    axes = axes or ["a"]
    words = list(re.finditer("[a-z_]+", layout.partition("|")[0]))
    if not words:
        return f"{head}  {rng.choice(axes)}"
    word = rng.choice(words)
    a, b = word.span()
    kind = rng.choice(("drop", "double", "other", "hole", "swap", "add"))
    if kind == "drop":
        layout = tidy(layout[:a] + layout[b:])
    elif kind == "double":
        layout = layout[:b] + " " + word[0] + layout[b:] if ":" not in layout else layout + " " + word[0]
    elif kind == "other":
        layout = layout[:a] + rng.choice(axes + ["q", "k"]) + layout[b:]
    elif kind == "hole":
        head += f".<{rng.choice(axes)}>"
    elif kind == "add":
        layout += " " + rng.choice(axes)
    else:
        other = rng.choice(words)
        first, second = sorted((word.span(), other.span()))
        if first != second:
            layout = layout[:first[0]] + layout[slice(*second)] + layout[first[1]:second[0]] + layout[slice(*first)] + layout[second[1]:]
    return f"{head}  {layout}".rstrip()


def tidy(layout):
    """The layout with no empty group, sum or colon."""
    layout = re.sub(r":(?=[+ )]|$)|:\(\s*\)", ":1", layout)
    layout = re.sub(r"\(\s*\)", "", layout)
    layout = re.sub(r"\++", "+", layout)
    layout = re.sub(r"(?<![\w)])\+|\+(?![\w(])", "", layout)
    layout = re.sub(r"(^|[ (+]):(\w|\()", r"\1\2", layout)
    return re.sub(r" +", " ", layout).replace("( ", "(").replace(" )", ")").strip()


def layout_fault(spec, sizes):
    """Why the rules are no bijection at one of these sizes, or None."""
    for options in sizes:
        try:
            judge(Conversion(spec, End(spec.sides[0]), End(spec.sides[1]), options))
            if len(spec.sides) > 2:
                judge(Conversion(spec, End(spec.sides[0]), End(spec.sides[2]), options))
        except Refused as why:
            return why
    return None


# --- R05: addresses that may meet

NAMES = ("t.<l>", "t.<l>", "t.<l + m>", "t.<l + n>", "t.<l + 1>", "t.<2 * l>", "t.<2 * l + 1>", "t.<l>.<k>", "t.<k>.<l>", "t.<k>", "t.<k>",
         "t.<k + n>", "t.0", "t.1", "t.2", "t1<l>", "t<l>", "t<l>", "t1.<l>", "t<k>.0", "t.<n>", "t.<n + m>", "t.<l // 2>.<l % 2>", "t.<l // 2>",
         "t.<k % 2>", "t.<n * l + k>", "u.<l>", "t.<l>.<l>", "t.<l + k>", "t", "t", "t", "t", "t", "u")
BOUNDS = ("0", "0", "1", "2", "m", "n", "n", "m + 1", "n - 1", "n + m", "2 * m", "n // 2", "min(n, m)")
REQUIRE = ("m <= n", "m < n", "n <= m", "m >= 1", "n >= 2", "n == m", "m + 1 < n", "n + 1 <= 2 * m")
WHERE = (None, None, None, None, "{0} % 2 == 0", "{0} % 2 == 1", "{0} != 0", "{0} < m", "{0} >= m")


def meeting(rng):
    """Two or three rules whose names on one side may be the same."""
    sizes = {"l": rng.choice(("n", "n", "n + m", "m")), "k": rng.choice(("n", "m", "m")), "h": "2"}
    axes = {name: Axis(size) for name, size in sizes.items()}
    if rng.random() < 0.3:
        axes["l"].split["mcore"] = rng.choice(("pp", "ep"))
    if rng.random() < 0.15:
        axes["k"].split["mcore"] = rng.choice(("pp", "ep"))
    rules = [one_of_meeting(rng, i) for i in range(rng.choice((2, 2, 3)))]
    used = " ".join(text for rule in rules for form in rule.sides.values() for text in form.values())
    axes = {name: axis for name, axis in axes.items() if re.search(rf"\b{name}\b", used)}
    spec = Spec(axes, rules, {"n": 3, "m": 2}, rng.sample(REQUIRE, rng.choice((0, 0, 0, 1, 1, 2))))
    return spec if list(configurations(spec)) else meeting(rng)


def one_of_meeting(rng, number):
    name = rng.choice(NAMES)
    held = [axis for axis in "lk" if re.search(rf"\b{axis}\b", name)]
    laid = rng.sample([axis for axis in "lk" if axis not in held], min(1, 2 - len(held))) if rng.random() < (0.8 if name == "t" else 0.2) else []
    own = f"r{number}" + "".join(f".<{axis}>" for axis in held + laid)
    sides = {"hf": {"": f"{own}  h"}, "mcore": {"": f"{name}  {' '.join(rng.sample(laid + ['h'], len(laid) + 1))}"}}
    loops = []
    for axis in held + laid:
        if rng.random() < 0.6:
            low, high = rng.choice(BOUNDS), rng.choice(BOUNDS)
            where = rng.choice(WHERE)
            loops.append((axis, low, high, where and where.format(axis)))
    return Rule(f"r{number}", sides, loops)


def configurations(spec):
    for n, m in itertools.product(range(-2, 5), repeat=2):
        options = {"n": n, "m": m}
        if all(value(condition, options) for condition in spec.require):
            yield options


def meshes(spec):
    yield {}
    dims = {axis.split["mcore"] for axis in spec.axes.values() if "mcore" in axis.split}
    for dim in dims:
        yield {dim: 2}
    if len(dims) > 1:
        yield dict.fromkeys(dims, 2)


def fitting(spec, options):
    """Meshes that divide what they split."""
    for mesh in meshes(spec):
        sizes = [(value(axis.size, options), mesh.get(axis.split.get("mcore"), 1)) for axis in spec.axes.values()]
        if all(size % ranks == 0 for size, ranks in sizes):
            yield mesh


def meet(spec):
    """A configuration at which two rules have an element at one home, or None."""
    for options in configurations(spec):
        for mesh in meshes(spec):
            try:
                held = Held(spec, options, End("mcore", mesh))
            except Refused as why:
                if "B02" in why.ids:  # one name, two shapes
                    return options, mesh, why
                continue
            for home, elements in held.by.items():
                if len({rule for rule, _, _ in elements}) > 1:
                    return options, mesh, home, sorted(elements)
    return None


def undecidable(spec):
    """Something that the linear proofs cannot see through: `//`, `%`, min, multiples, sums of options or two axes in a hole, digits beside a hole, an
    axis in two holes, `where`; or rules that never stand together."""
    said = " ".join(text for rule in spec.rules for text in (*rule.sides["mcore"].values(), *(str(loop[1:]) for loop in rule.loops)))
    said += " ".join(spec.require)
    return bool(re.search(r"//|%|min|n \* l|l \+ k|2 \* l|<n \+ m>|t1?<|<l>.<l>", said)) or any(loop[3] for rule in spec.rules for loop in rule.loops) or idle(spec)


def idle(spec):
    """In no configuration do all rules have elements: ranges are empty, or go beyond their axes."""
    for options in configurations(spec):
        try:
            if {rule for rule, _, _ in Held(spec, options, End("hf")).homes} == {rule.name for rule in spec.rules}:
                return False
        except Refused:
            continue
    return True
