"""Encoded weights (fp8 blocks, mxfp4, gptq), carried and decoded, against the definition in docs/language.md section 8.

    python run_encodings.py build/release [--seed N] [--count N]

Random rules, sizes, blocks and meshes. What must come out is computed here: each layout is applied, by numpy, to arrays of
element numbers; then a granule of the target takes the field of the source granule that its elements come from. Where they
come from several, or a packed number would change, the case must be refused with B01 at the address. The conformance
runner judges each case, forward and back. Wants numpy; without it everything is skipped.
"""
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)

NAMES = {"uint8": "U8", "int32": "I32", "float32": "F32", "float16": "F16", "bf16": "BF16", "f8": "F8_E4M3"}


def write_safetensors(path, tensors):
    """tensors: name -> (dtype name, array of raw numbers)"""
    header, data = {}, b""
    for name, (dtype, array) in sorted(tensors.items()):
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def f8_values():
    bits = np.arange(256)
    exponent, mantissa = bits >> 3 & 15, bits & 7
    size = np.where(exponent > 0, (8 + mantissa) * 2.0 ** (exponent - 10.0), mantissa * 2.0 ** -9)
    return (np.where(bits & 128, -1, 1) * size).astype(np.float32)


def to_bf16(values):
    bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


# --- layouts: the rule, the source's weights, and what each place of the target makes of arrays of that shape

class Layout:
    def __init__(self, axes, rule, shapes, make, tp):
        self.axes, self.rule, self.shapes, self.make, self.tp = axes, rule, shapes, make, tp


def cut(array, tp, axis=0):
    return np.split(array, tp, axis)


def layouts(rng, unit):
    """unit(n): a size that an encoding's last dimension can have"""
    tp = rng.choice([1, 2])
    f, h = tp * unit(rng.randint(1, 6)), unit(rng.randint(1, 5))
    yield Layout(f"f: {{ size: {f}, split: tp }}\n  h: {h}", ("x: { hf: x.weight  f h, mcore: y.weight  f h }",),
                 {"x": (f, h)}, lambda w: [{"y": p} for p in cut(w["x"], tp)], tp)
    yield Layout(f"f: {{ size: {f}, split: tp }}\n  h: {h}", ("x: { hf: x.weight  h f, mcore: y.weight  h f }",),
                 {"x": (h, f)}, lambda w: [{"y": p} for p in cut(w["x"], tp, 1)], tp)
    yield Layout(f"f: {{ size: {f}, split: tp }}\n  h: {h}", ("x: { hf: x.weight  h f, mcore: y.weight  f h }",),
                 {"x": (h, f)}, lambda w: [{"y": p.T} for p in cut(w["x"], tp, 1)], tp)
    yield Layout(f"f: {{ size: {f}, split: tp }}\n  h: {h}",
                 ("x: { hf: { a: a.weight  f h, b: b.weight  f h }, mcore: y.weight  (a+b f) h }",),
                 {"a": (f, h), "b": (f, h)},
                 lambda w: [{"y": np.concatenate(p)} for p in zip(cut(w["a"], tp), cut(w["b"], tp))], tp)
    yield Layout(f"f: {{ size: {f}, split: tp }}\n  h: {h}",
                 ("x: { hf: y.weight  (f a:1+b:1) h, mcore: { a: a.weight  f h, b: b.weight  f h } }",),
                 {"y": (2 * f, h)}, lambda w: [{"a": p[0::2], "b": p[1::2]} for p in cut(w["y"], tp)], tp)
    yield Layout(f"o: {f}\n  h: {h}", ("x: { hf: x.weight  o a:h+b:h, mcore: y.weight  o b+a }",), {"x": (f, 2 * h)},
                 lambda w: [{"y": np.concatenate([w["x"][:, h:], w["x"][:, :h]], 1)}], 1)
    g, r, d = tp * rng.randint(1, 2), rng.randint(1, 3), unit(rng.randint(1, 3))

    def qkv(w):
        q, k, v = (w[n].reshape(g, -1, h) for n in "qkv")
        whole = np.concatenate([q, k, v], 1)
        return [{"y": p.reshape(-1, h)} for p in cut(whole, tp)]
    yield Layout(f"g: {{ size: {g}, split: tp }}\n  r: {r}\n  d: {d}\n  h: {h}",
                 ("x: { hf: { q: q.weight  (g r d) h, k: k.weight  (g d) h, v: v.weight  (g d) h }, "
                  "mcore: y.weight  (g q+k+v d) h }",),
                 {"q": (g * r * d, h), "k": (g * d, h), "v": (g * d, h)}, qkv, tp)
    e = rng.randint(2, 3)
    yield Layout(f"e: {e}\n  f: {f}\n  h: {h}", ("x: { hf: x<e>.weight  f h, mcore: y.weight  e f h }",),
                 {f"x{i}": (f, h) for i in range(e)}, lambda w: [{"y": np.stack([w[f"x{i}"] for i in range(e)])}], 1)


