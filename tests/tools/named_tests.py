"""Runs functions that are tests, each for itself, and says how many passed: what suites share."""
import pathlib
import subprocess
import sys
import tempfile
import time

FAULTS = (AssertionError, OSError, subprocess.SubprocessError, LookupError, RuntimeError, StopIteration, ValueError, TypeError)


def run(tests, make_bench, before=lambda bench: None, timed=False, apart=False):
    """`run_*.py BUILD [WORD...]`: those whose names hold one of the words. `make_bench(build, work)` makes what each of them is called
    with, after `before`; `apart`: anew for each test, in a folder of its own. Returns the exit status."""
    build, words = pathlib.Path(sys.argv[1]).resolve(), [w for w in sys.argv[2:] if not w.startswith("--")]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        bench = None if apart else make_bench(build, pathlib.Path(work))
        for test in tests:
            if words and not any(word in test.__name__ for word in words):
                continue
            begin = time.monotonic()
            with tempfile.TemporaryDirectory(dir=work) as own:
                try:
                    one = make_bench(build, pathlib.Path(own)) if apart else bench
                    before(one)
                    test(one)
                    passed += 1
                except FAULTS as fault:
                    failed += 1
                    print(f"{test.__name__}: {type(fault).__name__}: {str(fault)[:1500]}", flush=True)
            if timed:
                print(f"{test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
