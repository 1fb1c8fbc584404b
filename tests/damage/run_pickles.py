"""Random pickle programs: what the library makes of them is what both of Python's machines make of them, or it refuses. What either of
Python's refuses, or what they read differently, it must refuse.

    python run_pickles.py BUILD [--seed N]     4,000 programs
    python run_pickles.py BUILD --all          200,000

Programs know the height of the stack, so most of them are sound; now and then an opcode is drawn without looking, or a byte changed.
"""
import collections
import io
import json
import pathlib
import pickle
import pickletools
import random
import resource
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import sanitized  # noqa: E402

MOST_NODES = 20_000  # beyond, a value is told by nothing but this
FROM_GLOBALS = {("collections", "OrderedDict"): collections.OrderedDict, ("builtins", "set"): set, ("builtins", "list"): list,
                ("builtins", "tuple"): tuple, ("builtins", "dict"): dict, ("builtins", "frozenset"): frozenset, ("collections", "Counter"): collections.Counter}
BATCH = 2000


class Unshowable(Exception):
    """Contains itself."""


class Large(Exception):
    pass


def show(value, budget, inside=()):
    """As damage_reader shows a tree."""
    budget[0] -= 1
    if budget[0] < 0:
        raise Large
    if id(value) in inside:
        raise Unshowable
    within = (*inside, id(value))
    each = lambda items: [show(item, budget, within) for item in items]
    if isinstance(value, (type, Other)):
        return "?"
    if value is None or isinstance(value, (bool, int)):
        return str(value)
    if isinstance(value, float):
        return "f" + struct.pack(">d", value).hex()
    if isinstance(value, str):
        return "t" + value.encode("utf-8", "surrogatepass").hex()
    if isinstance(value, (bytes, bytearray)):
        return "b" + bytes(value).hex()
    if isinstance(value, list):
        return "[" + ",".join(each(value)) + "]"
    if isinstance(value, tuple):
        return "(" + ",".join(each(value)) + ")"
    if isinstance(value, (set, frozenset)):
        return "{" + ",".join(sorted(each(value))) + "}"
    if isinstance(value, dict):
        return "{" + ",".join(f"{k}:{v}" for k, v in zip(each(value.keys()), each(value.values()))) + "}"
    raise Unshowable


class Other:
    """Of a package that nobody looks up."""
    def __new__(cls, *_):
        return object.__new__(cls)

    def __init__(self, *_):
        pass

    def __setstate__(self, _):
        pass


class Restricted:
    met_others = False

    def find_class(self, module, name):
        self.met_others |= (module, name) not in FROM_GLOBALS
        return FROM_GLOBALS.get((module, name), Other)


class OfC(Restricted, pickle.Unpickler):
    pass


class OfPython(Restricted, pickle._Unpickler):
    pass


def by(machine, data):
    """Its value as text; "" where it is too large; None: refused. "?" where it failed after a name of another package: we cannot say
    what such an object takes."""
    file = io.BytesIO(data)
    reader = machine(file, encoding="latin1")
    try:
        value = reader.load()
        return show(value, [MOST_NODES]) if file.tell() == len(data) or machine is OfC else None
    except Large:
        return ""
    except Exception:
        return "?" if reader.met_others else None


