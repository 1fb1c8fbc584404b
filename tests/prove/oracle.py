"""What the manual's sections 3 to 6 mean, element by element: the oracle of the proofs and of what is written.

`Held` says for one end where each logical element lives: at which place, in which tensor, at which coordinates, by section 5's
formula read as a mixed radix number. It knows nothing of boxes. A logical element is (rule, part, index of each axis, by the axes' names).
"""
import collections
import functools
import itertools
import re

from address import Address, Unreadable, holds
from spec import DIMS, value


class Refused(Exception):
    """What the language refuses; `ids` are those that may be said."""

    def __init__(self, reason, *ids):
        super().__init__(reason)
        self.ids = ids


@functools.lru_cache(4096)
def read(text):
    return Address(text)


def addresses_of(rule, side):
    """[(address, its parts)]; a layout without sums holds the part of its label."""
    found = []
    for label, text in rule.sides.get(side, {}).items():
        address = read(text)
        found.append((address, address.parts() or [label]))
    return found


class Parts:
    """The parts of a rule: the axes of each, and the order in which a bare one lays what is left."""

    def __init__(self, spec, rule):
        self.rule, self.axes, self.orders = rule, {}, {}
        spelled, ways = collections.defaultdict(list), collections.defaultdict(list)
        for side in spec.sides:
            seen = set()
            for address, parts in addresses_of(rule, side):
                for part in parts:
                    if part in seen:
                        raise Refused(f"part `{part}` has two addresses", "R03")
                    seen.add(part)
                    captured = [] if address.constant else address.captured(spec.axes)
                    laid, bare = address.way(part) if address.parts() else (address.way("")[0], 0)
                    ways[part].append((captured, laid, bare))
                    once = captured + [axis for axis, _ in laid]
                    if len(set(once)) < len(once):
                        raise Refused(f"an axis of `{part}` is placed twice", "R03")
                    if not bare:
                        spelled[part].append(captured + [axis for axis, _ in laid])
        for part, found in ways.items():
            if len(found) != len(spec.sides):
                raise Refused(f"part `{part}` is missing on a side", "R03")
            if not spelled[part]:
                raise Refused(f"part `{part}` is spelled nowhere", "R03")
            own = [a for captured, laid, _ in found for a in captured + [axis for axis, starred in laid if not starred]]
            self.axes[part] = list(dict.fromkeys(own))
            self.orders[part] = spelled[part]
            if unknown := [a for captured, laid, _ in found for a in captured + [w for w, _ in laid] if a not in spec.axes]:
                raise Refused(f"no axis `{unknown[0]}`", "R02")

    def left(self, part, placed):
        """The residual axes of a bare part, given what is placed on its way."""
        orders = {tuple(axis for axis in order if axis not in placed and axis in self.axes[part]) for order in self.orders[part]}
        if len(orders) != 1:
            raise Refused(f"two sides spell `{part}` in different orders", "R03")
        return list(orders.pop())


