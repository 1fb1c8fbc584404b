"""Rule files of at most 1 MiB, each made to cost most where little bounds it: judged within 10 s and 1 GiB, with file and line.

    python run_rule_times.py build/release [WORD]

run_rule_files.py has what is large in one way; here what rules multiply, through `check` and `plan`.
"""
import json
import pathlib
import re
import struct
import sys
import tempfile

from run_rule_files import AXES, EITHER, HEAD, MODEL, WRONG, judge_run, one, rules, write

SECONDS, MEGABYTES = 10.0, 1024  # of processor time; of memory
MOST_SHOWN = 100 << 20  # bytes of an output
PLACE = re.compile(r"^\S+:\d+:\d+: error\[[A-Z]\d\d\]: ", re.M)
ONE = "o: { hf: o  h, mcore: o  h }"
COMMANDS = {"check": ["check", "{rules}"], "config": ["check", "{rules}", "--config", "{config}"],
            "plan": ["plan", "--rules", "{rules}", "--config", "{config}"],
            "plan over two stages": ["plan", "--rules", "{rules}", "--config", "{config}", "--pp", "2"],
            "plan of a checkpoint": ["plan", "--rules", "{rules}", "{folder}/checkpoint"]}

cases = []


def case(name, text, status, command="check", said="", **files):
    """`said` stands in the message; `files` as in run_rule_files."""
    assert len(text) <= 1 << 20, name
    cases.append((name, text, status, command, said, files))


# --- axes of any size
case("an index of an axis of 2^61", rules(["o: { hf: o  h, mcore: o  e h, for: e in 0..1 }"], axes=f"axes: {{ h: 1, e: {1 << 61} }}\n"), EITHER, "plan")
case("an index of a split axis of 4 * 10^18", one("o.<l>  h", more=", for: l in 0..1", axes=f"axes: {{ h: 8, l: {{ size: {4 * 10 ** 18}, split: pp }} }}\n"),
     EITHER, "plan over two stages")

# --- what the places of a model multiply
MANY = "model: [{ use: [" + ", ".join(["b"] * 19000) + "] }]\n"
HOLES = "<l>.".join(["x"] * 800)
WIDE = "o  " + " ".join(f"a{j}" for j in range(60))


def alternatives(key):
    last = " and ".join(f"{key} != {i}" for i in range(31))
    return [f"    - {{ when: {when}, is: {WIDE} }}" for when in [f"{key} == {i}" for i in range(31)] + [last]]


def parts(count, side):
    return [f"  {side}:"] + [f"    p{i}: {side[0]}{i}  h" for i in range(count)]


case("a prefix of many holes", rules([ONE], MANY.replace(" }]", f", hf: {HOLES}, mcore: {HOLES} }}]")), WRONG, said="MiB")
case("a large rule at many places", rules(["o:"] + parts(6000, "hf") + parts(6000, "mcore"), MANY), WRONG, said="MiB")
case("alternatives at many places", HEAD + "config: { k: k, m: m }\n" + rules(
    ["o:", "  hf:"] + alternatives("k") + ["  mcore:"] + alternatives("m"), MANY, "axes: {" + ", ".join(f"a{j}: 2" for j in range(60)) + "}\n")[len(HEAD):], WRONG, said="MiB")
case("copies of each place", rules([ONE], MANY + "same:\n" + "".join(f"  - {{ of: b.o, hf: c{i} }}\n" for i in range(9000))), WRONG, said="rules and copies")
case("sides at many places", HEAD + "sides: [" + ", ".join(f"s{i}" for i in range(16)) + "]\n" + rules(
    ["o: { when: '" + " and ".join(f"k.a{i} == 1" for i in range(60)) + "', " + ", ".join(f"s{i}: o  h" for i in range(16)) + " }"],
    MANY.replace("19000", "9000"))[len(HEAD):], WRONG)

# --- what a range multiplies
LONG, P = "x" * 4000, 500
for count in (100_000, 1_000_000):
    case(f"{count} long names", one(LONG + ".<l>  h", more=f", for: l in 0..{count}", axes=f"axes: {{ h: 8, l: {count} }}\n"), WRONG, "plan", said="MiB")
case("many moves", one("w.<l>  " + "+".join(f"p{i}:h" for i in range(P)), "w.<l>  " + "+".join(f"p{i}" for i in reversed(range(P))),
                       ", for: l in 0..100000", axes="axes: { h: 2, l: 100000 }\n"), WRONG, "plan", said="moves")
LIST = HEAD + "let: { xs: '[0] * 100000' }\n"
case("a condition that works at each index", LIST + one("o.<l>  h", more=", for: 'l in 0..1000000 where count_leading(xs, 0) >= 0'", axes="axes: { h: 8, l: 1000000 }\n")[len(HEAD):],
     WRONG, "plan of a checkpoint", said="too long")
case("a hole that works at each index", LIST + one("'o.<l + len(positions(xs, 0)) - 100000>  h'", more=", for: 'l in 0..100000'", axes="axes: { h: 8, l: 100000 }\n")[len(HEAD):],
     WRONG, "plan of a checkpoint", said="too long")
