"""Every system call of a conversion, killed, ended and failed one at a time: the long test of docs/durability.md.

    python kills.py build/release [--max N] [--kinds kill,term,fault,short,full] [WAY...]

For each way to write (all of common.WAYS) it drives trace_kill.py over a checkpoint of a few kilobytes: once to an output
that is not there, once more with --resume after each kill, and once over an older output. --max 0 (the default) takes every call;
12 takes a sample. Needs strace. It is not among run_*.py: it takes an hour or so.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from common import HERE, WAYS, small_gpt2


def tiny(folder):
    """As small as it can be with two layers."""
    small_gpt2.CONFIG.update(vocab_size=31, n_positions=8, n_embd=8, n_layer=2, n_head=2, n_inner=16)
    folder.mkdir()
    small_gpt2.write_plain(folder)
    (folder / "tokenizer.json").write_text("{}\n")


def runs(program, source, old, ways):
    """(title, arguments for trace_kill.py)"""
    for way in ways:
        words = [w if w != "200KB" else "4KB" for w in WAYS[way]]
        command = " ".join(map(str, [program, "-q", "convert", "--rules", "gpt2", "--threads", "2", source, "{out}", *words]))
        yield way, ["--cmd", command]
        yield f"{way}, resumed", ["--cmd", command, "--resume-cmd", command + " --resume", "--kinds", "kill,term"]
        yield f"{way}, verified", ["--cmd", command + " --verify", "--kinds", "kill,term,fault"]
        yield f"{way}, over an older output", ["--cmd", command + " --overwrite", "--old", old]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("ways", nargs="*", default=list(WAYS))
    parser.add_argument("--max", type=int, default=0)
    parser.add_argument("--kinds")
    parser.add_argument("--only", default="", help="one title, as it is printed: \"torch, resumed\"")
    a = parser.parse_intermixed_args()
    program, failed = a.build.resolve() / "tessera", 0
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        tiny(work / "hf")
        (work / "old").mkdir()
        (work / "old" / "old.txt").write_text("older\n")
        for title, words in runs(program, work / "hf", work / "old", a.ways or list(WAYS)):
            if a.only and a.only != title:
                continue
            print(f"== {title}", flush=True)
            kinds = ["--kinds", a.kinds] if a.kinds and "--kinds" not in words else []
            found = work / "found.json"
            done = subprocess.run([sys.executable, HERE / "trace_kill.py", *map(str, words), *kinds, "--max", str(a.max), "--json", found, "--work", work / "kills"])
            if not found.exists():
                print(f"{title}: did not run", flush=True)
                failed += 1
                continue
            failed += len(json.loads(found.read_text())["findings"])
            found.unlink()
    print(f"{failed} findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
