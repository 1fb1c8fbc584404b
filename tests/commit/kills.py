"""Every system call of a conversion, killed, ended and failed one at a time: the long test of docs/durability.md.

    python kills.py build/release [--max N] [--kinds kill,term,fault,short,full] [WAY...]

For each way to write (all of common.WAYS) it drives trace_kill.py over a checkpoint of a few kilobytes: once to an output
that is not there, once more with --resume after each kill, once over an older output, and once with tensors of more than a
megabyte, which go past the page cache. --max 0 (the default) takes every call; 12 takes a sample. Needs strace. It is not among
run_*.py: it takes hours. Ways are independent, so each may have a process of its own.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from common import HERE, WAYS, sizes, small_gpt2


def tiny(folder, words):
    """As small as it can be with two layers; with 70001 words it has tensors that go past the page cache."""
    folder.mkdir()
    with sizes(vocab_size=words, n_positions=8, n_embd=8, n_layer=2, n_head=2, n_inner=16):
        small_gpt2.write_plain(folder)
    (folder / "tokenizer.json").write_text("{}\n")


def runs(program, work, ways):
    """(title, arguments for trace_kill.py)"""
    old = work / "old"
    for way in ways:
        words = [w if w != "200KB" else "4KB" for w in WAYS[way]]
        command = " ".join(map(str, [program, "-q", "convert", "--rules", "gpt2", "--threads", "2", "{source}", "{out}", *words]))
        long = command.replace("{source}", str(work / "long")).replace("4KB", "4MB")
        command = command.replace("{source}", str(work / "hf"))
        yield way, ["--cmd", command]
        yield f"{way}, resumed", ["--cmd", command, "--resume-cmd", command + " --resume", "--kinds", "kill,term"]
        yield f"{way}, verified", ["--cmd", command + " --verify", "--kinds", "kill,term,fault"]
        yield f"{way}, over an older output", ["--cmd", command + " --overwrite", "--old", old]
        yield f"{way}, long tensors", ["--cmd", long, "--resume-cmd", long + " --resume"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("ways", nargs="*", default=list(WAYS))
    parser.add_argument("--max", type=int, default=0)
    parser.add_argument("--kinds")
    parser.add_argument("--only", default="", help="one title, as it is printed: \"torch, resumed\"")
    parser.add_argument("--timeout", type=float, default=20, help="seconds that a run may take")
    a = parser.parse_intermixed_args()
    program, failed, points, begin = a.build.resolve() / "tessera", 0, {}, time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        tiny(work / "hf", 31)
        tiny(work / "long", 70001)
        (work / "old").mkdir()
        (work / "old" / "old.txt").write_text("older\n")
        for title, words in runs(program, work, a.ways or list(WAYS)):
            if a.only and a.only != title:
                continue
            print(f"== {title}", flush=True)
            kinds = ["--kinds", a.kinds] if a.kinds and "--kinds" not in words else []
            found = work / "found.json"
            done = subprocess.run([sys.executable, HERE / "trace_kill.py", *map(str, words), *kinds, "--max", str(a.max), "--timeout", str(a.timeout), "--json", found, "--work", work / "kills"])
            if not found.exists():
                print(f"{title}: did not run", flush=True)
                failed += 1
                continue
            result = json.loads(found.read_text())
            failed += len(result["findings"])
            for kind, ends in result["tally"].items():
                points[kind] = points.get(kind, 0) + sum(ends.values())
            found.unlink()
    print(", ".join(f"{kind} {n}" for kind, n in points.items()) + f"; {(time.monotonic() - begin) / 60:.0f} minutes")
    print(f"{failed} findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