# --- encodings: random fields of a weight, and fields at their own granularity

class Field:
    def __init__(self, form, dtype, out=1, inn=1, packed_out=False, packed_in=False, transposed=False, tail=0, groups=False):
        self.form, self.dtype, self.out, self.inn, self.packed_out, self.packed_in = form, dtype, out, inn, packed_out, packed_in
        self.transposed, self.tail, self.groups = transposed, tail, groups

    def shape(self, weight):
        *lead, o, i = weight
        if self.groups:
            return (*lead, i)
        rows, columns = -(-o // self.out), -(-i // self.inn)
        pair = (columns, rows) if self.transposed else (rows, columns)
        return (*lead, *pair, *([self.tail] if self.tail else []))

    def coordinates(self, weight, flat):
        """granule and position in it along packed dimensions, of elements by number"""
        *lead, o, i = weight
        at = np.unravel_index(flat, weight)
        row, column = at[-2] // self.out, at[-1] // self.inn
        pair = (column, row) if self.transposed else (row, column)
        grid = self.shape(weight)[:len(weight)]
        position = (at[-2] % self.out if self.packed_out else 0) + (at[-1] % self.inn if self.packed_in else 0)
        return np.ravel_multi_index((*at[:-2], *pair), grid), position + 0 * row

    def packed(self):
        return (self.out if self.packed_out else 1) * (self.inn if self.packed_in else 1)


class Refused(Exception):
    pass


def carry(field, weights, fields, target):
    """The field of one target weight. target: numbers (weight * 2^32 + element); weights: shapes; fields: by weight."""
    if field.groups:
        return np.broadcast_to((np.arange(target.shape[-1]) // field.inn).astype(np.int32), field.shape(target.shape))
    count = target.size
    where, element = np.divmod(target.ravel(), 2 ** 32)
    new, place = field.coordinates(target.shape, np.arange(count))
    old = np.zeros(count, np.int64)
    position = np.zeros(count, np.int64)
    for w, shape in enumerate(weights):
        mine = where == w
        granule, at = field.coordinates(shape, element[mine])
        old[mine], position[mine] = granule + w * 2 ** 40, at
    if np.any(position != place):
        raise Refused
    shape = field.shape(target.shape)
    grid = int(np.prod(shape[:target.ndim]))
    made = np.full(grid, -1, np.int64)
    for n, o in zip(new, old):
        if made[n] not in (-1, o):
            raise Refused
        made[n] = o
    if field.packed() > 1:
        seen = {(int(n), int(p)) for n, p in zip(new, place)}
        if len(seen) != grid * field.packed():
            raise Refused
    flat = [f.reshape(-1, field.tail or 1) for f in fields]
    return np.stack([flat[o >> 40][o & (2 ** 40 - 1)] for o in made]).reshape(shape)


def encodings(rng):
    a, b = rng.choice([1, 2, 3, 4]), rng.choice([1, 2, 3, 4])
    yield (f"{{ kind: fp8_block, block: [{a}, {b}], on: {{ hf: <name>_scale_inv, mcore: <name>_scale }} }}",
           [Field(("{}", "{}"), "f8"), Field(("{}_scale_inv", "{}_scale"), "float32", a, b)], lambda n: n)
    both = "[<name>_blocks, <name>_scales]"
    yield (f"{{ kind: mxfp4, on: {{ hf: {both}, mcore: {both} }} }}",
           [Field(("{}_blocks",) * 2, "uint8", inn=32, packed_in=True, tail=16), Field(("{}_scales",) * 2, "uint8", inn=32)],
           lambda n: 32 * n if rng.random() < 0.8 else 8 * n)
    bits, group = rng.choice([4, 8]), rng.choice([8, 16])
    pack = 32 // bits
    four = "[<stem>.qweight, <stem>.qzeros, <stem>.scales, <stem>.g_idx]"
    yield (f"{{ kind: gptq, bits: {bits}, group: {group}, on: {{ hf: {four}, mcore: {four} }} }}",
           [Field(("{s}.qweight",) * 2, "int32", inn=pack, packed_in=True, transposed=True),
            Field(("{s}.qzeros",) * 2, "int32", pack, group, packed_out=True, transposed=True),
            Field(("{s}.scales",) * 2, "float16", inn=group, transposed=True),
            Field(("{s}.g_idx",) * 2, "int32", inn=group, groups=True)],
           lambda n: 8 * n if rng.random() < 0.8 else 4 * n)


def name_of(field, side, weight):
    return field.form[side].format(weight + ".weight", s=weight)


def random_field(field, shape, rng, generator):
    size = field.shape(shape)
    if field.groups:
        return np.broadcast_to((np.arange(size[-1]) // field.inn).astype(np.int32), size).copy()
    if field.dtype == "float32":
        return generator.random(size, np.float32) + np.float32(0.5)
    if field.dtype == "float16":
        return generator.random(size, np.float32).astype(np.float16)
    high = 120 if field.dtype == "f8" else 250
    return generator.integers(0, high, size).astype(np.uint8 if field.dtype in ("f8", "uint8") else np.int32)


def whole(field, shape):
    *_, o, i = shape
    return (not field.packed_out or o % field.out == 0) and (not field.packed_in or i % field.inn == 0)


def place_of(text, word):
    for number, line in enumerate(text.splitlines(), 1):
        if word in line:
            return number, line.index(word) + 1
    raise AssertionError(word)


def make_case(root, number, layout, encoding, fields, mode, rng, generator):
    """mode: carried, decoded, act-order. False if the source itself cannot be encoded so."""
    if any(not whole(f, s) for f in fields for s in layout.shapes.values()):
        return False
    if mode == "decoded":
        encoding = encoding.split(", mcore:")[0] + " }, write: never }"
    rules = f"rules: 1\nfamily: e{number}\naxes:\n  {layout.axes}\nblocks:\n  b:\n    {layout.rule[0]}\n" \
            f"model: [{{ use: b }}]\nencodings:\n  enc: {encoding}\n"
    names = list(layout.shapes)
    stored = {n: [random_field(f, layout.shapes[n], rng, generator) for f in fields] for n in names}
    if mode == "act-order":
        first = stored[names[0]][3]
        if first.size <= fields[3].inn:
            return False
        first[..., 0], first[..., -1] = first[..., -1].copy(), first[..., 0].copy()
    numbers = {n: (np.arange(int(np.prod(s)), dtype=np.int64) + i * 2 ** 32).reshape(s)
               for i, (n, s) in enumerate(layout.shapes.items())}
    places = layout.make(numbers)
    out, wrong = [], set(places[0]) if mode == "act-order" else set()
    for place in places:
        tensors = {}
        for weight, target in place.items():
            if mode == "decoded":
                values = np.concatenate([decode(fields, stored[n], layout.shapes[n]).ravel() for n in names])
                starts = np.cumsum([0] + [int(np.prod(s)) for s in layout.shapes.values()])
                flat = starts[target >> 32] + (target & (2 ** 32 - 1))
                tensors[weight + ".weight"] = ("BF16", to_bf16(values[flat]))
                continue
            for index, field in enumerate(fields):
                try:
                    if not whole(field, target.shape):
                        raise Refused
                    made = carry(field, list(layout.shapes.values()), [stored[n][index] for n in names], target)
                    tensors[name_of(field, 1, weight)] = (NAMES[field.dtype], made)
                except Refused:
                    wrong.add(weight)
        out.append(tensors)
    refused = next((weight for weight in places[0] if weight in wrong), None)
    folder = root / ("negative" if refused else ".") / f"{number:04d}-{mode}"
    folder.mkdir(parents=True)
    (folder / "rules.yaml").write_text(rules)
    source = {name_of(f, 0, n): (NAMES[f.dtype], stored[n][i]) for n in names for i, f in enumerate(fields)}
    write_safetensors(folder / "in" / "hf.safetensors", source)
    case = {"from": {"side": "hf"}, "to": {"side": "mcore"}, "title": mode}
    if layout.tp > 1:
        case["to"]["mesh"] = {"tp": layout.tp}
    hf, mcore = layout.rule[0][3:].split("mcore: ")
    if refused:
        case |= {"phase": "convert", "error": error_at(rules, mcore, refused)}
        (folder / "case.json").write_text(json.dumps(case))
        return True
    lossy = mode == "decoded"
    back = None if lossy else cut_on_the_way_back(fields, numbers, places)
    case |= {"verdict": {"forward": "lossy" if lossy else "exact", "back": "exact"}, "back": "none" if lossy or back else "in"}
    if lossy:
        case["cast"] = "bf16"
    for rank, tensors in enumerate(out):
        write_safetensors(folder / "out" / (f"tp{rank}.safetensors" if layout.tp > 1 else "mcore.safetensors"), tensors)
    (folder / "case.json").write_text(json.dumps(case))
    if back:
        folder = root / "negative" / f"{number:04d}-back"
        shutil.copytree(root / f"{number:04d}-{mode}" / "out", folder / "in")
        (folder / "rules.yaml").write_text(rules)
        case = {"from": case["to"], "to": case["from"], "phase": "convert", "error": error_at(rules, hf, back)}
        (folder / "case.json").write_text(json.dumps(case))
    return True


def cut_on_the_way_back(fields, numbers, places):
    """The first weight of the source whose fields cannot be made of those of the target."""
    targets = [target for place in places for target in place.values()]
    shapes = [target.shape for target in targets]
    for name, own in numbers.items():
        back = np.zeros(own.size, np.int64)
        for t, target in enumerate(targets):
            mine = (target >> 32 == own.flat[0] >> 32).ravel()
            back[target.ravel()[mine] & (2 ** 32 - 1)] = np.flatnonzero(mine) + t * 2 ** 32
        for field in fields:
            try:
                carry(field, shapes, [np.zeros(field.shape(s)) for s in shapes], back.reshape(own.shape))
            except Refused:
                return name
    return None


def error_at(rules, side, weight):
    """B01 at the address of this weight."""
    addresses = [a.strip(" {},") for a in side.split(", ")]
    addresses = [a.split(": ", 1)[1] if ": " in a.split("  ")[0] else a for a in addresses]
    own = [a for a in addresses if a.startswith(weight + ".weight")] or addresses
    line, column = place_of(rules, own[0])
    return {"id": "B01", "file": "rules.yaml", "line": line, "col": column}


def decode(fields, stored, shape):
    *lead, o, i = shape
    if fields[0].dtype == "f8":
        scales = np.repeat(np.repeat(stored[1], fields[1].out, -2), fields[1].inn, -1)[..., :o, :i]
        return f8_values()[stored[0]] * scales
    sizes = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float64)
    table = np.concatenate([sizes, -sizes])
    nibbles = np.stack([stored[0] & 15, stored[0] >> 4], -1).reshape(*lead, o, i // 32, 32)
    return (table[nibbles] * 2.0 ** (stored[1].astype(np.float64) - 127)[..., None]).reshape(shape).astype(np.float32)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    options = dict(zip(sys.argv[2::2], map(int, sys.argv[3::2])))
    seed, count = options.get("--seed", 1), options.get("--count", 400)
    rng, generator = random.Random(seed), np.random.default_rng(seed)
    root = pathlib.Path(tempfile.mkdtemp(prefix="encodings"))
    made = {}
    number = 0
    while number < count:
        for encoding, fields, unit in encodings(rng):
            for layout in layouts(rng, unit):
                modes = ["carried", "act-order" if "gptq" in encoding else "decoded"]
                for mode in modes:
                    if make_case(root, number, layout, encoding, fields, mode, rng, generator):
                        number += 1
    refused = sum(1 for _ in (root / "negative").glob("*"))
    print(f"seed {seed}: {number - refused} cases to be carried or decoded, {refused} to be refused")
    done = subprocess.run([str(build / "tests" / "conformance"), str(root)], capture_output=True, text=True)
    print(done.stdout[-8000:], done.stderr[-2000:])
    shutil.rmtree(root)
    sys.exit(done.returncode)


main()
