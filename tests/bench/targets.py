"""The speed targets, measured: one table, those that are missed too. Not part of the tests: it takes half an hour and wants the machine for itself.

    python tests/bench/targets.py build/release --work DIR [--gb 2] [--rounds 7] [--only NAME,...] [--json FILE]

DIR lies on the disk that is measured and has room for four times the checkpoint. Wants numpy, torch, safetensors; root for cold runs.
Times are ratios of medians of one interleaved run (bench.py), so that a slow phase of the machine hits all alike.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


def run(*words, **more):
    return subprocess.run([str(w) for w in words], check=True, **more)


class Bench:
    def __init__(self, asked):
        self.asked, self.program = asked, asked.build.resolve() / "tessera"
        self.work = asked.work.resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        self.rows = []

    def checkpoint(self, kind, gb, dtype):
        folder = self.work / f"{kind}-{gb}"
        if not folder.exists():
            run(sys.executable, HERE / "make_ckpt.py", folder, "--kind", kind, "--gb", gb, "--dtype", dtype)
        return folder

    def ranks(self, source, tp):
        folder = self.work / f"{source.name}-tp{tp}"
        if not folder.exists():
            run(self.program, "convert", "-q", source, folder, "--tp", tp)
        return folder

    def compare(self, source, commands, *options, rounds=None):
        """{name: summary} of bench.py for `tessera convert {src} {dst} ...`."""
        out = self.work / "bench.json"
        words = [f"--cmd={name}={self.program} convert -q {{src}} {{dst}} {more}" for name, more in commands.items()]
        run(sys.executable, HERE / "bench.py", "--src", source, "--work", self.work / "out", "--rounds", rounds or self.asked.rounds, "--json", out, *words, *options)
        return json.loads(out.read_text())["summary"]

    def say(self, target, what, measured, bound, unit="", more=""):
        met = measured is not None and measured <= bound
        shown = "-" if measured is None else f"{measured:.2f}{unit}"
        self.rows.append((target, what, shown, f"{bound}{unit}", "met" if met else "MISSED", more))
        print(f"{target}: {what}: {shown} (at most {bound}{unit}) {'met' if met else 'MISSED'} {more}", flush=True)


def seconds(summary):
    return f"{summary['durable']:.2f} s"


def to_megatron(b, cold):
    source = b.checkpoint("llama", b.asked.gb, "bf16")
    commands = {"tessera": "--tp 4"} if cold else {"tessera": "--tp 4", "no_sync": "--tp 4 --no-sync", "no_hash": "--tp 4 --no-hash"}
    found = b.compare(source, commands, "--tp", 4, *(["--cold", "--no-python"] if cold else ["--check"]))
    state, ours = "cold" if cold else "warm", found["tessera"]
    b.say("P1", f"HF -> Megatron TP 4, {state}, / (cp && sync)", ours["vs_cp_sync"], 0.85, more=seconds(ours))
    if cold:
        return
    b.say("P7", "with checksums and hashes / without", ours["durable"] / found["no_hash"]["durable"], 1.05)
    b.say("P2", "the same with --no-sync, / cp", found["no_sync"]["vs_cp"], 1.1)
    b.say("P3", "peak memory, MiB", ours["rss"] / 2 ** 20, 256)
    b.say("P4", "/ the Python way, time", ours["vs_python"], 1 / 6, more="equal bits" if ours["check"] == "equal" else str(ours["check"]))
    b.say("P4", "/ the Python way, memory", ours["rss"] / found["python_way"]["rss"], 1 / 9)
    b.say("P5", "CPU, s/GB", ours["cpu_per_gb"], 0.4, more=f"cp {found['cp']['cpu_per_gb']:.2f}")
    if ours["cached"] is not None:
        b.say("P8", "share of the output in the page cache", ours["cached"], 0.05)


def back(b, cold):
    source = b.ranks(b.checkpoint("llama", b.asked.gb, "bf16"), 4)
    found = b.compare(source, {"tessera": "--to hf"}, "--no-python", *(["--cold"] if cold else []))["tessera"]
    b.say("P1", f"Megatron TP 4 -> HF, {'cold' if cold else 'warm'}, / (cp && sync)", found["vs_cp_sync"], 0.85, more=seconds(found))


def reshard(b, cold):
    source = b.ranks(b.checkpoint("llama", b.asked.gb, "bf16"), 4)
    found = b.compare(source, {"tessera": "--to mcore --tp 2"}, "--no-python", *(["--cold"] if cold else []))["tessera"]
    b.say("P1", f"Megatron TP 4 -> TP 2, {'cold' if cold else 'warm'}, / (cp && sync)", found["vs_cp_sync"], 0.85, more=seconds(found))


def larger(b):
    source = b.checkpoint("llama", 4 * b.asked.gb, "bf16")
    found = b.compare(source, {"tessera": "--tp 4"}, "--no-python", rounds=3)["tessera"]
    b.say("P3", f"peak memory at {4 * b.asked.gb:g} GB, MiB", found["rss"] / 2 ** 20, 256, more=f"/ (cp && sync) {found['vs_cp_sync']:.2f}")


def transposes(b):
    source = b.checkpoint("gpt2", b.asked.gb, "fp32")
    found = b.compare(source, {"two": "--tp 4 --threads 2", "one": "--tp 4 --threads 1", "two_fast": "--tp 4 --threads 2 --no-sync",
                               "one_fast": "--tp 4 --threads 1 --no-sync"}, "--no-python")
    b.say("P1", "GPT-2 fp32 -> Megatron TP 4 (every matrix transposed), / (cp && sync)", found["two"]["vs_cp_sync"], 0.85)
    b.say("P9", "two threads / one, nothing waits for the disk", found["two_fast"]["t"] / found["one_fast"]["t"], 1 / 1.3)
    b.say("P9", "two threads / one, durable", found["two"]["durable"] / found["one"]["durable"], 1 / 0.95)


def plans_of_many(b):
    out = b.work / "plans.json"
    run(sys.executable, HERE / "plans.py", b.asked.build, "--work", b.work / "plans", "--rounds", b.asked.rounds, "--json", out, stdout=subprocess.DEVNULL)
    for row in json.loads(out.read_text()):
        size = f"{row['tensors']} tensors of {row['claimed'] / 1e9:.0f} GB"
        many = row["title"] == "many"
        b.say("P6", f"{row['title']}: {size}, s", row["seconds"], 1 if many else 10, more=row["cost"])
        b.say("P6", f"{row['title']}: MiB", row["mib"], 200 if many else 1024)
        if row["share"] is not None:
            b.say("P6", f"{row['title']}: share of the bytes that is read, %", 100 * row["share"], 0.1)


def starts(b):
    def median(*words):
        times = []
        for _ in range(50):
            begin = time.perf_counter()
            run(b.program, *words, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - begin)
        return statistics.median(times) * 1000
    for words in (["--version"], ["--help"], ["check", HERE.parents[1] / "rules" / "llama.yaml"]):
        b.say("P10", f"start of `{pathlib.Path(words[0]).name}`, ms", median(*words), 20)


SUITES = {"to_megatron": lambda b: to_megatron(b, False), "to_megatron_cold": lambda b: to_megatron(b, True), "back": lambda b: back(b, False),
          "back_cold": lambda b: back(b, True), "reshard": lambda b: reshard(b, False), "reshard_cold": lambda b: reshard(b, True),
          "transposes": transposes, "larger": larger, "plans": plans_of_many, "starts": starts}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--gb", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default=",".join(SUITES))
    parser.add_argument("--json", type=pathlib.Path)
    bench = Bench(parser.parse_args())
    for name in bench.asked.only.split(","):
        SUITES[name](bench)
    print("\n| target | what | measured | at most | | |\n|---|---|---|---|---|---|")
    for row in bench.rows:
        print("| " + " | ".join(row) + " |")
    if bench.asked.json:
        bench.asked.json.write_text(json.dumps(bench.rows, indent=1) + "\n")
    shutil.rmtree(bench.work / "out", ignore_errors=True)


if __name__ == "__main__":
    main()
