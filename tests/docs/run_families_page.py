"""docs/families.md: made of the rule files (`tessera families --json`), the goldens in tests/families and the figures that
tests/interop measured last.

    python run_families_page.py build/release            # is the page what these say?
    python run_families_page.py build/release --write    # make it so

The figures: python tests/interop/run_interop.py build/release --results tests/interop/results.json
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "families.md"

HEAD = """# Families

What `rules/` covers. This page is made: `python tests/docs/run_families_page.py build/release --write`.

Every family is judged by goldens, whose values say where they came from and were computed by formulas, with the names and shapes
that transformers itself writes, in bf16, fp16 and fp32; the way back gives the same bits (`tests/families`). Those that Megatron-Core can
express are judged by it too: it loads what we write, strictly, with the arguments that we write, and computes the logits of transformers; and the
other way round (`tests/interop`, megatron-core 0.16.1 and transformers 5.23 on small models of logits of size 4 to 7). A family that is not
here: [authoring.md](authoring.md).
"""


def found_families(build):
    said = subprocess.run([build / "tessera", "families", "--json", "--rules-dir", ROOT / "rules"], capture_output=True, text=True, check=True)
    return [one for one in json.loads(said.stdout)["families"] if pathlib.Path(one["file"]).parent == ROOT / "rules"]


def results():
    return json.loads((ROOT / "tests" / "interop" / "results.json").read_text())


def of_family(name, families, toys):
    """{toy: {way: {mesh: figure}}} of the toys whose name begins with this family's, and with no longer one."""
    def owner(toy):
        return max((f for f in families if toy == f or toy.startswith(f + "_") or re.fullmatch(f + r"\\d+", toy)), key=len, default=None)
    return {toy: ways for toy, ways in toys.items() if owner(toy) == name}


def judged(toys):
    """One cell: how many ways, and the largest difference."""
    figures = [value for ways in toys.values() for meshes in ways.values() for value in meshes.values()]
    numbers = [value for value in figures if isinstance(value, float)]
    failed = sum(value is None for value in figures)
    if not figures:
        return "not expressible"
    return f"{len(figures)} ways, logits to {max(numbers, default=0):.0e}" + (f", **{failed} failed**" if failed else "")


def verdict(one):
    ways = {(v["from"], v["to"]): v["verdict"] + (f" ({v['reason']})" if v["reason"] else "") for v in one["verdicts"]}
    texts = []
    for (a, b), said in ways.items():
        back = ways[b, a]
        if (b, a) < (a, b) and len(ways) > 2 or list(ways).index((a, b)) > list(ways).index((b, a)):
            continue
        texts.append(f"{a} <-> {b}: {said}" if said == back else f"{a} -> {b}: {said}; back: {back}")
    return "; ".join(texts)


def census_of(name):
    folder = ROOT / "tests" / "families" / name
    return sorted(path.stem.removeprefix("census").strip("_") or "plain" for path in folder.glob("census*.json"))


def table(families, toys):
    lines = ["| family | checked with | verdict | Megatron-Core |", "|---|---|---|---|"]
    names = [one["family"] for one in families]
    for one in families:
        name = one["family"]
        mine = of_family(name, names, toys)
        lines.append(f"| {name} | {', '.join(census_of(name)) or 'goldens'} | {verdict(one)} | {judged(mine)} |")
    return lines


def notes(families):
    lines = ["## What Megatron-Core lacks", "", "The weights map all the same; `tessera` says these where the condition holds.", ""]
    for one in families:
        for note in one["notes"]:
            when = "" if note["when"] == "true" else f", if `{note['when']}`"
            lines.append(f"- **{one['family']}**{when}: {note['text']}")
    return lines


def meshes(toys):
    lines = ["## By model and mesh", "", "Largest difference of logits, or `bits` where tensors were compared bit for bit.", ""]
    for toy, ways in toys.items():
        lines.append(f"- **{toy}**: " + "; ".join(
            f"{way} " + ", ".join(f"{mesh} {show(value)}" for mesh, value in found.items()) for way, found in ways.items()))
    return lines


def show(value):
    return "failed" if value is None else f"{value:.0e}" if isinstance(value, float) else str(value)


def page(build):
    families, toys = found_families(build), results()
    return "\n".join([HEAD, *table(families, toys), "", *notes(families), "", *meshes(toys), ""])


def main():
    made = page(pathlib.Path(sys.argv[1]).resolve())
    if "--write" in sys.argv:
        PAGE.write_text(made)
        return 0
    good = PAGE.exists() and PAGE.read_text() == made
    if not good:
        print("docs/families.md is not what the rule files and tests/interop/results.json say: run with --write")
    print(f"{int(good)} passed, {int(not good)} failed")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
