"""Rule files and dialects as hostile input: each is answered in bounded time and memory, with a place where it is wrong.

    python run_rule_files.py build/release [WORD]

make.py changes bytes and small texts; here is what only size, or the number of combinations, makes hard.
"""
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import sanitized  # noqa: E402

SECONDS, MEGABYTES = 6.0, 500  # of processor time: about 2 where nothing else runs, with room for slow machines; of memory
HEAD = "rules: 1\nfamily: n\n"
AXES = "axes: { h: 8, l: { size: 4, split: pp } }\n"
MODEL = "model: [{ use: b }]\n"
PLACE = re.compile(r"^\S+:\d+:\d+: error\[[RB]\d\d\]: ", re.M)
GOOD, WRONG, EITHER = (0,), (1,), (0, 1)

cases = []


def case(name, text, status, command="check", said="", **files):
    """`command`: check, or config: with an empty config.json. `files`: further rule files by name; dialect=True: it is one."""
    cases.append((name, text, status, command, said, files))


def rules(lines, rest=MODEL, axes=AXES):
    return HEAD + axes + "blocks:\n  b:\n" + "".join(f"    {line}\n" for line in lines) + rest


def one(hf, mcore=None, more="", **key):
    return rules([f"o: {{ hf: {hf}, mcore: {mcore or hf}{more} }}"], **key)


def sized(expression, where="let"):
    return HEAD + f"{where}: {{ a: '{expression}' }}\n" + AXES + "blocks: { b: { o: { hf: o  h, mcore: o  h } } }\n" + MODEL


# --- what is not written

case("an empty address", one('""', "o  h"), WRONG, said="an address is missing")
case("copies by conditions, without layouts", HEAD + "options: { k: [1, 2] }\n" + rules(
    ["o:", "  hf: o  h", "  mcore:", "    - { when: k == 1, is: o  h }", "    - { when: k == 2, is: p  h }"],
    MODEL + "same:\n  - of: b.o\n    mcore:\n      - { when: k == 1, is: c }\n      - { when: k == 2, is: d }\n")[len(HEAD):],
    WRONG, said="the layout of this copy must be written")

