"""Lists the refusals of the readers that no test reaches.

    python tests/run_unreached.py [WORD...]     builds with clang's coverage, runs the suites, prints what was not reached
    python tests/run_unreached.py --again       prints it of the last run

A refusal is a call of a function that does not return (they are declared so) and every `throw`, in engine/base, layout, rules and store. The
build stands in build/coverage; words choose suites as for run_all.py. Needs clang-14 and llvm-14 (Debian).
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "coverage"
COUNTS = BUILD / "counts"
FLOORS = ("base", "layout", "rules", "store")
SUITES = ["test_", "conformance", "hostile all_verbs", "hostile paths", "hostile rule_files", "hostile escapes", "hostile folders", "damage", "fuzz", "refusals", "diagnostics",
          "encodings", "companions", "seed", "commit surroundings", "diff", "init", "schemas", "explain"]
NO_RETURN = re.compile(r"\[\[noreturn\]\][^(;]*?(\w+)\(")


def quiet(*command):
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def run_suites(words):
    quiet("cmake", "--preset", "coverage")
    quiet("cmake", "--build", "--preset", "coverage")
    shutil.rmtree(COUNTS, ignore_errors=True)
    COUNTS.mkdir()
    environment = {**os.environ, "LLVM_PROFILE_FILE": str(COUNTS / "%2m.profraw")}
    subprocess.run([sys.executable, "tests/run_all.py", str(BUILD), *(words or SUITES)], cwd=ROOT, env=environment)


def segments():
    """Of each file: [line, column, times, whether counted] from where on it holds, in order."""
    merged = COUNTS / "all.profdata"
    quiet("llvm-profdata-14", "merge", "-sparse", *map(str, COUNTS.glob("*.profraw")), "-o", str(merged))
    programs = [BUILD / "tessera", *sorted(p for p in (BUILD / "tests").iterdir() if p.is_file() and os.access(p, os.X_OK))]
    objects = [word for program in programs[1:] for word in ("-object", str(program))]
    done = subprocess.run(["llvm-cov-14", "export", "-skip-expansions", f"-instr-profile={merged}", str(programs[0]), *objects], check=True,
                          stdout=subprocess.PIPE)
    files = {pathlib.Path(one["filename"]).resolve(): one["segments"] for one in json.loads(done.stdout)["data"][0]["files"]}
    wanted = [ROOT / "engine" / floor for floor in FLOORS]
    return {path: [part[:4] for part in parts] for path, parts in files.items() if path.parent in wanted}


def times(parts, line, column):
    """How often a place was reached; None where nothing is counted."""
    before = [part for part in parts if (part[0], part[1]) <= (line, column)]
    return before[-1][2] if before and before[-1][3] else None


def refusals(path, names):
    call = re.compile(rf"\b(?:(?:{'|'.join(names)})\(|throw\b)")
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code = line.split("//")[0]
        if "[[noreturn]]" not in code and (found := call.search(code)):
            yield number, found.start() + 1, line.strip()


def main():
    words = sys.argv[1:]
    if words != ["--again"]:
        run_suites(words)
    names = {name for path in (ROOT / "engine").rglob("*.[ch]*") for name in NO_RETURN.findall(path.read_text())}
    reached, unreached = 0, []
    for path, parts in sorted(segments().items()):
        for line, column, text in refusals(path, sorted(names)):
            count = times(parts, line, column)
            reached += bool(count)
            if count == 0:
                unreached.append(f"{path.relative_to(ROOT)}:{line}: {text}")
    print("\n".join(unreached))
    print(f"{reached} refusals reached, {len(unreached)} not")


if __name__ == "__main__":
    main()
