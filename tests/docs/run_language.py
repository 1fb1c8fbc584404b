"""Every example of docs/language.md is checked by `tessera check`.

    python run_language.py build/release

An example is a block fenced as yaml. How it becomes a file, by its first key:
  rules              it is one, called <family>.yaml, in one folder with those before it
  dialect, packing   it is one, called dialects/<name>.yaml or packings/<name>.yaml
  a section          the rest is in prelude.yaml, which it extends; blocks that stand nowhere are put into `model`
  a side             one rule: its addresses
  anything else      rules of one block; those that speak of the same sides make one file
`yaml wrong ID` must be refused with that id, and nothing else. The page has no other code but ebnf and text.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "language.md"
SECTIONS = set("match sides config defaults fixed derived options let require notes axes blocks model same ignore companions encodings".split())
SIDES = ["hf", "mcore", "meta", "maxtext", "gguf", "sglang"]
FENCE = re.compile(r"^```(\S[^\n]*)\n(.*?)^```$", re.M | re.S)

# Examples of what is not merged yet, by their first line: delete a line here when its construct is built.
PENDING = []


def examples(text):
    """(line, words behind the fence, example)"""
    for match in FENCE.finditer(text):
        yield text[:match.start()].count("\n") + 2, match[1].split(), match[2]


def indented(text, by):
    return "".join(by + line + "\n" for line in text.splitlines())


def keys_of(text, indent=""):
    return re.findall(rf"^{indent}([A-Za-z_]\w*):", text, re.M)


def sides_of(text):
    return [side for side in SIDES if re.search(rf"\b{side}:", text)]


def head(sides):
    return f"rules: 1\nfamily: example\nextends: prelude\nsides: [{', '.join(sides)}]\n"


def whole_rules(text):
    """Top-level rules, by the sides that they speak of."""
    groups = {}
    for rule in re.findall(r"^\S.*\n(?:[ \n].*\n)*", text, re.M):
        groups.setdefault(tuple(sides_of(rule)), []).append(rule)
    for sides, rules in groups.items():
        yield head(sides) + "blocks:\n  example:\n" + indented("".join(rules), "    ") + "model: [{ use: example }]\n"


def blocks_of(text):
    found = re.search(r"^blocks:(?:\s*\{\s*(\w+):.*|((?:\n[ ].*|\n)*))", text, re.M)
    return [] if not found else [found[1]] if found[1] else keys_of(found[2], "  ")


def files_of(text):
    """(path, text) of the files that an example makes."""
    keys = keys_of(text)
    first = keys[0] if keys else ""
    if first == "rules":
        return [(re.search(r"^family: (\w+)", text, re.M)[1] + ".yaml", text)]
    if first in ("dialect", "packing"):
        name = re.search(r"^\w+: (\w+)", text)[1]
        return [(f"{'dialects' if first == 'dialect' else 'packings'}/{name}.yaml", text)]
    if first in SECTIONS:
        model = "" if "model" in keys else "model:\n" + "".join(f"  - {{ use: {block} }}\n" for block in blocks_of(text))
        return [("example.yaml", head(["hf", "mcore"]) + text + (model if blocks_of(text) else ""))]
    if first in SIDES:
        return [("example.yaml", next(whole_rules("rule:\n" + indented(text, "  "))))]
    if first:
        return [("example.yaml", whole) for whole in whole_rules(text)]
    return [("example.yaml", head(["hf", "mcore"]) + text)]


def found_wrong(program, path):
    """Ids of the errors in one file, each with its message."""
    done = subprocess.run([program, "check", "--json", str(path)], capture_output=True, text=True)
    report = json.loads(done.stdout)["files"][0]
    errors = [one for one in report["diagnostics"] if one["severity"] == "error"]
    assert (done.returncode == 0) == report["ok"] == (not errors), done.stderr
    return [one["id"] for one in errors], done.stderr


def judge(program, folder, words, text):
    """What is wrong with one example; empty if nothing is."""
    for name, content in files_of(text):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        ids, said = found_wrong(program, path)
        wanted = words[2:] if words[1:2] == ["wrong"] else []
        if ids != wanted:
            return f"found {ids or 'nothing'}, wanted {wanted or 'nothing'}\n{said}\n{content}"
    return ""


def faults(program, folder):
    """(place, what is wrong) of each example."""
    (folder / "prelude.yaml").write_text((HERE / "prelude.yaml").read_text())
    page = PAGE.read_text()
    for line, words, text in examples(page):
        place = f"docs/language.md:{line}"
        if words[0] == "yaml" and text.split("\n")[0] not in PENDING:
            yield place, judge(program, folder, words, text)
        elif words[0] not in ("yaml", "ebnf", "text"):
            yield place, f"a block of {words[0]}: yaml, ebnf or text"
    bare = FENCE.sub("", page)
    yield "code that is not fenced", "\n".join(re.findall(r"(?<=\n\n) {4}.*|^```.*", bare, re.M))


def main():
    program = pathlib.Path(sys.argv[1]).resolve() / "tessera"
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for place, wrong in faults(program, pathlib.Path(work)):
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong:
                print(f"{place}: {wrong}")
    print(f"{passed} passed, {failed} failed" + (f", {len(PENDING)} skipped" if PENDING else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