LOOPS = [f"a{i}" for i in range(25)]
for count in (25, 15):
    some = LOOPS[:count]
    case(f"{count + 1} ranges of one index each but one", one("o.<l>." + ".".join(f"<{a}>" for a in some) + "  h", more=", for: [l in 0..1000000, " + ", ".join(f"{a} in 0..1" for a in some) + "]",
         axes="axes: { h: 8, l: 1000000, " + ", ".join(f"{a}: 1" for a in some) + " }\n"), WRONG, "plan")
case("a constant of each index", one("constant(l)  h", "o.<l>  h, dtype: f32, for: l in 0..300000", axes="axes: { h: 8, l: 300000 }\n"), EITHER, "plan")
case("many value operations", rules(f"o{i}: {{ hf: a{i}  h, mcore: a{i}  h | plus({i}) }}" for i in range(15000)), EITHER, "plan")
case("encodings at each index", one("o.<l>  h k", more=", for: l in 0..100000", axes="axes: { h: 128, k: 128, l: 100000 }\n").replace(
    "blocks:", "encodings:\n" + "".join(f"  e{i}: {{ kind: fp8_block, block: [128, 128], on: {{ hf: <name>_s{i} }}, write: never }}\n" for i in range(5000)) + "blocks:"), WRONG, "plan", said="encodings")

# --- chains, and words that are unknown
case("defaults that wait for the next", HEAD + "defaults:\n" + "".join(f"  a{i}: a{i + 1}\n" for i in range(12000)) + "  a12000: 1\n" + rules([ONE])[len(HEAD):], EITHER, "config")
case("defaults that wait for all", HEAD + "defaults:\n" + "".join(f"  m.a{i}: m or 1\n" for i in range(20000)) + rules([ONE])[len(HEAD):], EITHER, "config")
pins = [f"r{i}: {{ hf: a{i}  h, mcore: b{i}  h, dtype: r{i + 1} }}" for i in range(9000)]
case("a chain of dtypes", rules(pins + ["r9000: { hf: a9000  h, mcore: b9000  h, dtype: f32 }"]), EITHER)
case("a chain of dtypes that is followed", rules(pins + ["r9000: { hf: a9000  h, mcore: b9000  h, dtype: f32 }"]), WRONG, "plan", said="by way of more than 64 rules")
case("a short chain of dtypes", rules(pins[:64] + ["r64: { hf: a64  h, mcore: b64  h, dtype: f32 }"]), {0}, "plan")
case("a ring of dtypes", rules(pins + ["r9000: { hf: a9000  h, mcore: b9000  h, dtype: r5000 }"]), WRONG, said="ring")
case("unknown dtypes", rules(f"rule_{i}: {{ hf: a{i}  h, mcore: b{i}  h, dtype: rula_x{i} }}" for i in range(9000)), WRONG)
case("unknown keys among `nulls`", HEAD + "defaults:\n" + "".join(f"  ka{i}: 1\n" for i in range(20000)) + "nulls: [" + ", ".join(f"kb{i}" for i in range(40000)) + "]\n" + rules([ONE])[len(HEAD):], WRONG)
case("many `nulls`", HEAD + "nulls: [" + ", ".join(f"a{i}" for i in range(90000)) + "]\n" + rules([ONE])[len(HEAD):], WRONG)
case("unknown blocks", HEAD + AXES + "blocks:\n" + "".join(f"  block_{i}: {{}}\n" for i in range(15000)) + "model: [{ use: [" + ", ".join(f"blick{i}" for i in range(40000)) + "] }]\n", WRONG)
case("copies of unknown rules", rules((f"rule_{i}: {{ hf: a{i}  h, mcore: b{i}  h }}" for i in range(5000)),
                                      MODEL + "same:\n" + "".join(f"  - {{ of: b.rula_x{i}, hf: c{i} }}\n" for i in range(9000))), WRONG)
case("long names of unknown sides", HEAD + "sides: [" + ", ".join("s" * 250 + f"{i}" for i in range(16)) + "]\naxes: { h: 8 }\nblocks: { b: { r: {\n" +
     "".join(" t" + "x" * 248 + f"{i}: a,\n" for i in range(3900)) + " } } }\n", WRONG)

# --- names that could meet
case("long lines of a dialect that could meet", "dialect: d\nside: hf\nrename:\n" + "".join(
    "  <p:rest>" + "a" * 470 + f".{i}." + "a" * 470 + f"<q:rest>b{i}: <p:rest>.{i}.<q:rest>\n" for i in range(250)), EITHER, dialect=True)
case("long names that could be ignored", rules((f"r{i}: {{ hf: " + "a" * 1900 + f".{i}.x" + "a" * 1900 + f"  h, mcore: b{i}  h }}" for i in range(100)),
     MODEL + "ignore:\n  hf:\n" + "".join("    **" + "a" * 470 + "**" + "a" * 470 + f"**b{i}: why\n" for i in range(150))), EITHER)