class Program:
    """Grows opcode by opcode; `kinds` are those of the values above each MARK."""

    def __init__(self, rng):
        self.rng, self.out, self.kinds, self.marks, self.known = rng, bytearray(), [], [], set()

    def value(self):
        """(kind, bytes) of one that is pushed."""
        r = self.rng
        text = r.choice(["", "a", "b", "key", "\u00e9", "\U0001f600"]).encode()
        plain = r.choice([b"", b"a", b"xy"])
        whole = r.randrange(-2 ** r.choice([1, 8, 31, 63, 64, 70]), 2 ** r.choice([1, 8, 31, 63, 64, 70]))
        packed = pickle.encode_long(whole)
        return r.choice([
            ("leaf", b"N"), ("leaf", b"\x88"), ("leaf", b"\x89"), ("leaf", b"K" + bytes([r.randrange(256)])), ("leaf", b"M" + r.randbytes(2)),
            ("leaf", b"J" + r.randbytes(4)), ("leaf", b"\x8a" + bytes([len(packed)]) + packed), ("leaf", b"\x8b" + struct.pack("<i", len(packed)) + packed),
            ("leaf", b"I%d\n" % whole), ("leaf", b"L%dL\n" % whole), ("leaf", b"I0%d\n" % r.randrange(3)), ("leaf", b"G" + r.randbytes(8)),
            ("leaf", b"F" + repr(r.uniform(-1e9, 1e9)).encode() + b"\n"), ("text", b"X" + struct.pack("<I", len(text)) + text),
            ("text", b"\x8c" + bytes([len(text)]) + text), ("text", b"\x8d" + struct.pack("<Q", len(text)) + text), ("text", b"V" + r.choice([b"a", b"\\u00e9x", b"\\n"]) + b"\n"),
            ("text", b"U" + bytes([len(plain)]) + plain), ("text", b"S" + repr(plain.decode()).encode() + b"\n"), ("leaf", b"C" + bytes([len(plain)]) + plain),
            ("leaf", b"\x96" + struct.pack("<Q", len(plain)) + plain), ("list", b"]"), ("dict", b"}"), ("tuple", b")"), ("set", b"\x8f"),
        ])

    def top(self):
        return self.kinds[-1] if self.kinds else None

    def count(self):
        return len(self.kinds) - (self.marks[-1] if self.marks else 0)

    def at(self, down):
        return self.kinds[-down] if self.count() >= down else None

    def close(self, code, kind, below):
        """Takes what is behind the last MARK."""
        del self.kinds[self.marks.pop():]
        self.out += code
        if not below:
            self.kinds.append(kind)

    def step(self):
        r = self.rng
        ways = [self.push, self.push, self.push, self.mark]
        if self.count() >= 1:
            ways += [self.put, self.memoize, lambda: self.few(1), self.dup, self.pop]
        if self.known:
            ways += [self.get, self.get]
        if self.at(2) == "list":
            ways += [lambda: self.one(b"a", 1)] * 3
        if self.at(3) == "dict" and self.at(2) in ("text", "leaf"):
            ways += [lambda: self.one(b"s", 2)] * 3
        if self.count() >= 2:
            ways += [lambda: self.few(2)]
        if self.count() >= 3:
            ways += [lambda: self.few(3)]
        if len(self.marks) > 1:  # the first stays open to the end
            ways += [lambda: self.close(b"t", "tuple", False), lambda: self.close(b"l", "list", False), lambda: self.close(b"1", None, True)]
            below = self.kinds[self.marks[-1] - 1] if self.marks[-1] else None
            pairs = self.count() % 2 == 0
            if pairs:
                ways.append(lambda: self.close(b"d", "dict", False))
            if below == "list":
                ways += [lambda: self.close(b"e", None, True)] * 2
            if below == "dict" and pairs:
                ways += [lambda: self.close(b"u", None, True)] * 2
            if below == "set":
                ways += [lambda: self.close(b"\x90", None, True)] * 2
            ways.append(lambda: self.close(b"\x91", "frozenset", False))
        if self.at(1) in ("list", "tuple"):
            ways.append(self.call)
        r.choice(ways)()

    def push(self):
        kind, code = self.value()
        self.kinds.append(kind)
        self.out += code

    def mark(self):
        self.marks.append(len(self.kinds))
        self.out += b"("

    def put(self):
        index = self.rng.randrange(8)
        self.known.add((index, self.top()))
        self.out += self.rng.choice([b"q" + bytes([index]), b"r" + struct.pack("<I", index), b"p%d\n" % index])

    def memoize(self):
        self.known.add((len({index for index, _ in self.known}), self.top()))
        self.out += b"\x94"

    def get(self):
        index, kind = self.rng.choice(sorted(self.known))
        self.kinds.append(kind)
        self.out += self.rng.choice([b"h" + bytes([index]), b"j" + struct.pack("<I", index), b"g%d\n" % index])

    def dup(self):
        self.kinds.append(self.top())
        self.out += b"2"

    def pop(self):
        self.kinds.pop()
        self.out += b"0"

    def few(self, count):
        del self.kinds[-count:]
        self.kinds.append("tuple")
        self.out += (b"\x85", b"\x86", b"\x87")[count - 1]

    def one(self, code, count):
        del self.kinds[-count:]
        self.out += code

    def call(self):
        """The value on top becomes the argument of a constructor."""
        (module, name), _ = self.rng.choice(list(FROM_GLOBALS.items()))
        kind = {"OrderedDict": "dict", "Counter": "dict"}.get(name, name)
        words = module.encode() + b"\n" + name.encode() + b"\n"
        forms = b"c" + words + b"h\x09R", b"c" + words + b"h\x09\x81", b"c" + words + b"h\x09}\x92", b"(c" + words + b"h\x09o", b"(h\x09i" + words
        self.out += b"\x85" + b"q\x09" + b"0" + self.rng.choice((forms[0], self.rng.choice(forms)))
        self.known.add((9, "tuple"))
        self.kinds[-1] = kind

    def whole(self):
        """With frames as the standard pickler sets them, sometimes."""
        while self.marks:
            self.close(b"t", "tuple", False)
        body = bytes(self.out) + b"."
        return b"\x80\x04" + (b"\x95" + struct.pack("<Q", len(body)) if self.rng.random() < 0.3 else b"") + body


