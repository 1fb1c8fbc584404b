"""Runs every test of the project and adds up their counts: `python tests/run_all.py build/release`.

A suite is a command. It says its counts as doctest does (`test cases: 3 | 3 passed | 0 failed`) or in a line
`N passed, N failed[, N skipped]`; one that says nothing counts as one test, passed if it exits with 0.
"""
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
DOCTEST = re.compile(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed(?:\s*\|\s*(\d+) skipped)?")


def suites(build):
    no_torch = [] if (build / "libtessera_torch.so").exists() else ["-tce=the torch kernel*"]  # built without libtorch
    for program in sorted((build / "tests").glob("test_*")):
        yield program.name, [str(program), *no_torch]
    yield "structure", [sys.executable, "tests/structure/check_structure.py"]
    yield "structure finds faults", [sys.executable, "tests/structure/check_structure.py", "--self-test"]
    yield "conformance", [str(build / "tests" / "conformance"), "tests/conformance/cases"]
    for script in sorted((ROOT / "tests").glob("*/run_*.py")):
        yield script.parent.name + " " + script.stem[4:], [sys.executable, str(script), str(build)]


def counts(output, status):
    found = list(PLAIN.finditer(output))
    if found:
        passed, failed, skipped = (int(n or 0) for n in found[-1].groups())
    elif match := DOCTEST.search(output):
        passed, failed, skipped = int(match[2]), int(match[3]), int(match[4] or 0)
    else:
        passed, failed, skipped = int(status == 0), int(status != 0), 0
    if status != 0 and failed == 0:
        failed = 1
    return passed, failed, skipped


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:]
    total = [0, 0, 0]
    for name, command in suites(build):
        if wanted and not any(word in name for word in wanted):
            continue
        start = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        one = counts(done.stdout, done.returncode)
        total = [a + b for a, b in zip(total, one)]
        print(f"{name}: {one[0]} passed, {one[1]} failed, {one[2]} skipped ({time.monotonic() - start:.1f} s)", flush=True)
        if one[1]:
            print(done.stdout[-20000:], flush=True)
    print(f"{total[0]} passed, {total[1]} failed" + (f", {total[2]} skipped" if total[2] else ""))
    sys.exit(1 if total[1] or not total[0] else 0)


main()
