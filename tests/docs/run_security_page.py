"""The limits of docs/security.md are those of engine/store/limits.h: every one of them, with its value.

    python run_security_page.py build/release
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DECLARED = re.compile(r"^inline constexpr \w+ (\w+) =\s+([^;,]+);", re.M)
TOLD = re.compile(r"^\| `(\w+)` \| ([\d,]+)( MiB)? \|", re.M)
UNITS = {"kib": 1024, "mib": 1024 * 1024}


def declared(text):
    values = {name: eval(value.replace("'", ""), {"__builtins__": {}}, UNITS) for name, value in DECLARED.findall(text)}
    return {name: value for name, value in values.items() if name not in UNITS}


def told(text):
    return {name: int(number.replace(",", "")) * (UNITS["mib"] if unit else 1) for name, number, unit in TOLD.findall(text)}


def main():
    limits = declared((ROOT / "engine/store/limits.h").read_text())
    page = told((ROOT / "docs/security.md").read_text())
    wrong = [f"{name}: the page says {page.get(name)}, the program {limits.get(name)}" for name in sorted(limits.keys() | page.keys()) if limits.get(name) != page.get(name)]
    for line in wrong:
        print("failed ", line)
    print(f"{len(limits.keys() | page.keys()) - len(wrong)} passed, {len(wrong) + (not limits)} failed")
    sys.exit(1 if wrong or not limits else 0)


main()