case("names of many holes that are alike", rules([f"o: {{ hf: {HOLES}  h, mcore: {HOLES}  h }}"], "model: [{ use: [" + ", ".join(["b"] * 700) + "] }]\n"), WRONG)
case("names of many digits", rules(f"o{i}: {{ hf: " + "1" * 3900 + f"<l>{i}  h, mcore: b{i}.<l>  h }}" for i in range(200)), EITHER)
case("names of digits and holes in turn", rules(f"o{i}: {{ hf: " + "1<l>" * 900 + f"{i}  h, mcore: b{i}.<l>  h }}" for i in range(200)), EITHER)
case("requirements that add up", HEAD + "config: { a: a, b: b, c: c, d: d }\nrequire:\n" + "".join(
    f"  a <= b + {i}: no\n  b <= c + {i}: no\n  c <= d + {i}: no\n" for i in range(1500)) + "axes: { h: 8, l: a }\nblocks:\n  b:\n"
     "    o: { hf: o.<l>  h, mcore: o.<l>  h, for: l in 0..a }\n    p: { hf: o.<l>  h, mcore: o.<l>  h, for: l in d - 1..d + a }\n" + MODEL, WRONG)
case("lines of a packing", "packing: p\nside: hf\npack:\n" + "".join(f"  a<l>.{i}.x<m>: b{i}.x<m>\n" for i in range(20000)), WRONG, dialect=True, said="lines")
case("500 lines of a packing", "packing: p\nside: hf\npack:\n" + "".join(f"  a<l>.{i}.{'x' * 900}<m>: b{i}.x<m>\n" for i in range(500)), EITHER, dialect=True)

# --- values
TEXTS = HEAD + "let:\n  a0: '\"" + "x" * 4000 + "\"'\n" + "".join(f"  a{i}: a{i - 1} + a{i - 1}\n" for i in range(1, 8))
for work in ("len(a7)", "a7 and 1", "not a7", "a7 == none", "a7[0]"):
    case(f"a long text, `{work}` many times", TEXTS + f"  z: '[{work} for i in 0..1000000]'\n" + one("o  h")[len(HEAD):], EITHER, "config")
case("a long text in many `let`", TEXTS + "".join(f"  z{i}: len(a7) + len(a7)\n" for i in range(20000)) + one("o  h")[len(HEAD):], EITHER, "config")
case("long texts by the thousand", TEXTS + "".join(f"  z{i}: a7 + a7\n" for i in range(8000)) + one("o  h")[len(HEAD):], WRONG, "config")
case("values of one option", HEAD + "options: { o: [" + ", ".join(f"{i}" for i in range(98000)) + "] }\n" + rules([ONE])[len(HEAD):], EITHER)
case("values of an enumeration", HEAD + "config: { k: { name: m, is: {" + ", ".join(f"{i}: {i}" for i in range(49000)) + "} } }\n" + rules([ONE])[len(HEAD):], EITHER)
case("values that are the same", HEAD + "config: { k: { name: m, is: { a: 1, b: 1.0 } } }\n" + rules([ONE])[len(HEAD):], WRONG, said="stands for two values")

# --- what is drawn
FLOW = "{ rules: 1, family: n, axes: { h: 8 }, blocks: { b: { " + ", ".join(f"r{i}: {{ hf: a{i}  h, mcore: b{i}  h }}" for i in range(14000)) + " } }, model: [{ use: b }] }\n"
for form in ("json", "html"):
    COMMANDS[form] = COMMANDS["plan"] + ["--format", form]
    case(f"a file of one line as {form}", FLOW, (0,), form)


def checkpoint(folder):
    folder.mkdir()
    header = json.dumps({"o.0": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(32))
    (folder / "config.json").write_text("{}")


def judge(program, folder, text, status, command, said, files):
    names = {"rules": write(folder, text, files), "config": folder / "config.json", "folder": folder}
    checkpoint(folder / "checkpoint")
    words = [program] + [word.format(**names) for word in COMMANDS[command]]
    wrong, message, seconds, megabytes = judge_run(words, folder, status, said, (SECONDS, MEGABYTES), PLACE, folder / "out")
    if (folder / "out").stat().st_size > MOST_SHOWN:
        wrong.append(f"{(folder / 'out').stat().st_size} bytes shown")
    return "; ".join(wrong) + (": " + message[:600] if wrong else ""), seconds, megabytes


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve() / "tessera")
    passed = failed = 0
    for name, *what in cases:
        if len(sys.argv) > 2 and sys.argv[2] not in name:
            continue
        with tempfile.TemporaryDirectory() as work:
            wrong, seconds, megabytes = judge(program, pathlib.Path(work), *what)
        passed, failed = passed + (not wrong), failed + bool(wrong)
        if len(sys.argv) > 2 or wrong:
            print(f"{name}: {wrong or 'good'} ({seconds:.2f} s, {megabytes:.0f} MB)", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