# --- how much of everything
many = 12000
case("rules, each with its name", rules(f"r{i}: {{ hf: a{i}  h, mcore: b{i}  h }}" for i in range(many)), EITHER)
case("rules that count alike", rules(f"r{i}: {{ hf: <l>.a{i}.w  h, mcore: <l>.a{i}.w  h }}" for i in range(many)), EITHER)
case("rules of one name", rules(f"r{i}: {{ hf: <l>.a  h, mcore: <l>.a  h }}" for i in range(many)), WRONG)
case("rules of one name under conditions", HEAD + "config: { k: k }\n" + rules(
    (f"r{i}: {{ when: k == {i}, hf: a  h, mcore: a  h }}" for i in range(many // 2)))[len(HEAD):], EITHER)
case("sites", rules((f"r{i}: {{ hf: a{i}  h, mcore: b{i}  h }}" for i in range(3000)),
                    "model:\n" + "".join(f"  - {{ use: b, hf: h{i}, mcore: h{i} }}\n" for i in range(8000))), WRONG)
case("blocks in one entry", rules(["o: { hf: o  h, mcore: o  h }"], "model: [{ use: [" + ", ".join(["b"] * 60000) + "] }]\n"), WRONG)
case("sides", HEAD + "sides: [" + ", ".join(f"s{i}" for i in range(20000)) + "]\naxes: { h: 8 }\n"
     "blocks: { b: { " + ", ".join(f"r{i}: {{ s1: a }}" for i in range(5000)) + " } }\n", WRONG)
case("alternatives", HEAD + "config: { k: k }\n" + rules(
    ["o:", "  hf: o  h", "  mcore:"] + [f"    - {{ when: k == {i}, is: o  h }}" for i in range(12000)])[len(HEAD):], WRONG)
case("alternatives of much to ask", HEAD + "defaults: { " + ", ".join(f"k{i}: 1" for i in range(400)) + " }\n" + rules(
    ["o:", "  hf: o  h", "  mcore:"] +
    [f"    - {{ when: {' or '.join(f'k{(i * 7 + j) % 400}' for j in range(300))}, is: o  h }}" for i in range(60)])[len(HEAD):], WRONG)
case("requirements", HEAD + "config: { k: k }\nrequire:\n" + "".join(f"  k != {i}: no\n" for i in range(12000)) + one("o  h")[len(HEAD):], EITHER)
case("requirements of much to ask", HEAD + "defaults: { " + ", ".join(f"k{i}: 1" for i in range(40)) + " }\nrequire:\n" +
     "".join("  " + " or ".join(f"k{(i * 3 + j) % 40}" if (i >> j) & 1 else f"not k{(i * 3 + j) % 40}" for j in range(30)) + ": no\n"
             for i in range(1500)) + one("o  h")[len(HEAD):], EITHER)
case("axes", HEAD + "axes:\n" + "".join(f"  a{i}: 2\n" for i in range(40000)), EITHER)
case("axes in a layout", one("o  " + " ".join(f"a{i}" for i in range(8000)),
                             axes="axes:\n" + "".join(f"  a{i}: 2\n" for i in range(8000))), EITHER)
case("axes that are not there", rules(f"r{i}: {{ hf: a{i}  x{i}, mcore: b{i}  x{i} }}" for i in range(many)), WRONG)
case("parts in a sum", rules([f"o: {{ hf: o  {'+'.join(f'p{i}:h' for i in range(5000))}, mcore: o  {'+'.join(f'p{i}' for i in range(5000))} }}"]), EITHER)
case("parts of a rule", rules(["o:", "  hf:"] + [f"    p{i}: a{i}  h" for i in range(9000)] +
                             ["  mcore:"] + [f"    p{i}: b{i}  h" for i in range(9000)]), EITHER)
case("bare parts that no side spells", rules([f"o: {{ hf: o  {'+'.join(f'p{i}' for i in range(5000))}, mcore: o  {'+'.join(f'p{i}' for i in range(5000))} }}"]), WRONG)
case("keys, each used", HEAD + "config:\n" + "".join(f"  k{i}: m{i}\n" for i in range(10000)) +
     "axes:\n" + "".join(f"  a{i}: k{i}\n" for i in range(10000)), EITHER)
case("keys that are not there", HEAD + "defaults:\n" + "".join(f"  k{i}: x{i}\n" for i in range(20000)), WRONG)
case("writers", HEAD + "config:\n" + "".join(f"  k{i}: m\n" for i in range(20000)), WRONG)
case("copies", rules((f"r{i}: {{ hf: a{i}  h, mcore: b{i}  h }}" for i in range(3000)),
                     MODEL + "same:\n" + "".join(f"  - {{ of: b.r{i % 3000}, hf: c{i} }}\n" for i in range(9000))), EITHER)
case("ignored names", rules((f"r{i}: {{ hf: a{i}  h, mcore: b{i}  h }}" for i in range(6000)),
                            MODEL + "ignore:\n  hf:\n" + "".join(f"    c<x>.**.{i}: why\n" for i in range(12000))), EITHER)
case("values of options", HEAD + "options: { " + ", ".join(f"o{j}: [{', '.join(str(i) for i in range(3000))}]" for j in range(8)) + " }\n" +
     rules(["o:", "  hf: o  h", "  mcore:", "    - { when: o1 == o2 and o3 == o4, is: o  h }", "    - { when: o1 != o2 or o3 != o4, is: o  h }"])[len(HEAD):], EITHER)
case("lines of a dialect", "dialect: d\nside: hf\nrename:\n" + "".join(f"  a<l>.{i}.<r:rest>: b<l>.{i}.<r:rest>\n" for i in range(20000)),
     EITHER, dialect=True)
case("lines of a dialect that meet", "dialect: d\nside: hf\nrename:\n" + "".join(f"  <p:word>.{i}.<r:rest>: <p:word>.b{i}.<r:rest>\n" for i in range(10000)) +
     "  <p:word>.<r:rest>: <p:word>.c.<r:rest>\n", WRONG, dialect=True)
case("wild cards in one name", one("o  h") + "ignore: { hf: { " + "a**" * 1300 + ": why } }\n", EITHER)
case("wild cards against holes", one("." .join(["<l>"] + ["x"] * 1500) + "  h") + "ignore: { hf: { " + "**x." * 900 + "x: why } }\n", EITHER)
case("lines of encodings", HEAD + "encodings:\n" + "".join(f"  e{i}: {{ kind: mxfp4, on: {{ hf: [<name>_{i}, <name>_s] }} }}\n" for i in range(9000)), EITHER)

# --- how long, how deep
case("a name that its prefix makes too long", rules(["o: { hf: " + "x" * 4000 + "  h, mcore: o  h }"], "model: [{ use: b, hf: " + "y" * 96 + " }]\n"), WRONG,
     said="a name has at most 4096")
case("a name that its prefix makes as long as may be", rules(["o: { hf: " + "x" * 4000 + "  h, mcore: o  h }"], "model: [{ use: b, hf: " + "y" * 95 + " }]\n"), GOOD)
case("a template of 60 KB", one("o  h") + "companions: { exp_avg: { hf: " + "x" * 60000 + "<name>, mcore: a.<name> } }\n", WRONG,
     said="a template has at most 4096 bytes")
case("a text of a megabyte", one("o" * (1 << 20) + "  h"), WRONG)
case("a file of ten megabytes", HEAD + "# " + "x" * 10_000_000 + "\n", WRONG)
case("a name of 60 KB", one("o" * 60000 + "  h"), WRONG)
case("a name of many holes", one("<l>".join(["o"] * 1000) + "  h"), EITHER)
case("a layout of 60 KB", one("o  " + "h " * 30000), WRONG)
case("a deep layout", one("o  " + "(" * 20000 + "h" + ")" * 20000), WRONG)
case("deep sums", one("o  " + "(a+" * 15000 + "h" + ")" * 15000), WRONG)
case("an expression of 60 KB", sized("+".join(["1"] * 30000)), WRONG)
case("deep brackets", sized("(" * 2000 + "1" + ")" * 2000), WRONG)
case("many `not`", sized("not " * 1000 + "1"), WRONG)
case("many signs", sized("-" * 3000 + "1"), WRONG)
case("a tower of powers", sized("2 ** " * 500 + "2"), WRONG)
case("a path of many steps", sized(".".join(["h"] * 1500)), WRONG)
for name, config in (("as a name", "a: {}"), ("after `not`", "a: not {}"), ("of an enumeration", "a: {{ name: {}, is: {{ 1: 2 }} }}"),
                     ("in `to`", "a: {{ to: '{} = a', from: b }}")):
    for steps in (33, 32000):
        case(f"a key of {steps} steps {name}", HEAD + "config:\n  " + config.format(".".join(["k"] * steps)) + "\ndefaults: { a: 1 }\n" + one("o  h")[len(HEAD):],
             WRONG, "config", said="a configuration key has at most ")
case("a fixed key of 33 steps", HEAD + f"fixed: {{ hf: {{ {'.'.join(['k'] * 33)}: 1 }} }}\n" + one("o  h")[len(HEAD):], WRONG, said="at most 32 steps")
case("a key of a dialect of 32000 steps", "dialect: d\nside: hf\nconfig:\n  a: " + ".".join(["k"] * 32000) + "\n", WRONG, said="at most 4096 bytes", dialect=True)
case("comprehensions in one another", sized("[" * 40 + "0" + "".join(f" for i{k} in 0..9]" for k in range(40))), WRONG, "config")
key = "x" * 1025
for name, text in (("", f"ignore:\n  hf:\n    {key}: why\n"), (" in braces", f"ignore: {{ hf: {{ {key}: why }} }}\n"), (" in quotes", f"ignore:\n  hf:\n    '{key[2:]}': why\n"),
                   (" of a section", f"{key}:\n  a: b\n"), (" of a map", f"match: {{ {key}: {{ a: b }} }}\n")):
    case("a long key" + name, one("o  h") + text, WRONG, said="at most 1024 bytes")
case("a key as long as may be", one("o  h") + f"ignore:\n  hf:\n    {key[1:]}: why\n", GOOD)
case("YAML lists in one another", HEAD + "match: " + "[" * 100000 + "\n", WRONG)
case("YAML maps in one another", HEAD + "".join(" " * i + "a:\n" for i in range(1, 1300)), WRONG)
case("YAML keys of lists", HEAD + "match: { [a, b]: c }\n", WRONG)
case("a question mark for a key", HEAD + "? a\n: b\n", WRONG)
case("anchors and aliases that double", HEAD + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else '1'}]\n" for i in range(30)), WRONG)
for where, text in (("null", "a: !<?> ~"), ("nothing", "a: !<?>"), ("an item", "a: [!<?> null]"), ("an anchored null", "a: &x ~")):
    case(f"a tag or anchor of {where}", HEAD + f"fixed: {{ mcore: {{ {text} }} }}\n" + one("o  h")[len(HEAD):], WRONG, said="are not part of the language")
case("a merge key", HEAD + "match: { <<: { a: b } }\n", WRONG)

# --- names of 60 KB, and of as much as an expression takes, in what is said of them
long, half = "q" * 60000, "q" * 3000
ONE = "o: { hf: o  h, mcore: o  h }"
for what, text in (("a family to extend", HEAD + f"extends: {long}\n"), ("an axis", one(f"o  {half}")), ("a size", one("o  h", axes=f"axes: {{ h: {half} }}\n")),
                   ("a function", one("o  h", axes=f"axes: {{ h: {half}(1) }}\n")), ("a block", rules([ONE], f"model: [{{ use: {long} }}]\n")),
                   ("a rule to copy", rules([ONE], MODEL + f"same:\n  - {{ of: {long}, hf: c }}\n")), ("a dtype", one("o  h", more=f", dtype: {long}")),
                   ("a value operation", one(f"o  h | {long}")), ("a null", HEAD + f"nulls: [{long}]\n" + one("o  h")[len(HEAD):]),
                   ("a side", HEAD + f"sides: [hf, {long}]\n" + rules(["o: { hf: o  h }"])[len(HEAD):]), ("a version that is a map", f"rules: {{ a: {long} }}\n"),
                   ("a name that stands twice", rules([f"o: {{ hf: {'x' * 4000}  h, mcore: a  h }}", f"p: {{ hf: {'x' * 4000}  h, mcore: c  h }}"])),
                   ("a ring of dtypes", rules(f"r{half[:400]}{i}: {{ hf: a{i}  h, mcore: b{i}  h, dtype: r{half[:400]}{(i + 1) % 200} }}" for i in range(200))),
                   ("a requirement", HEAD + f"require: {{ 1 == 2: {long} }}\n" + one("o  h")[len(HEAD):])):
    case(f"a long name: {what}", text, WRONG, "config")

# --- what an expression makes (with a configuration)
for text in ("[0 for i in 0..1000000000000]", "[0] * 1000000000000", "[[0] * 1000] * 1000000", '"x" * 1000000000', "9 ** 9 ** 9", "2.5 ** 9 ** 9",
             "9223372036854775807 + 1", "0 - 9223372036854775807 - 2", "(0 - 9223372036854775807 - 1) // (0 - 1)", "1 // 0", "1 % 0", "1.0 / 0",
             "exp(1e6)", "sqrt(0 - 1.0)", "log(0)", "put([0], [9223372036854775807], 1)", "[0][9223372036854775807]", "ceil(1e300)"):
    case(f"let: {text}", sized(text), WRONG, "config")
case("work in a comprehension", sized("[count_leading([0] * 100000, 0) for i in 0..100000]"), WRONG, "config")
case("texts that double", HEAD + "let:\n  a0: '\"xxxxxxxx\"'\n" + "".join(f"  a{i}: a{i - 1} + a{i - 1}\n" for i in range(1, 60)) + one("o  h")[len(HEAD):], WRONG, "config")
case("lists that double", HEAD + "let:\n  a0: '[1, 2]'\n" + "".join(f"  a{i}: '[a{i - 1}, a{i - 1}]'\n" for i in range(1, 60)) + one("o  h")[len(HEAD):], WRONG, "config")
case("lists by the hundred", HEAD + "let:\n" + "".join(f"  a{i}: '[0 for i in 0..1000000]'\n" for i in range(300)) + one("o  h")[len(HEAD):], WRONG, "config")
case("conditions that work by the hundred", HEAD + "require:\n" + "".join(f"  len([0 for i in 0..900000]) > {i}: no\n" for i in range(300)) + one("o  h")[len(HEAD):], EITHER, "config")

# --- what a model makes
for text in ("0..1000000000000", "0..9000000", "0..9223372036854775807", "(0 - 9223372036854775807)..9223372036854775807", "5..0"):
    case(f"for: l in {text}", one("o.<l>  h", more=f", for: l in {text}", axes="axes: { h: 8, l: 9223372036854775807 }\n"), WRONG, "config")
case("two ranges", one("o.<a>.<l>  h", more=", for: [a in 0..3000, l in 0..3000]", axes="axes: { h: 8, l: 3000, a: 3000 }\n"), WRONG, "config")
case("ranges that are all filtered out", one("o.<l>  h", more=", for: 'l in 0..9000000 where l < 0'", axes="axes: { h: 8, l: 9000000 }\n"), EITHER, "config")
case("captures without a range", one("o.<l>  h", axes="axes: { h: 8, l: 1000000000000 }\n"), WRONG, "config")
case("sizes that overflow", one("o  h l", axes="axes: { h: 4000000000000, l: 4000000000000 }\n"), WRONG, "config")
case("a size below zero", one("o  h", axes="axes: { h: 0 - 5 }\n"), WRONG, "config")
case("a size that is no number", one("o  h", axes="axes: { h: '\"x\"' }\n"), WRONG, "config")
case("a size of halves", one("o  h", axes="axes: { h: 3 / 2 }\n"), WRONG, "config")
case("a number in a name that overflows", one("o.<l * 9223372036854775807>  h", axes="axes: { h: 8, l: 4 }\n"), WRONG, "config")
case("a number out of YAML", HEAD + "fixed: { mcore: { a: 99999999999999999999999, b: 1.0e999 } }\n", WRONG, said="a number out of range")
case("a size out of 64 bits", one("o  h", axes="axes: { h: 99999999999999999999 }\n"), WRONG)

# --- extends
chain = {f"p{i}": HEAD + f"extends: p{i + 1}\n" for i in range(40)}
case("a chain of parents", HEAD + "extends: p0\n", WRONG, said="at most", **chain)
big = "match: [" + ", ".join(["a"] * 90000) + "]\n"
case("a chain of large parents", HEAD + "extends: p0\n" + big, EITHER,
     **{f"p{i}": HEAD + (f"extends: p{i + 1}\n" if i < 29 else "") + big for i in range(30)})
case("a ring of parents", HEAD + "extends: p0\n", WRONG, said="ring", p0=HEAD + "extends: p1\n", p1=HEAD + "extends: p0\n")
case("its own parent", HEAD + "extends: rules\n", WRONG, said="ring")
case("a parent elsewhere", HEAD + "extends: ../p0\n", WRONG, p0=HEAD)
case("a parent by its path", HEAD + "extends: /etc/passwd\n", WRONG)
case("a parent that is a list", HEAD + "extends: [p0, p1]\n", WRONG, p0=HEAD, p1=HEAD)

# --- bytes
for name, data in (("a byte order mark", b"\xef\xbb\xbf" + HEAD.encode()), ("UTF-16", HEAD.encode("utf-16")), ("a NUL", b"rules: 1\nfamily: n\0\n"),
                   ("a tab", b"rules: 1\n\tfamily: n\n"), ("no UTF-8", b"rules: 1\nfamily: n\xff\xfe\n"), ("UTF-8 cut short", b"rules: 1\nfamily: n\xe2\x82"),
                   ("UTF-8 too long", b"rules: 1\nfamily: \xc0\xafx\n"), ("a surrogate", b"rules: 1\nfamily: \xed\xa0\x80\n"), ("a lone return", b"rules: 1\rfamily: n\r"),
                   ("an escape", b"rules: 1\nfamily: \x1b[31m\n"), ("nothing", b""), ("blanks", b"   \n\n"), ("a comment", b"# nothing\n"), ("two documents", HEAD.encode() + b"---\n" + HEAD.encode()),
                   ("a directive", b"%YAML 1.1\n---\nrules: 1\n"), ("a tag", b"rules: 1\nfamily: !!python/object:os.system x\n"), ("a block text", b"rules: 1\nfamily: |\n  n\n"),
                   ("an escape in quotes", b'rules: 1\nfamily: "a\\x00b"\n'), ("a direction mark", "rules: 1\nfamily: n\nmatch: { a\u202eb: c }\n".encode()),
                   *((f"U+{ord(c):04X} in {where}", (HEAD + line.format(c) + one("o  h")[len(HEAD):]).encode())
                     for c in "\u0085\u2028\u2029\u009b\ufeff\u202e\u200b" for where, line in (("a comment", "# a{}b\n"), ("a text", "require: {{ 1 == 1: a{}b }}\n")))):
    case(name, data, WRONG)
case("lines that end in CR LF", one("o  h").replace("\n", "\r\n").encode(), GOOD)
case("a line without an end", one("o  h").rstrip("\n").encode(), GOOD)


def write(folder, text, files):
    files = dict(files)
    dialect = files.pop("dialect", False)
    for name, extra in files.items():
        (folder / f"{name}.yaml").write_text(extra)
    path = folder / "dialects" / "rules.yaml" if dialect else folder / "rules.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "config.json").write_text("{}")
    return path


def limited(words, log, bounds, out=os.devnull):
    """(exit status, processor seconds, megabytes)"""
    with open(log, "wb") as stderr, open(out, "wb") as stdout:
        process = subprocess.Popen(words, stdout=stdout, stderr=stderr, preexec_fn=bounds)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def bounds():
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))


def loose_bounds():
    """Of a sanitizer, whose shadow is terabytes of addresses."""
    resource.setrlimit(resource.RLIMIT_CPU, (120, 120))


def judge_run(words, folder, status, said, most, place, out=os.devnull):
    """What is wrong with a run, what it said, its seconds and megabytes; `most` of these, and how a refusal says its place."""
    slow = sanitized.is_sanitized(words[0])
    found, seconds, megabytes = limited(words, folder / "log", loose_bounds if slow else bounds, out)
    message = (folder / "log").read_text(errors="replace")
    wrong = []
    if found not in status:
        wrong.append(f"exit {found}, not {status}")
    if found == 1 and not place.search(message):
        wrong.append("no place is named")
    if said not in message:
        wrong.append(f"`{said}` is not said")
    if not slow and (seconds > most[0] or megabytes > most[1]):
        wrong.append(f"{seconds:.1f} s, {megabytes:.0f} MB")
    return wrong, message, seconds, megabytes


def judge(program, folder, text, status, command, said, files):
    path = write(folder, text, files)
    words = [program, "check", str(path)] + (["--config", str(folder / "config.json")] if command == "config" else [])
    wrong, message, seconds, megabytes = judge_run(words, folder, status, said, (SECONDS, MEGABYTES), PLACE)
    longest = max(map(len, message.splitlines()), default=0)
    if longest > 1200:
        wrong.append(f"a line of {longest} bytes")
    if len(message) > 20000:
        wrong.append(f"a message of {len(message)} bytes")
    return "; ".join(wrong) + (": " + message[:600] if wrong else ""), seconds, megabytes


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve() / "tessera")
    passed = failed = 0
    for name, text, status, command, said, files in cases:
        if len(sys.argv) > 2 and sys.argv[2] not in name:
            continue
        with tempfile.TemporaryDirectory() as work:
            wrong, seconds, megabytes = judge(program, pathlib.Path(work), text, status, command, said, files)
        passed, failed = passed + (not wrong), failed + bool(wrong)
        if len(sys.argv) > 2 or wrong:
            print(f"{name}: {wrong or 'good'} ({seconds:.2f} s, {megabytes:.0f} MB)", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