class Slots:
    """The slots of each axis at an end: H(a) of section 5, None where a slot is empty."""

    def __init__(self, spec, names, end):
        self.spec, self.names, self.end = spec, {**names, **{d: end.mesh.get(d, 1) for d in DIMS}}, end
        self.sizes, self.padded, self.lists = {}, {}, {}
        for axis, declared in spec.axes.items():
            self.sizes[axis] = self.padded[axis] = value(declared.size, names)
            if self.sizes[axis] < 0:
                raise Refused(f"`{axis}` has a negative size", "B03")
            if pad := declared.pad.get(end.side):
                multiple = value(pad, self.names)
                self.padded[axis] = -(-self.sizes[axis] // multiple) * multiple

    def ranks(self, axis):
        split = self.spec.axes[axis].split.get(self.end.side)
        mesh = self.end.mesh
        return split, (mesh.get("pp", 1) * mesh.get("vpp", 1) if split == "pp" else mesh.get(split, 1))

    def is_split(self, axis):
        split, ranks = self.ranks(axis)
        return split is not None and (ranks > 1 or split in self.end.tables)

    def is_cut(self, axis):
        split, ranks = self.ranks(axis)
        return split == "tp" and "tp" not in self.end.tables and 0 < self.padded[axis] < ranks

    def all(self, axis):
        """A list for each rank."""
        if axis not in self.lists:
            self.lists[axis] = self.make(axis)
        return self.lists[axis]

    def make(self, axis):
        split, ranks = self.ranks(axis)
        size, padded = self.sizes[axis], self.padded[axis]
        whole = [i if i < size else None for i in range(padded)]
        if split in self.end.tables:
            table = self.end.tables[split]
            if table and not isinstance(table[0], list):  # counts
                starts = [sum(table[:i]) for i in range(len(table))]
                table = [list(range(start, start + count)) for start, count in zip(starts, table)]
            if len(table) != ranks or sorted(i for slots in table for i in slots if i is not None) != list(range(size)):
                raise Refused(f"the table does not hold each index of `{axis}` once", "B01")
            return table
        if self.is_cut(axis) or ranks == 1:
            return [whole] * ranks
        if padded % ranks:
            raise Refused(f"`{axis}` does not divide", "B01")
        return [whole[r * padded // ranks:(r + 1) * padded // ranks] for r in range(ranks)]

    def at(self, axis, place):
        split, _ = self.ranks(axis)
        if split is None:
            return self.all(axis)[0]
        rank = place["vpp"] * self.end.mesh.get("pp", 1) + place["pp"] if split == "pp" else place[split]
        return self.all(axis)[rank]


class Laid:
    """One part by one address in one place: widths, coordinates, names."""

    def __init__(self, held, address, part, parts, place):
        self.held, self.address, self.part, self.parts, self.place = held, address, part, parts, place
        self.captured = [] if address.constant else address.captured(held.spec.axes)
        self.residuals = {each: self.find_residual(each) for each in address.parts()}
        self.slots = {axis: held.slots.at(axis, place) for axis in self.passed()}
        self.widths, self.names, self.key = {}, {}, tuple(place[d] for d in DIMS)

    def passed(self):
        words = [axis for part in self.address.parts() or [""] for axis, _ in self.address.way(part)[0]]
        residual = [axis for axes in self.residuals.values() for axis in axes]
        return dict.fromkeys(self.captured + words + residual)

    def find_residual(self, part):
        way, bare = self.address.way(part)
        if bare > 1:
            raise Refused(f"`{part}` stands bare twice", "R03", "R01")
        return self.parts.left(part, self.captured + [axis for axis, _ in way]) if bare else []

    def mine(self):
        """The axes whose slots make a coordinate or a name for this part: its own, and those that hold copies of it."""
        way = [axis for axis, _ in self.address.way(self.part if self.address.parts() else "")[0]]
        return dict.fromkeys(self.captured + way + self.residuals.get(self.part, []))

    def width_of_term(self, term):
        if term[0] == "group":
            return self.product(term[1])
        axes = term[2] if term[0] == "spelled" else self.residuals[term[1]]
        width = 1
        for axis in axes:
            width *= len(self.slots[axis])
        return width

    def width(self, factor):
        if factor[0] == "axis":
            return len(self.slots[factor[1]])
        if factor[0] == "one":
            return 1
        if id(factor) not in self.widths:
            self.widths[id(factor)] = sum(self.width_of_term(term) for term in factor[1])
        return self.widths[id(factor)]

    def product(self, factors):
        width = 1
        for factor in factors:
            width *= self.width(factor)
        return width

    def shape(self):
        return tuple(self.product(dimension) for dimension in self.address.layout)

    def digit(self, factor, at):
        if factor[0] == "axis":
            return at[factor[1]]
        if factor[0] == "one":
            return 0
        offset = 0
        for term in factor[1]:
            if holds(term, self.part):
                return offset + self.in_term(term, at)
            offset += self.width_of_term(term)
        raise Unreadable(f"`{self.part}` is missing in a sum")

    def in_term(self, term, at):
        """The coordinate within the term that holds the part."""
        if term[0] == "group":
            return self.number(term[1], at)
        number = 0
        for axis in term[2] if term[0] == "spelled" else self.residuals[term[1]]:
            number = number * len(self.slots[axis]) + at[axis]
        return number

    def number(self, factors, at):
        number = 0
        for factor in factors:
            number = number * self.width(factor) + self.digit(factor, at)
        return number

    def coordinates(self, at):
        return tuple(self.number(dimension, at) for dimension in self.address.layout)

    def name(self, at, index):
        """What the holes print."""
        key = tuple((at[axis], index[axis]) for axis in self.captured)
        if key not in self.names:
            self.names[key] = self.print_name(at, index)
        return self.names[key]

    def print_name(self, at, index):
        said = []
        for piece in self.address.name:
            if not isinstance(piece, tuple):
                said.append(piece)
                continue
            hole, slots = piece[1], self.held.slots
            if hole in self.captured:
                said.append(str(at[hole] if slots.is_split(hole) else index[hole]))
            else:
                said.append(str(value(hole, {**slots.names, **index})))
        return "".join(said)


class Held:
    """An end. homes: {element: [(place, tensor, coordinates)]}; shapes: {(place, tensor): shape}; by: {(place, tensor,
    coordinates): elements that live there}; pads, rests: coordinates that may hold nothing; values: {element: (constant or unused, number)}."""

    def __init__(self, spec, options, end):
        self.spec, self.end = spec, end
        names = {**spec.options, **options}
        self.slots = Slots(spec, names, end)
        self.homes, self.by = collections.defaultdict(list), collections.defaultdict(set)
        self.shapes, self.pads, self.rest, self.values = {}, set(), set(), {}
        self.idle = False  # some rule makes nothing
        self.places = [dict(zip(DIMS, at)) for at in itertools.product(*(range(end.mesh.get(d, 1)) for d in DIMS))]
        for rule in spec.rules:
            try:
                parts = Parts(spec, rule)
                self.loops = self.ranges(rule, names)
                if set() in self.loops.values():
                    self.idle = True
                    continue
                for axis, indices in self.loops.items():
                    if len(indices) > 1 and any(axis not in axes for axes in parts.axes.values()):
                        raise Refused(f"a part without `{axis}` would stand once for each of its indices", "V03")
                for side in spec.sides:
                    for address, held in addresses_of(rule, side):
                        self.check_address(parts, address, held, side == end.side)
                for address, held in addresses_of(rule, end.side):
                    for part in held:
                        self.lay(rule, parts, address, part)
            except Unreadable as why:
                raise Refused(str(why), "R01", "R03") from None

    def check_address(self, parts, address, held, here):
        """What is wrong whoever has elements: a bare part without an order, a split axis in an expression."""
        captured = address.captured(self.spec.axes)
        for part in held if address.parts() else ():
            way, bare = address.way(part)
            if bare:
                parts.left(part, captured + [axis for axis, _ in way])
        for hole in address.holes():
            if here and hole not in captured and any(self.slots.is_split(a) for a in re.findall(r"\w+", hole) if a in captured):
                raise Refused(f"`{hole}`: a split axis must stand alone", "B01")

    def ranges(self, rule, names):
        loops, beyond = {}, None
        for axis, low, high, where in rule.loops:
            indices = range(value(low, names), value(high, names))
            loops[axis] = {i for i in indices if where is None or value(where, {**names, axis: i})}
            beyond = beyond or (axis if len(indices) and (indices[0] < 0 or indices[-1] >= self.slots.sizes[axis]) else None)
        if beyond and set() not in loops.values():
            raise Refused(f"the range of `{beyond}` goes beyond it", "B03")
        return loops

    def lay(self, rule, parts, address, part):
        own = parts.axes[part]
        if address.constant:
            own = sorted(own)
            for axis in own:
                self.slots.all(axis)
            for index in itertools.product(*(range(self.slots.sizes[axis]) for axis in own)):
                self.values[rule.name, part, index] = (
                    address.constant[0], value(address.constant[1], {**self.slots.names, **dict(zip(own, index))}))
            return
        for place in self.places:
            self.lay_in(Laid(self, address, part, parts, place), rule.name, sorted(own))

    def lay_in(self, laid, rule, own):
        cut, mine, shape = self.cut_of(laid.address, laid), list(laid.mine()), laid.shape()
        if 0 in shape:
            return
        self.declare(laid, mine, self.cut_shape(shape, cut))
        missing = [range(self.slots.sizes[axis]) for axis in own if axis not in mine]  # does not depend on these: all live here
        ranged = [axis for axis in mine if axis in self.loops]
        for slots in itertools.product(*(range(len(laid.slots[axis])) for axis in mine)):
            at = dict(zip(mine, slots))
            index = {axis: laid.slots[axis][slot] for axis, slot in at.items()}
            if any(index[axis] not in self.loops[axis] and index[axis] is not None for axis in ranged):
                continue
            home = self.home(laid, at, index, shape, cut)
            if not home:
                continue
            if None in index.values():
                self.pads.add(home)
            elif not missing:
                self.at_home((rule, laid.part, tuple([index[axis] for axis in own])), home)
            else:
                for more in itertools.product(*missing):
                    whole = {**index, **dict(zip([axis for axis in own if axis not in mine], more))}
                    self.at_home((rule, laid.part, tuple([whole[axis] for axis in own])), home)

    def declare(self, laid, mine, shape):
        """A tensor stands in a place if its shape has elements there, whoever fills them."""
        slots = {axis: laid.slots[axis] for axis in mine if axis in laid.captured}
        for at in itertools.product(*(range(len(listed)) for listed in slots.values())):
            at = dict(zip(slots, at))
            index = {axis: slots[axis][slot] for axis, slot in at.items()}
            if any(i is None or (axis in self.loops and i not in self.loops[axis]) for axis, i in index.items()):
                continue
            tensor = laid.key, laid.name(at, index)
            if self.shapes.setdefault(tensor, shape) != shape:
                raise Refused(f"`{tensor[1]}` has two shapes", "B02")
            if laid.address.rest:
                self.rest.add(tensor)

    def cut_shape(self, shape, cut):
        return shape if not cut else (*shape[:cut[0]], shape[cut[0]] // cut[1], *shape[cut[0] + 1:])

    def cut_of(self, address, laid):
        """(dimension, how many) if a leading axis is cut (section 4)."""
        cuts = []
        for axis in laid.passed():
            if not self.slots.is_cut(axis):
                continue
            uses = sum(a == axis for part in address.parts() or [""] for a, _ in address.way(part)[0])
            leads = [d for d, dimension in enumerate(address.layout) if dimension[0][:2] == ("axis", axis)]
            if axis in laid.captured or len(leads) != 1 or uses > len(address.parts() or [""]):
                raise Refused(f"`{axis}` has too few indices and does not lead", "B01")
            cuts.append((leads[0], self.slots.ranks(axis)[1]))
        if len(set(cuts)) > 1:
            raise Refused("two dimensions would be cut", "B01")
        if cuts and laid.shape()[cuts[0][0]] % cuts[0][1]:
            raise Refused("the dimension does not divide", "B01")
        return cuts[0] if cuts else None

    def home(self, laid, at, index, shape, cut):
        """(place, tensor, coordinates), or None where this place does not hold it."""
        if any(index[axis] is None for axis in laid.captured):
            return None
        name, where = laid.name(at, index), laid.coordinates(at)
        if cut:
            dimension, ranks = cut
            width = shape[dimension] // ranks
            if where[dimension] // width != laid.place["tp"]:
                return None
            where = (*where[:dimension], where[dimension] % width, *where[dimension + 1:])
        return laid.key, name, where

    def at_home(self, element, home):
        self.homes[element].append(home)
        self.by[home].add(element)

    def collisions(self):
        """Homes of more than one element, and real elements that live where a pad is."""
        return [home for home, elements in self.by.items() if len(elements) > 1] + [home for home in self.pads if home in self.by]

    def holes(self):
        for (place, name), shape in self.shapes.items():
            if (place, name) in self.rest:
                continue
            for where in itertools.product(*map(range, shape)):
                if (place, name, where) not in self.by and (place, name, where) not in self.pads:
                    yield place, name, where


def judge(conversion):
    """The two ends of a conversion that loses nothing. Raises Refused."""
    spec, options = conversion.spec, conversion.options
    a, b = Held(spec, options, conversion.source), Held(spec, options, conversion.target)
    for end in (a, b):
        for home in end.collisions():
            raise Refused(f"two elements at {home}: {sorted(end.by[home])[:2]}", "R03", "R05", "B02", "V03")
        for home in end.holes():
            raise Refused(f"nothing at {home}", "V03", "R03")
    for element in a.homes:
        if element not in b.homes and element not in b.values:
            raise Refused(f"{element} is lost", "V03", "R03")
    for element in b.homes:
        if element not in a.homes and element not in a.values:
            raise Refused(f"{element} comes from nowhere", "V03", "R03")
    return a, b
