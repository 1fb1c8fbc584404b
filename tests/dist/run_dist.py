"""Distributed checkpoints (`torch_dist`), judged by torch.distributed.checkpoint and by Megatron-Core.

    python run_dist.py build/release

Needs torch, transformers and megatron-core. The judge of models is ../interop/oracle. `rules/` holds the two families with experts
that only these tests use.
"""
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import tempfile

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

HERE = pathlib.Path(__file__).parent
ORACLE = [sys.executable, str(HERE.parent / "interop" / "oracle" / "oracle.py")]
DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool,
          torch.float8_e4m3fn]


class Failed(Exception):
    pass


def run(*words, status=0):
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != status:
        raise Failed(f"{' '.join(map(str, words))}: exit {done.returncode} instead of {status}\n{done.stdout[-3000:]}")
    return done.stdout


def oracle(*words):
    return run(*ORACLE, *words)


def check(right, what):
    if not right:
        raise Failed(what)


def sha256(tensor):
    return hashlib.sha256(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()).hexdigest()


def step_of(folder):
    word = (folder / "latest_checkpointed_iteration.txt").read_text().strip()
    return folder / (word if word == "release" else f"iter_{int(word):07d}")


# --- what torch writes ------------------------------------------------------------------------------------------------


def random_tensors():
    """name -> (global tensor, how its two axes are sharded over a 2 x 2 mesh); sizes that do not divide too."""
    generator = torch.Generator().manual_seed(5)
    tensors = {}
    for i, dtype in enumerate(DTYPES):
        for how in ("rows", "columns", "both", "whole"):
            values = torch.randint(0, 100, (7 + i, 5), generator=generator)
            tensors[f"a.{str(dtype)[6:]}.{how}"] = ((values > 50) if dtype == torch.bool else values.to(dtype), how)
    tensors["a.cube"] = (torch.rand(3, 4, 6, generator=generator), "both")
    tensors["a.scalar"] = (torch.tensor(3.5), "whole")
    tensors["a.empty"] = (torch.empty(0, 4), "whole")
    return tensors


