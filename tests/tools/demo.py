"""The demonstration: a small GPT-2 checkpoint, to Megatron at TP 2 x PP 2, back again, bit for bit.

    python demo.py TESSERA FOLDER
"""
import json
import pathlib
import shutil
import subprocess
import sys

import small_gpt2


def tessera(program, *words):
    print("\n$ tessera " + " ".join(map(str, words)), flush=True)
    subprocess.run([program, *map(str, words)], check=True)


def hashes(program, folder):
    shown = subprocess.run([program, "inspect", "--json", "--hash", str(folder)], check=True, stdout=subprocess.PIPE)
    return {t["name"]: (t["dtype"], t["shape"], t["sha256"]) for t in json.loads(shown.stdout)["tensors"]}


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source, megatron, back = folder / "hf", folder / "megatron", folder / "hf-again"
    print(f"a small GPT-2 by {small_gpt2.make(source)}: {source}")
    tessera(program, "convert", source, megatron, "--tp", 2, "--pp", 2)
    tessera(program, "inspect", megatron)
    tessera(program, "convert", megatron, back, "--to", "hf")
    tessera(program, "inspect", back)
    before, after = hashes(program, source), hashes(program, back)
    if before != after:
        print(f"\ndifferent: {sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))}")
        return 1
    print(f"\n{len(before)} tensors: names, shapes, types and bits are those of the beginning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
