"""Builds with sanitizers and runs the suites in which they can find something.

    python tests/run_sanitized.py asan|tsan [WORD...]

asan: addresses and undefined behaviour; tsan: threads. Assertions are on in both. The build stands in build/asan or build/tsan, and takes
some 30 or 15 minutes of processor time. Words choose suites as for run_all.py. A finding ends the program that has it with a status that no
test expects, and so its test fails.
"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Confinement is not among them: such builds do not confine themselves.
# What a sanitizer may find is in the engine. Left out is what judges rules, pages and documents with the same code again and again.
SUITES = {
    "asan": ["test_", "conformance", "grid", "commit", "diff", "damage damage", "damage pickles", "damage states", "hostile all_verbs", "hostile escapes",
             "hostile folders", "hostile paths", "hostile rule_files", "refusals", "explain", "encodings", "init", "seed"],
    "tsan": ["test_run", "test_store", "conformance", "grid", "commit", "diff"],
}
OPTIONS = {
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "exitcode=99:second_deadlock_stack=1:atexit_sleep_ms=0",
}


def without_randomness(command):
    """The thread sanitizer of older compilers cannot place its shadow where addresses are drawn from too many bits."""
    return ["setarch", "-R", *command] if subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0 else command


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in SUITES:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    preset, words = sys.argv[1], sys.argv[2:] or SUITES[sys.argv[1]]
    build = ROOT / "build" / preset
    for command in ["cmake", "--preset", preset], ["cmake", "--build", "--preset", preset]:
        subprocess.run(command, cwd=ROOT, check=True)
    suites = [sys.executable, str(ROOT / "tests" / "run_all.py"), str(build), *words]
    return subprocess.run(without_randomness(suites), cwd=ROOT, env={**OPTIONS, **os.environ}).returncode


if __name__ == "__main__":
    sys.exit(main())
