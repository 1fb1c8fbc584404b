"""One small checkpoint of every format, and who is to read it: torch and safetensors write them."""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import subprocess
import zipfile

import plain
import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent


class Sample:
    """`file` is the one that is damaged; `path` is what is opened; `read(path)` what Python reads there. Sealed: each byte is
    under a hash, so `verify` must find every damage."""

    def __init__(self, name, path, file, read, sealed=False):
        self.name, self.path, self.file, self.read, self.sealed = name, path, file, read, sealed


def numbers(*shape, dtype=torch.float32, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 100, shape, generator=generator).to(dtype)


def state():
    """Views, a transposed one, shared storage, an empty one, a scalar, bf16, a nested dict."""
    base = numbers(3, 4)
    return collections.OrderedDict([("a.weight", base), ("b.t", base.t()), ("c.part", base[1:, ::2]), ("half", numbers(5, dtype=torch.bfloat16)),
                                    ("none", torch.empty(0, 3)), ("one", torch.tensor(7)), ("p", torch.nn.Parameter(numbers(2, seed=3))),
                                    ("deep", {"er": numbers(2, 2, dtype=torch.float16)})])


def deflated(source, target):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)


def of_bytes(read):
    return lambda path: read(path.read_bytes())


def files(root):
    root.mkdir()
    save_file({"w": numbers(2, 3), "half": numbers(3, dtype=torch.bfloat16), "f8": numbers(5, dtype=torch.float8_e4m3fn), "none": torch.empty(0, 4),
               "one": torch.tensor(3), "mask": torch.tensor([True, False])}, root / "m.safetensors", {"by": "\u00e9"})
    yield Sample("safetensors", root / "m.safetensors", root / "m.safetensors", of_bytes(plain.by_the_reference))
    torch.save(state(), root / "zip.bin")
    yield Sample("zip", root / "zip.bin", root / "zip.bin", of_bytes(plain.torch_zip))
    deflated(root / "zip.bin", root / "deflated.pt")
    yield Sample("deflated", root / "deflated.pt", root / "deflated.pt", of_bytes(plain.torch_zip))
    torch.save(state(), root / "legacy.bin", _use_new_zipfile_serialization=False)
    yield Sample("legacy", root / "legacy.bin", root / "legacy.bin", of_bytes(plain.legacy))


def distributed(root):
    with contextlib.redirect_stderr(open(os.devnull, "w")):
        dcp.save({"w": numbers(2, 3), "half": numbers(3, dtype=torch.bfloat16)}, checkpoint_id=str(root), no_dist=True)
    for file in (".metadata", "__0_0.distcp"):
        yield Sample("torch_dist " + file, root, root / file, plain.distributed)


def hugging_face(root):
    root.mkdir()
    weights = {"w": numbers(2, 3), "v": numbers(3, dtype=torch.bfloat16), "u": numbers(2, seed=9)}
    shards = {"model-00001-of-00002.safetensors": ["w"], "model-00002-of-00002.safetensors": ["v", "u"]}
    for shard, names in shards.items():
        save_file({n: weights[n] for n in names}, root / shard)
    index = {"metadata": {"total_size": 38}, "weight_map": {n: s for s, names in shards.items() for n in names}}
    (root / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))
    config = {"model_type": "x", "hidden_size": 3, "eps": 1e-05, "tied": True, "none": None, "list": [1, -2], "deep": {"k": "\u00e9 \u4e2d"}}
    (root / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    for file in ("model.safetensors.index.json", "config.json", "model-00002-of-00002.safetensors"):
        yield Sample("hf " + file, root, root / file, plain.sharded)


def megatron(root):
    rank = root / "iter_0000005" / "mp_rank_00" / "model_optim_rng.pt"
    rank.parent.mkdir(parents=True)
    args = argparse.Namespace(num_layers=1, hidden_size=4, tensor_model_parallel_size=1, pipeline_model_parallel_size=1)
    torch.save({"args": args, "checkpoint_version": 3.0, "iteration": 5, "model": {"decoder.final_layernorm.weight": numbers(4), "w": numbers(2, 2, dtype=torch.bfloat16)}}, rank)
    (root / "latest_checkpointed_iteration.txt").write_text("5\n")
    for file in (rank, root / "latest_checkpointed_iteration.txt"):
        yield Sample("megatron " + file.name, root, file, plain.megatron)


def small_model(folder):
    """A checkpoint of small.yaml."""
    folder.mkdir()
    weights = {"model.w": numbers(4, 3), **{f"model.{l}.n": numbers(3, seed=l) for l in range(2)}, **{f"model.{l}.f": numbers(4, 3, seed=l) for l in range(2)}}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "small", "vocab": 4, "hidden": 3, "layers": 2}))
    return weights


def ours(build, root):
    """What we write: hashes cover all of it."""
    root.mkdir()
    small_model(root / "hf")
    convert = [build / "tessera", "convert", "-q", "--rules", HERE / "small.yaml", root / "hf"]
    subprocess.run([*convert, root / "ranks"], check=True)
    rank = next((root / "ranks").rglob("model_optim_rng.pt"))
    for file in (root / "ranks" / "tessera.json", rank):
        yield Sample("ours " + file.name, root / "ranks", file, plain.megatron, sealed=True)


def all_of(build, work):
    work = pathlib.Path(work)
    yield from files(work / "files")
    yield from distributed(work / "dist")
    yield from hugging_face(work / "hf")
    yield from megatron(work / "megatron")
    yield from ours(build, work / "ours")
