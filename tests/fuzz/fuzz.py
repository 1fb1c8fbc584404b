#!/usr/bin/env python3
"""Fuzzes the readers: builds the targets of tests/fuzz/targets with libFuzzer and runs them, then prints a table.

    fuzz.py                              each target for 60 s, with AddressSanitizer and UndefinedBehaviorSanitizer
    fuzz.py --seconds 600 --target zip   one target (may stand several times), ten minutes
    fuzz.py --executions 1000000         each until so many executions
    fuzz.py --gates                      what a release asks of each target, less what was run before (kept in STATE/gates.json)
    fuzz.py --fast                       without sanitizers: several times as many executions; what it keeps the other build reads
    fuzz.py --longest 512                inputs of at most so many bytes: several times as many executions, mostly of what is refused early
    fuzz.py --minimise                   no fuzzing: a small set of inputs that reaches the same edges becomes tests/fuzz/corpus

Needs clang++-14 with libFuzzer (Debian: clang-14 libclang-rt-14-dev). Runs begin with tests/fuzz/corpus, tests/fuzz/found and what
earlier runs kept in STATE (--state DIR, default build/fuzz-state); nothing in the tree changes but by --minimise. `--seeds` makes the
first inputs from the tests' own fixtures (seeds.py). What is found lies in STATE/found/<target>: put it into tests/fuzz/found/<target>
under a name that says what it is, where tests/fuzz/run_found.py replays it with every build, mend the reader, and it stays.

Allowed ends of a run are acceptance and refusal. Findings are: another exception, a broken promise of the target, a sanitizer's report,
a signal, more than 256 MiB at once, more processor time than the target's `seconds`. Exit status 1 if there is any.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GATES = {"safetensors": {"executions": 100_000_000}, "zip": {"executions": 30_000_000}, "pickle": {"executions": 30_000_000}}
MOST_KEPT = 64 << 10  # bytes of a target in the tree, the smallest inputs first
GATE_SECONDS = 1200  # of each other target
LONGEST = {"rules": 8192, "plan": 4096, "torch": 8192, "names": 256, "layout": 512, "expression": 512, "tracker": 80}  # bytes; others 4096
COLUMNS = ("target", "executions", "exec/s", "seconds", "edges", "of", "features", "corpus", "findings")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", help="one of tests/fuzz/targets; default: all")
    parser.add_argument("--seconds", type=int, help="for each target (default 60, if --executions does not say)")
    parser.add_argument("--executions", type=int, help="at most, of each target")
    parser.add_argument("--gates", action="store_true")
    parser.add_argument("--fast", action="store_true", help="preset fuzz-fast")
    parser.add_argument("--longest", type=int, help="bytes of an input; default: by target")
    parser.add_argument("--minimise", action="store_true")
    parser.add_argument("--seeds", action="store_true", help="add the inputs of seeds.py to the state first")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="targets at once")
    parser.add_argument("--state", type=pathlib.Path, default=ROOT / "build" / "fuzz-state")
    parser.add_argument("--json", action="store_true", help="the table as JSON on stdout")
    parser.add_argument("--no-build", action="store_true")
    return parser.parse_args()


def build(preset, names):
    def quiet(*command):
        done = subprocess.run(["nice", *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}:\n{done.stdout[-5000:]}")
    quiet("cmake", "--preset", preset)
    quiet("cmake", "--build", f"build/{preset}", "--target", *(f"fuzz_{name}" for name in names))


def folders(name, state):
    """What a run reads; it writes to the first."""
    kept = state / "corpus" / name
    kept.mkdir(parents=True, exist_ok=True)
    return [kept, *(p for p in (HERE / "corpus" / name, HERE / "found" / name) if p.is_dir())]


def command(name, preset, state, scratch, longest=None):
    found = state / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    words = ["nice", str(ROOT / "build" / preset / "tests" / f"fuzz_{name}"), f"-max_len={longest or LONGEST.get(name, 4096)}", "-timeout=100",
             "-rss_limit_mb=1500", "-malloc_limit_mb=256", "-print_final_stats=1", f"-artifact_prefix={found}/", "-report_slow_units=10000"]
    dictionary = HERE / "dictionaries" / f"{name}.dict"
    environment = {**os.environ, "TESSERA_FUZZ_FOLDER": str(scratch), "ASAN_OPTIONS": "quarantine_size_mb=16:detect_leaks=0"}
    return words + ([f"-dict={dictionary}"] if dictionary.exists() else []), environment


def run(name, preset, state, limits, longest):
    with tempfile.TemporaryDirectory(prefix="tessera-fuzz-", dir="/dev/shm") as scratch:
        words, environment = command(name, preset, state, scratch, longest)
        words += [f"-{key}={value}" for key, value in limits.items()]
        done = subprocess.run(words + list(map(str, folders(name, state))), env=environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, errors="replace")
    (state / "logs").mkdir(exist_ok=True)
    (state / "logs" / f"{name}.{preset}.txt").write_text(done.stderr[-200_000:])
    return result(name, state, done)


def result(name, state, done):
    def last(pattern):
        found = re.findall(pattern, done.stderr)
        return int(found[-1]) if found else 0
    executions = last(r"stat::number_of_executed_units:\s*(\d+)")
    speed = last(r"stat::average_exec_per_sec:\s*(\d+)")
    why = re.findall(r"^(?:FINDING .*|SUMMARY: .*|==\d+==\s*ERROR: .*)$", done.stderr, re.M)
    findings = [line for line in why if line.startswith("FINDING")] or why
    if done.returncode and not findings:
        findings = [f"exit status {done.returncode}: {done.stderr[-300:]}"]
    return {"target": name, "executions": executions, "exec/s": speed, "seconds": last(r"in (\d+) second"), "edges": last(r"cov: (\d+)"),
            "of": last(r"Loaded 1 modules\s+\((\d+)"), "features": last(r"ft: (\d+)"), "corpus": sum(1 for _ in (state / "corpus" / name).iterdir()), "findings": findings}


def before(state):
    path = state / "gates.json"
    return json.loads(path.read_text()) if path.exists() else {}


def remember(state, row):
    done = before(state)
    one = done.setdefault(row["target"], {"executions": 0, "seconds": 0})
    for key in one:
        one[key] += row[key]
    (state / "gates.json").write_text(json.dumps(done, indent=1, sort_keys=True) + "\n")


def limits_of(name, asked):
    """For libFuzzer; None: the gate is reached."""
    if not asked.gates:
        seconds = asked.seconds if asked.seconds or asked.executions else 60
        limits = {"max_total_time": seconds, "runs": asked.executions}
        return {key: value for key, value in limits.items() if value}
    done = before(asked.state).get(name, {"executions": 0, "seconds": 0})
    gate = GATES.get(name)
    left = gate["executions"] - done["executions"] if gate else GATE_SECONDS - done["seconds"]
    if left <= 0:
        return None
    return {"runs": left, **({"max_total_time": asked.seconds} if asked.seconds else {})} if gate else {"max_total_time": min(left, asked.seconds or left)}


def minimise(name, preset, state):
    with tempfile.TemporaryDirectory(prefix="tessera-fuzz-", dir="/dev/shm") as scratch:
        words, environment = command(name, preset, state, scratch)
        small = pathlib.Path(scratch) / "small"
        small.mkdir()
        subprocess.run(words + ["-set_cover_merge=1", "-use_counters=0", str(small), *map(str, folders(name, state))], env=environment, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        target = HERE / "corpus" / name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        room = MOST_KEPT
        for path in sorted(small.iterdir(), key=lambda path: path.stat().st_size):
            room -= path.stat().st_size
            if room >= 0:
                shutil.copy(path, target)
    return {"target": name, "corpus": sum(1 for _ in target.iterdir()), "bytes": sum(p.stat().st_size for p in target.iterdir())}


def add_seeds(state):
    subprocess.run([sys.executable, str(HERE / "seeds.py"), str(state / "corpus")], check=True)


def show(rows):
    print("  ".join(f"{word:>11}" for word in COLUMNS))
    for row in rows:
        print("  ".join(f"{len(row[word]) if word == 'findings' else row[word]:>11}" for word in COLUMNS))
    for row in rows:
        for line in row["findings"]:
            print(f"{row['target']}: {line}")


def main():
    asked = options()
    asked.state = asked.state.resolve()
    asked.state.mkdir(parents=True, exist_ok=True)
    preset = "fuzz-fast" if asked.fast else "fuzz"
    every = sorted(path.stem for path in (HERE / "targets").glob("*.cc"))
    names = asked.target or every
    if unknown := set(names) - set(every):
        sys.exit(f"no target {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    if not asked.no_build:
        build(preset, names)
    if asked.seeds:
        add_seeds(asked.state)
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        if asked.minimise:
            for row in pool.map(lambda name: minimise(name, preset, asked.state), names):
                print(f"{row['target']}: {row['corpus']} inputs, {row['bytes']} bytes")
            return
        wanted = [(name, limits) for name in names if (limits := limits_of(name, asked)) is not None]
        rows = list(pool.map(lambda one: run(one[0], preset, asked.state, one[1], asked.longest), wanted))
    for row in rows:
        remember(asked.state, row)
    print(json.dumps(rows, indent=1)) if asked.json else show(rows)
    sys.exit(any(row["findings"] for row in rows))


main()