def write_shards(rank, folder, scratch):
    """One process of four: torch shards, torch writes."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    dist.init_process_group("gloo", init_method=f"file://{scratch}/store", rank=rank, world_size=4)
    mesh = init_device_mesh("cpu", (2, 2))
    placements = {"rows": [Shard(0), Replicate()], "columns": [Replicate(), Shard(1)], "both": [Shard(0), Shard(1)]}
    state = {name: distribute_tensor(tensor, mesh, placements[how]) if how in placements else tensor
             for name, (tensor, how) in random_tensors().items()}
    with contextlib.redirect_stderr(open(os.devnull, "w")):
        dcp.save(state, checkpoint_id=str(folder))
    os._exit(0)  # the group is not taken down: nothing waits for it


def write_all_shards(folder):
    context = torch.multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as scratch:
        ranks = [context.Process(target=write_shards, args=(rank, folder, scratch)) for rank in range(4)]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join()
        return max(abs(p.exitcode) for p in ranks)


# --- the tests --------------------------------------------------------------------------------------------------------


class Tests:
    def __init__(self, program, work):
        self.tessera, self.work = program, work
        self.hf, self.logits = self.made_hf("gpt2")

    def made_hf(self, family):
        hf, logits = self.work / f"hf-{family}", self.work / f"{family}.npy"
        oracle("make-hf", family, "--out", hf)
        oracle("hf-logits", hf, "--out", logits)
        return hf, logits

    def convert(self, source, name, *options):
        target = self.work / name
        run(self.tessera, "convert", source, target, "--quiet", "--no-sync", *options)
        return target

    def rules(self, family):
        return ("--rules", HERE / "rules" / f"{family}.yaml")

    # (a) torch writes, we read
    def shards(self):
        folder = self.work / "shards"
        run(sys.executable, __file__, "--write-shards", folder)  # a process without threads, which may fork
        for name in ("torch_dcp", "torch_dist"):
            if name == "torch_dist":
                (folder / "metadata.json").write_text(json.dumps({"sharded_backend": "torch_dist", "sharded_backend_version": 1}))
                torch.save({"checkpoint_version": 3.0}, folder / "common.pt")
            report = json.loads(run(self.tessera, "inspect", folder, "--json", "--hash", "--quiet"))
            check(report["format"] == name, f"format {report['format']}")
            found = {t["name"]: t for t in report["tensors"]}
            wanted = {n: t for n, (t, _) in random_tensors().items()}
            check(found.keys() == wanted.keys(), f"names {sorted(found.keys() ^ wanted.keys())}")
            for key, tensor in wanted.items():
                check(found[key]["shape"] == list(tensor.shape), f"{key}: shape {found[key]['shape']}")
                check(found[key]["sha256"] == sha256(tensor), f"{key}: other bits")

    # (b) we write, torch reads: what the same weights are in one rank, layers stacked by torch
    def read_by_torch(self):
        ranks = self.convert(self.hf, "b-ranks")
        flat = torch.load(step_of(ranks) / "mp_rank_00/model_optim_rng.pt", weights_only=False)["model"]
        wanted = {}
        for name, tensor in flat.items():
            if not torch.is_tensor(tensor):
                continue
            words = name.split(".")
            layer = words[:2] == ["decoder", "layers"]
            key = ".".join(words[:2] + words[3:]) if layer else name
            wanted.setdefault(key, []).append(tensor) if layer else wanted.__setitem__(key, tensor)
        wanted = {k: torch.stack(v) if isinstance(v, list) else v for k, v in wanted.items()}
        for shards, size in enumerate(("5GB", "20KB")):
            ours = self.convert(self.hf, f"b-dist-{shards}", "--format", "torch_dist", "--max-shard-size", size)
            files = len(list(step_of(ours).glob("*.distcp")))
            check(files == 1 if size == "5GB" else files > 5, f"{files} data files")
            whole = self.work / f"b-{shards}.pt"
            dcp_to_torch_save(step_of(ours), whole)
            loaded = {k: v for k, v in torch.load(whole, weights_only=False).items() if torch.is_tensor(v)}
            check(loaded.keys() == wanted.keys(), f"names {sorted(loaded.keys() ^ wanted.keys())}")
            for key, tensor in wanted.items():
                check(loaded[key].shape == tensor.shape and loaded[key].dtype == tensor.dtype, f"{key}: shape or dtype")
                check(sha256(loaded[key]) == sha256(tensor), f"{key}: other bits")

    # (c) Hugging Face -> ours -> Megatron-Core, which loads on its own mesh
    def to_megatron(self, family="gpt2", meshes=((1, 1, 1), (2, 2, 1)), rules=(), asked=()):
        hf, logits = (self.hf, self.logits) if family == "gpt2" else self.made_hf(family)
        ours = self.convert(hf, f"c-{family}{''.join(map(str, asked))}", "--format", "torch_dist", *rules, *asked)
        for tp, pp, ep in meshes:
            out = self.work / f"c-{family}-{tp}{pp}{ep}{''.join(map(str, asked))}.npy"
            mesh = ("--tp", tp, "--pp", pp, "--ep", ep) + (("--etp", 1) if ep > 1 else ())
            oracle("load-mcore", ours, *mesh, "--out", out)
            oracle("compare", logits, out)
        back = self.convert(ours, f"c-back-{family}{''.join(map(str, asked))}", "--to", "hf", *rules)
        oracle("same-tensors", hf, back)

    # (d) Megatron-Core -> ours -> Hugging Face
    def from_megatron(self, family="gpt2", meshes=((1, 1, 1), (2, 2, 1)), rules=(), options=(), key=None):
        backs = []
        for tp, pp, ep in meshes:
            name = f"d-{family}-{tp}{pp}{ep}{''.join(options)}"
            made = self.work / name
            mesh = ("--tp", tp, "--pp", pp, "--ep", ep) + (("--etp", 1) if ep > 1 else ())
            oracle("make-mcore", family, *mesh, "--format", "torch_dist", "--out", made, *options)
            if key:
                check(key in oracle("list", made), f"{key} is no key of Megatron's")
            oracle("load-mcore", made, "--out", self.work / f"{name}.npy")
            backs.append(self.convert(made, f"{name}-hf", "--to", "hf", *rules))
            oracle("hf-logits", backs[-1], "--out", self.work / f"{name}-hf.npy")
            oracle("compare", self.work / f"{name}.npy", self.work / f"{name}-hf.npy")
            oracle("same-tensors", backs[0], backs[-1])
            # and to distributed again: Megatron's own tensors, bit for bit
            again = self.convert(made, f"{name}-again", "--to", "mcore", "--format", "torch_dist", "--tp", tp, "--pp", pp,
                                 *rules)
            oracle("same-tensors", made, again)

    # (e) ranks <-> distributed
    def ranks_and_back(self):
        ranks = self.work / "e-ranks"
        oracle("make-mcore", "gpt2", "--tp", 2, "--pp", 2, "--dtype", "bf16", "--out", ranks)
        there = self.convert(ranks, "e-dist", "--to", "mcore", "--format", "torch_dist", "--tp", 2)
        back = self.convert(there, "e-back", "--to", "mcore", "--tp", 2, "--pp", 2)
        oracle("same-tensors", ranks, back)
        made = self.work / "e-made"
        oracle("make-mcore", "gpt2", "--tp", 2, "--pp", 2, "--dtype", "bf16", "--format", "torch_dist", "--out", made)
        oracle("same-tensors", made, there)

    def same_bytes(self):
        """Threads and memory change nothing."""
        hashes = set()
        for i, options in enumerate((("--threads", 1), ("--threads", 4, "--memory", "1MiB"))):
            ours = self.convert(self.hf, f"same-{i}", "--format", "torch_dist", *options)
            hashes.add(tuple((str(f.relative_to(ours)), hashlib.sha256(f.read_bytes()).hexdigest())
                             for f in sorted(ours.rglob("*")) if f.is_file()))
        check(len(hashes) == 1, "other bytes")

    # (f) hostile files
    def hostile(self):
        good = self.convert(self.hf, "f-good", "--format", "torch_dist")

        def refused(change, *words):
            bad = self.work / "f-bad"
            shutil.copytree(good, bad)
            change(step_of(bad))
            out = self.work / "f-out"
            said = run(self.tessera, "convert", bad, out, "--to", "hf", status=3)
            left = [p.name for p in self.work.iterdir() if p.name.startswith((".f-out", "f-out"))]
            check(not left, f"left behind: {left}")
            for word in words:
                check(word in said, f"`{word}` is not said: {said}")
            shutil.rmtree(bad)

        def metadata(change):
            def edit(step):
                value = pickle.loads((step / ".metadata").read_bytes())
                change(value)
                (step / ".metadata").write_bytes(pickle.dumps(value))
            return edit

        def swap(value):
            one, two = [k for k in value.storage_data if k.fqn.endswith("linear_fc1.weight")][:2]
            value.storage_data[one], value.storage_data[two] = value.storage_data[two], value.storage_data[one]
            value.storage_data[one].length += 1

        def beyond(value):
            next(iter(value.storage_data.values())).offset = 1 << 40

        def hole(value):
            value.state_dict_metadata["decoder.layers.mlp.linear_fc1.weight"].chunks.pop()

        def larger(value):
            entry = value.state_dict_metadata["decoder.layers.mlp.linear_fc1.weight"]
            entry.size = torch.Size([1 << 40] + list(entry.size)[1:])

        def outside(value):
            next(iter(value.storage_data.values())).relative_path = "../../secret.distcp"

        class Shell:
            def __reduce__(self):
                return os.system, (f"touch {self_work}/f-canary",)

        self_work = self.work
        refused(lambda step: (step / ".metadata").write_bytes((step / ".metadata").read_bytes()[:-100]), ".metadata")
        refused(lambda step: (step / ".metadata").write_bytes(b""), ".metadata")
        refused(lambda step: (step / ".metadata").unlink(), ".metadata")
        refused(lambda step: (step / ".metadata").write_bytes(pickle.dumps(Shell())), ".metadata", "system")
        refused(lambda step: torch.save([Shell()], step / "common.pt"), "common.pt", "system")
        refused(lambda step: (step / "__0_0.distcp").unlink(), "__0_0.distcp")
        refused(lambda step: os.truncate(step / "__0_0.distcp", 5000), "__0_0.distcp")
        refused(metadata(swap), "linear_fc1.weight")
        refused(metadata(beyond), "are wanted")
        refused(metadata(hole), "some are missing")
        refused(metadata(larger), "linear_fc1.weight")
        refused(metadata(outside), "not the plain name")
        check(not (self.work / "f-canary").exists(), "the pickle was run")
        data = step_of(good) / "__0_0.distcp"
        bits = bytearray(data.read_bytes())
        bits[len(bits) // 2] ^= 1
        refused(lambda step: (step / "__0_0.distcp").write_bytes(bits), "__0_0.distcp", "checksum")

    def table(self):
        moe = dict(family="mixtral", rules=self.rules("mixtral"))
        layers = dict(family="deepseek_v3", rules=self.rules("deepseek_v3"))
        yield "torch's shards", self.shards
        yield "read by torch", self.read_by_torch
        yield "gpt2 to Megatron-Core", self.to_megatron
        yield "gpt2 to Megatron-Core, padded for two ranks", lambda: self.to_megatron(meshes=((2, 1, 1),), asked=("--tp", 2))
        yield "gpt2 from Megatron-Core", self.from_megatron
        yield "ranks and back", self.ranks_and_back
        yield "same bytes", self.same_bytes
        yield "hostile files", self.hostile
        yield "experts to Megatron-Core", lambda: self.to_megatron(meshes=((1, 1, 1), (2, 1, 2)), **moe)
        yield "experts from Megatron-Core", lambda: self.from_megatron(
            meshes=((1, 1, 1), (2, 2, 2)), key="decoder.layers.mlp.experts.experts.linear_fc1.weight", **moe)
        yield "grouped experts from Megatron-Core", lambda: self.from_megatron(meshes=((1, 1, 1),), options=("--grouped",), **moe)
        yield "layers that differ, to Megatron-Core", lambda: self.to_megatron(meshes=((1, 1, 1), (1, 2, 2)), **layers)
        yield "layers that differ, from Megatron-Core", lambda: self.from_megatron(
            meshes=((1, 1, 1), (2, 1, 2)), key="decoder.layers.1.mlp.experts.experts.linear_fc1.weight", **layers)


def main():
    if sys.argv[1] == "--write-shards":
        return write_all_shards(sys.argv[2])
    program = pathlib.Path(sys.argv[1]).resolve() / "tessera"
    wanted = sys.argv[2:]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work, concurrent.futures.ThreadPoolExecutor(2) as pool:
        tests = Tests(program, pathlib.Path(work))
        running = [(name, pool.submit(test)) for name, test in tests.table() if not wanted or any(w in name for w in wanted)]
        for name, test in running:
            try:
                test.result()
                passed += 1
            except Failed as reason:
                failed += 1
                print(f"{name}: {reason}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
