"""What a release is held to beyond every day's tests: hours, so not for every change.

    python tests/run_release.py BUILD              all of it, step by step
    python tests/run_release.py BUILD WORD...      the steps whose names hold one of the words
    python tests/run_release.py --list

Each step is a command of its own, and can be run alone. What it says lies in build/release-gates/STEP.txt; its last line, time and status
are printed. Fuzzing goes on where it stopped. Needs torch, clang-14 with libclang-rt-14-dev and llvm-14, strace. Exit status 1 if a step fails.
"""
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "release-gates"
FUZZ = ["tests/fuzz/fuzz.py", "--gates"]
READERS = ["safetensors", "zip", "pickle"]  # by executions, without sanitizers, in small inputs; all others by time, with them


def steps(build):
    others = sorted({path.stem for path in (ROOT / "tests" / "fuzz" / "targets").glob("*.cc")} - set(READERS))
    yield "fuzz others", [*FUZZ, *(word for name in others for word in ("--target", name))]
    for reader in READERS:
        yield f"fuzz {reader}", [*FUZZ, "--fast", "--longest", "1024" if reader == "zip" else "512", "--target", reader]
    yield "asan", ["tests/run_sanitized.py", "asan"]
    yield "tsan", ["tests/run_sanitized.py", "tsan"]
    for suite in ("damage", "pickles", "states", "limits"):
        yield f"damage {suite}", [f"tests/damage/run_{suite}.py", build, "--all"]
    yield "grid", ["tests/grid/run_grid.py", build, "--all"]
    yield "mutation", ["tests/mutation/run_mutation.py", build, "--all"]
    yield "kills", ["tests/commit/kills.py", build, "--max", "0"]
    yield "unreached", ["tests/run_unreached.py"]


def run(name, command):
    begin = time.monotonic()
    path = LOGS / f"{name.replace(' ', '-')}.txt"
    with path.open("w") as log:
        status = subprocess.run([sys.executable, *command], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT).returncode
    lines = path.read_text(errors="replace").split("\n")
    said = next((line for line in reversed(lines) if line.strip()), "")
    print(f"{name}: exit {status} after {(time.monotonic() - begin) / 60:.0f} min: {said}", flush=True)
    return status


def main():
    if sys.argv[1:] == ["--list"]:
        for name, command in steps("BUILD"):
            print(f"{name:16} python {' '.join(command)}")
        return 0
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    words = sys.argv[2:]
    chosen = [step for step in steps(sys.argv[1]) if not words or any(word in step[0] for word in words)]
    return 1 if any([run(name, command) for name, command in chosen]) else 0


if __name__ == "__main__":
    sys.exit(main())
