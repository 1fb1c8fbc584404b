"""Random state dicts between torch, safetensors and this library, bit for bit: what they write is read by `tessera inspect
--hash`; what our writers write is read by torch.load(weights_only=True) and safetensors.

    python run_states.py BUILD            60 of each
    python run_states.py BUILD --all      500 of each
"""
import argparse
import collections
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import plain
import states
import torch
from safetensors.torch import load_file, save_file

IN_LEGACY = [d for d in states.DTYPES if not str(d).startswith(("torch.float8", "torch.uint")) or d == torch.uint8]  # torch reads no others there
IN_SAFETENSORS = [d for d in states.DTYPES if d not in (torch.complex128, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz)]


def told(tensor):
    return plain.DTYPES[str(tensor.dtype)[6:]], list(tensor.shape), hashlib.sha256(states.bytes_of(tensor)).hexdigest()


class Bench:
    def __init__(self, build, work):
        self.program, self.reader, self.work = build / "tessera", build / "tests" / "damage_reader", work

    def inspected(self, path):
        done = subprocess.run([self.program, "inspect", "--json", "--hash", path], capture_output=True, text=True)
        assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"
        tensors = json.loads(done.stdout)["tensors"]
        assert len({t["name"] for t in tensors}) == len(tensors)
        return {t["name"]: (t["dtype"], t["shape"], t["sha256"]) for t in tensors}

    def same(self, found, wanted):
        assert found.keys() == wanted.keys(), f"names {sorted(found.keys() ^ wanted.keys())[:5]}"
        wrong = [(name, found[name], wanted[name]) for name in wanted if found[name] != wanted[name]]
        assert not wrong, f"{len(wrong)} tensors, first {wrong[0]}"

    # what they write

    def torch_writes(self, seed, zipped):
        made, tensors = states.state(seed, states.DTYPES if zipped else IN_LEGACY)
        path = self.work / "state.bin"
        torch.save(made, path, _use_new_zipfile_serialization=zipped, pickle_protocol=(2, 1, 3, 4, 5)[seed % 5])  # 0 has no word for storages
        self.same(self.inspected(path), {name: told(t) for name, t in tensors.items()})

    def zip(self, seed):
        self.torch_writes(seed, True)

    def legacy(self, seed):
        self.torch_writes(seed, False)

    def safetensors(self, seed):
        made = states.plain_state(seed, IN_SAFETENSORS)
        path = self.work / "state.safetensors"
        save_file(made, path, {"format": "pt"} if seed % 2 else None)
        self.same(self.inspected(path), {name: told(t) for name, t in made.items()})

    # what we write

    def written(self, seed, format):
        made = states.plain_state(seed, IN_SAFETENSORS)
        folder = self.work / f"{format}-{seed}"
        folder.mkdir()
        save_file(made, self.work / "source.safetensors")
        shard = (10**9, 300)[seed % 2]
        done = subprocess.run([self.reader, "copy", self.work / "source.safetensors", format, folder, str(shard)], capture_output=True, text=True)
        assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"
        return folder, {name: told(t) for name, t in made.items()}

    def joined(self, folder, pattern, load):
        found = {}
        for shard in sorted(folder.glob(pattern)):
            for name, tensor in load(shard).items():
                assert name not in found, name
                found[name] = told(tensor)
        return found

    def our_safetensors(self, seed):
        folder, wanted = self.written(seed, "safetensors")
        self.same(self.joined(folder, "*.safetensors", load_file), wanted)

    def our_bin(self, seed):
        folder, wanted = self.written(seed, "bin")
        self.same(self.joined(folder, "*.bin", lambda path: torch.load(path, weights_only=True)), wanted)

    def our_torch(self, seed):
        folder, wanted = self.written(seed, "torch")
        torch.serialization.add_safe_globals([argparse.Namespace])
        rank = torch.load(next(folder.rglob("*.pt")), weights_only=True)
        self.same({name: told(t) for name, t in rank["model"].items() if torch.is_tensor(t)}, wanted)


WAYS = ("zip", "legacy", "safetensors", "our_safetensors", "our_bin", "our_torch")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    passed = failed = 0
    count = 500 if "--all" in sys.argv else 60
    for way in WAYS:
        wrong = collections.Counter()
        for seed in range(count):
            with tempfile.TemporaryDirectory() as work:
                try:
                    getattr(Bench(build, pathlib.Path(work)), way)(seed)
                    passed += 1
                except (AssertionError, RuntimeError, ValueError, KeyError, OSError) as error:
                    failed += 1
                    wrong[way] += 1
                    if wrong[way] <= 5:
                        print(f"{way} {seed}: {type(error).__name__}: {str(error)[:800]}")
        print(f"{way}: {count - wrong[way]} of {count} the same", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
