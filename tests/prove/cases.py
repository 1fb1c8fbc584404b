"""Writes conversions as folders of the conformance suite, and reads what its runner says of them."""
import json
import math
import re
import struct
import subprocess

from address import Address
from oracle import Held, Refused, addresses_of
from spec import DIMS, value

# dtype: (bytes of an element, how a number is packed). Bits: the number is the element's bits, so all patterns travel.
BITS = {"U8": "<B", "I16": "<H", "BF16": "<H", "F16": "<H", "F32": "<I", "I32": "<I", "F64": "<Q", "I64": "<Q"}
NUMBERS = {"F32": "<f", "F64": "<d", "I32": "<i", "I64": "<q"}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def yaml(spec, dtype="F32"):
    lines = ["rules: 1", "family: f"]
    if spec.sides != ("hf", "mcore"):
        lines.append(f"sides: [{', '.join(spec.sides)}]")
    if spec.options:
        lines += ["options:"] + [f"  {name}: {default}" for name, default in spec.options.items()]
    if spec.require:
        lines += ["require:"] + [f"  {quoted(condition)}: must be" for condition in spec.require]
    lines.append("axes:")
    for name, axis in spec.axes.items():
        maps = {"split": axis.split, "pad": axis.pad}
        more = "".join(f", {key}: {{ {', '.join(f'{s}: {quoted(v)}' for s, v in sides.items())} }}" for key, sides in maps.items() if sides)
        lines.append(f"  {name}: {{ size: {quoted(axis.size)}{more} }}")
    lines += ["blocks:", "  b:"]
    for rule in spec.rules:
        lines.append(f"    {rule.name}:")
        if rule.loops:
            said = [quoted(f"{a} in {lo}..{hi}" + (f" where {where}" if where else "")) for a, lo, hi, where in rule.loops]
            lines.append(f"      for: [{', '.join(said)}]" if len(said) > 1 else f"      for: {said[0]}")
        if rule.pinned:
            lines.append(f"      dtype: {dtype.lower()}")
        for side, form in rule.sides.items():
            if list(form) == [""]:
                lines.append(f"      {side}: {quoted(form[''])}")
            else:
                lines += [f"      {side}:"] + [f"        {label}: {quoted(text)}" for label, text in form.items()]
    return "\n".join(lines + ["model:", "  - { use: b }", ""])


def operated(number, operations, names):
    for operation in operations:
        what, _, rest = operation.partition("(")
        by = value(rest[:-1], names) if rest else None
        number = -math.exp(number) if what == "neg_exp" else number + by if what == "plus" else number * by
    return number


class Contents:
    """The tensors of an end, by place: bytes of each element, zeros where nothing is."""

    def __init__(self, held, numbers, dtype, bits, dirty=None):
        self.held, pack = held, BITS[dtype] if bits else NUMBERS[dtype]
        zero = bytes(struct.calcsize(pack))
        self.dtype, self.tensors = dtype, {}
        for (place, name), shape in held.shapes.items():
            if math.prod(shape):
                self.tensors[place, name] = shape, [zero] * math.prod(shape)
        names = held.slots.names
        operations = {rule.name: {part: address.operations for address, parts in addresses_of(rule, held.end.side) for part in parts}
                      for rule in held.spec.rules}
        for (place, name, where), elements in held.by.items():
            element = next(iter(elements))
            number = operated(numbers[element], operations[element[0]][element[1]], names)
            self.put(place, name, where, struct.pack(pack, number))
        if dirty:  # what stands in a pad is never looked at
            for place, name, where in held.pads:
                self.put(place, name, where, bytes(dirty.randrange(256) for _ in zero))

    def put(self, place, name, where, packed):
        shape, elements = self.tensors[place, name]
        at = 0
        for size, coordinate in zip(shape, where):
            at = at * size + coordinate
        elements[at] = packed

    def write(self, folder):
        folder.mkdir()
        end = self.held.end
        dims = [d for d in DIMS if d in end.mesh]
        files = {}
        for (place, name), tensor in self.tensors.items():
            words = [f"{d}{place[DIMS.index(d)]}" for d in dims]
            files.setdefault("_".join(words) or end.side, {})[name] = tensor
        for file, tensors in files.items():
            header, data = {}, b""
            for name, (shape, elements) in tensors.items():
                begin, data = len(data), data + b"".join(elements)
                header[name] = {"dtype": self.dtype, "shape": shape, "data_offsets": [begin, len(data)]}
            text = json.dumps(header).encode()
            text += b" " * (-len(text) % 8)
            (folder / (file + ".safetensors")).write_bytes(struct.pack("<Q", len(text)) + text + data)