OPCODES = b"N\x88\x89]})\x8f(tldeuas\x90\x91012\x85\x86\x87\x94R\x81bh\x01q\x01.\x95K"


def program(rng):
    made = Program(rng)
    made.mark()
    for _ in range(rng.randrange(3, 40)):
        if rng.random() < 0.005:
            made.out.append(rng.choice(OPCODES))
        else:
            made.step()
    data = made.whole()
    if rng.random() < 0.1:  # one byte is another
        at = rng.randrange(2, len(data))
        data = data[:at] + rng.randbytes(1) + data[at + 1:]
    return data


def many_keys():
    """Keys of one dict or set that are alike and yet not one: none may be taken for another."""
    yield {(i, j): 0 for i in range(200) for j in range(200)}
    yield {i: 0 for i in range(-50_000, 50_000)} | {str(i): 0 for i in range(50_000)} | {None: 0, (): 0}
    yield {i / 7: 0 for i in range(50_000)} | {(i,): 0 for i in range(1000)} | {((i,),): 0 for i in range(1000)}
    yield {2 ** 64 + i: 0 for i in range(1000)} | {float(i): 0 for i in range(1000)} | {b"%d" % i: 0 for i in range(1000)}
    yield {(i, frozenset((i, i + 1, j))) for i in range(150) for j in range(150)}


def told(reader, programs):
    """What the library says of each."""
    with tempfile.NamedTemporaryFile() as file:
        for data in programs:
            file.write(struct.pack("<I", len(data)) + data)
        file.flush()
        done = subprocess.run([reader, "pickles", file.name, str(MOST_NODES)], stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) != len(programs):
        raise SystemExit(f"ended by {done.returncode} at {programs[len(lines)].hex() if len(lines) < len(programs) else 'the end'}")
    return [json.loads(line) for line in lines]


def opcodes(data):
    """As far as they can be told apart."""
    try:
        yield from pickletools.genops(data)
    except ValueError:
        pass


def judge(data, ours, tally):
    """What is wrong, or None."""
    if any(word in ours.get("message", "") for word in ("(limit", "more bytes", "more than there are")):
        tally["refused before room is made, as Python would do"] += 1
        return None
    if any("STRING" in op.name and not str(arg).isascii() for op, arg, _ in opcodes(data)):  # Python wants to be told its encoding
        tally["of text of Python 2 beyond ASCII"] += 1
        return None
    one, other = by(OfC, data), by(OfPython, data)
    if "value" not in ours:
        tally["refused, and by Python" if None in (one, other) or one != other else "refused by us alone: " + ours["message"].split(", at byte")[0]] += 1
        return None
    tally["accepted"] += 1
    if one == other == ours["value"]:
        return None
    if "?" in (one, other):
        tally["of it with objects of others"] += 1
        return None
    if other == ours["value"] and any(op.name == "BUILD" for op, _, _ in opcodes(data)):
        tally["of it with a state that says nothing, for which one of Python's machines wants a place"] += 1
        return None
    return f"{data.hex()}: read as {ours['value'][:300]}; Python's machines: {(one or 'refused')[:300]} and {(other or 'refused')[:300]}"


def main():
    reader = pathlib.Path(sys.argv[1]).resolve() / "tests" / "damage_reader"
    if not sanitized.is_sanitized(reader):
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    sys.unraisablehook = lambda _: None  # Python's machine in C complains of a bytearray that it could not fill
    everything = "--all" in sys.argv
    seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 1
    count, rng, tally, wrong = 200_000 if everything else 4_000, random.Random(seed), collections.Counter(), 0
    for ours in told(reader, [pickle.dumps(value, 4) for value in many_keys()]):
        if "value" not in ours:
            wrong += 1
            print(f"many keys: {ours['message']}")
    for _ in range(count // BATCH):
        programs = [program(rng) for _ in range(BATCH)]
        for data, ours in zip(programs, told(reader, programs)):
            if fault := judge(data, ours, tally):
                wrong += 1
                if wrong <= 10:
                    print(fault)
    for what, number in tally.most_common(15):
        print(f"{number:7} {what}")
    few = tally["accepted"] * 3 < count
    if few:
        print("fewer than a third were accepted: this compares too little")
    print(f"{count - wrong} passed, {wrong + few} failed")
    return 1 if wrong or few else 0


if __name__ == "__main__":
    sys.exit(main())
