#!/usr/bin/env python3
"""Replays the corpus and everything that was ever found through the targets, in a build without libFuzzer: `run_found.py BUILD`.

Each file of tests/fuzz/corpus/<target> and tests/fuzz/found/<target> must end in acceptance or refusal, within the target's time of one
input and 256 MiB (fuzz.py tells of the rest).
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REPLAY = pathlib.Path(sys.argv[1]) / "tests" / "fuzz_replay"


def replay(target):
    folders = [str(p) for p in (HERE / "corpus" / target, HERE / "found" / target) if p.is_dir()]
    if not folders:
        return 0, 1, f"FAILED {target}: it has no corpus\n"
    done = subprocess.run([str(REPLAY), target, *folders], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    counts = re.findall(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
    if not counts:  # a signal
        return 0, 1, f"{target}: {done.stdout[-2000:]}\n"
    return int(counts[-1][0]), int(counts[-1][1]), "".join(line + "\n" for line in done.stdout.splitlines() if line.startswith("FAILED"))


def main():
    targets = subprocess.run([str(REPLAY)], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    assert sorted(targets) == sorted(p.stem for p in (HERE / "targets").glob("*.cc"))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = list(pool.map(replay, sorted(targets)))
    print("".join(text for _, _, text in results), end="")
    passed, failed = (sum(result[i] for result in results) for i in (0, 1))
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