def verdict(spec, source, target, live):
    """Section 11, for one direction; `live`: the rules that make something."""
    lossy = checked = False
    for rule in spec.rules:
        if rule.name not in live:
            continue
        on_a, on_b = (addresses_of(rule, side) for side in (source, target))
        constants_a = {part for address, parts in on_a if address.constant for part in parts}
        for address, _ in on_a:
            starred = address.rest or any(f[0] == "axis" and f[2] for dimension in address.layout for f in flat(dimension))
            checked = checked or (starred and source != target) or starred
        for address, parts in on_b:
            if address.constant and not set(parts) <= constants_a:
                lossy, checked = lossy or address.constant[0] == "unused", checked or address.constant[0] == "constant"
        if source != target:
            steps = [tuple(address.operations) for address, _ in on_a + on_b if not address.constant]
            said = [step for steps_of in steps for step in steps_of]
            lossy = lossy or any(not exact(step) for step in said)
    return "lossy" if lossy else "checked" if checked else "exact"


def flat(factors):
    for factor in factors:
        yield factor
        for term in factor[1] if factor[0] == "sum" else ():
            if term[0] == "group":
                yield from flat(term[1])


def exact(step):
    return step.startswith("times(") and math.frexp(abs(value(step[6:-1], {})))[0] == 0.5


def end_json(end):
    out = {"side": end.side}
    if end.mesh:
        out["mesh"] = end.mesh
    if end.tables:
        out["place"] = end.tables
    return out


def write_case(folder, conversion, ends, rng, dtype="I32", bits=True, ulp=0):
    """`ends`: from oracle.judge, or None where it refuses: then only what would be read is written, if
    it can be. False: it cannot, so the case ends before the proofs of coverage."""
    folder.mkdir()
    spec, source, target = conversion.spec, conversion.source, conversion.target
    (folder / "rules.yaml").write_text(yaml(spec, dtype))
    case = {"from": end_json(source), "to": end_json(target), "options": {**spec.options, **conversion.options}}
    if ends is None:
        case |= {"phase": "plan", "error": {"id": "none", "file": None}}
        if source_of(conversion, folder / "in", dtype, bits):
            case["phase"] = "convert"
    else:
        a, b = ends
        there = numbered(a, b, bits)
        Contents(a, there, dtype, bits, rng).write(folder / "in")
        Contents(b, there, dtype, bits).write(folder / "out")
        back = {**there, **{element: number for element, (_, number) in b.values.items()}}
        Contents(a, back, dtype, bits).write(folder / "back")
        live = {rule for rule, _, _ in a.homes.keys() | b.homes.keys()}
        case |= {"verdict": {"forward": verdict(spec, source.side, target.side, live), "back": verdict(spec, target.side, source.side, live)},
                 "back": "back", "ulp": ulp}
    (folder / "case.json").write_text(json.dumps(case))
    return case.get("phase") != "plan"


def source_of(conversion, folder, dtype, bits):
    """Writes what is read, where that end alone has a meaning: the other one is at fault."""
    try:
        held = Held(conversion.spec, {**conversion.options}, conversion.source)
    except Refused:
        return False
    Contents(held, {element: 1 for element in held.homes}, dtype, bits).write(folder)
    return True


def numbered(a, b, bits):
    """A number of its own for each element; what is filled in, or compared with a constant, has its value."""
    numbers = {element: i + 1 if bits else 1 + i / 256 for i, element in enumerate(sorted(a.homes.keys() | b.homes.keys()))}
    numbers |= {element: number for element, (what, number) in b.values.items() if what == "constant"}
    return numbers | {element: number for element, (_, number) in a.values.items()}


def write_check(folder, spec):
    """Only the rule file is judged."""
    folder.mkdir()
    (folder / "rules.yaml").write_text(yaml(spec))
    (folder / "case.json").write_text(json.dumps({"phase": "check", "error": {"id": "none", "file": None}}))


def outcomes(program, folder):
    """{case: (id of the first error or None, what was said)}; a case that passed is not in it."""
    done = subprocess.run([program, str(folder)], capture_output=True, text=True, errors="replace")
    if not re.search(r"\d+ passed, \d+ failed\s*$", done.stdout):
        raise SystemExit(f"{program}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    found = {}
    for text in re.split(r"^FAILED ", done.stdout, flags=re.M)[1:]:
        name, _, said = text.partition(": ")
        error = re.search(r"error\[(\w+)\]", said)
        found[name] = error and error[1], said.strip()
    return found
