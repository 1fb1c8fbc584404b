"""Distributed checkpoints (`torch_dist`), judged by torch.distributed.checkpoint and by Megatron-Core.

    python tests/dist/run_dist.py BUILD [WORD...]

Words choose tests by their names. Needs torch, transformers and megatron-core: ../interop/judge.py.
"""
import hashlib
import json
import os
import pathlib
import pickle
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))
import judge  # noqa: E402
import torch  # noqa: E402
import torch_shards  # noqa: E402
from judge import ask, check, run, same_distributed, same_hf, same_ranks, step_of  # noqa: E402
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save  # noqa: E402

RULES = judge.ROOT / "rules"


def sha256(tensor):
    return hashlib.sha256(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()).hexdigest()


def mesh_options(mesh):
    tp, pp, ep = mesh
    return ["--tp", tp, "--pp", pp, "--ep", ep] + (["--etp", 1] if ep > 1 else [])


# --- the tests --------------------------------------------------------------------------------------------------------


class Tests:
    def __init__(self, program, work):
        self.tessera, self.work, self.made = program, work, {}
        self.convert = judge.converter(program, RULES, work)
        for family in ("gpt2", "mixtral", "deepseek_v3"):
            folder = work / f"hf-{family}"
            ask("make-hf", family, "--out", folder)
            self.made[family] = folder, judge.hf_logits(folder)
        self.hf = self.made["gpt2"][0]

    # (a) torch writes, we read
    def shards(self):
        folder = self.work / "shards"
        judge.apart(torch_shards.main, folder)
        for name in ("torch_dcp", "torch_dist"):
            if name == "torch_dist":
                (folder / "metadata.json").write_text(json.dumps({"sharded_backend": "torch_dist", "sharded_backend_version": 1}))
                torch.save({"checkpoint_version": 3.0}, folder / "common.pt")
            report = json.loads(run(self.tessera, "--rules-dir", RULES, "inspect", folder, "--json", "--hash", "--quiet"))
            check(report["format"] == name, f"format {report['format']}")
            found = {t["name"]: t for t in report["tensors"]}
            wanted = {n: t for n, (t, _) in torch_shards.random_tensors().items()}
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
    def to_megatron(self, family="gpt2", meshes=((1, 1, 1), (2, 2, 1)), asked=()):
        hf, logits = self.made[family]
        name = "-".join(("c", family, *map(str, asked)))
        ours = self.convert(hf, name, "--format", "torch_dist", *asked)
        for mesh in meshes:
            judge.difference(logits, judge.megatron_logits(ours, *mesh_options(mesh)))
        same_hf(hf, self.convert(ours, f"{name}-back", "--to", "hf", "--rules", family))

    # (d) Megatron-Core -> ours -> Hugging Face, and to distributed again: Megatron's own tensors
    def from_megatron(self, family="gpt2", meshes=((1, 1, 1), (2, 2, 1)), options=(), key=None):
        backs = []
        for mesh in meshes:
            name = "-".join(("d", family, *map(str, mesh), *options))
            made, logits = judge.made_by_megatron(family, self.work / name, *mesh_options(mesh), "--format", "torch_dist", *options)
            backs.append(self.convert(made, f"{name}-hf", "--to", "hf", "--rules", family))
            again = self.convert(made, f"{name}-again", "--to", "mcore", "--format", "torch_dist", "--tp", mesh[0], "--rules", family)
            same_distributed(made, again)
            check(not key or key in judge.oracle.torch_dist_tensors(step_of(made)), f"{key} is no key of Megatron's")
            same_hf(backs[0], backs[-1])
        judge.difference(logits, judge.hf_logits(backs[0]))

    # (e) ranks <-> distributed
    def ranks_and_back(self):
        for layout in ("torch", "torch_dist"):
            ask("make-mcore", "gpt2", "--tp", 2, "--pp", 2, "--dtype", "bf16", "--format", layout, "--out", self.work / f"e-{layout}")
        there = self.convert(self.work / "e-torch", "e-there", "--to", "mcore", "--format", "torch_dist", "--tp", 2)
        back = self.convert(there, "e-back", "--to", "mcore", "--tp", 2, "--pp", 2)
        same_distributed(self.work / "e-torch_dist", there)
        same_ranks(self.work / "e-torch", back)

    def virtual_stages(self):
        """Under local names; what ranks without them hold."""
        ask("make-mcore", "gpt2", "--out", self.work / "s-ranks")
        ask("make-mcore", "gpt2", "--tp", 2, "--pp", 2, "--vpp", 2, "--format", "torch_dist", "--spec", "local", "--out", self.work / "s-local")
        same_hf(*(self.convert(self.work / f"s-{name}", f"s-{name}-hf", "--to", "hf") for name in ("ranks", "local")))

    def trained(self):
        """Optimizer state beside the weights."""
        trained, hf = self.work / "s-optimizer", self.work / "s-trained-hf"
        ask("make-mcore", "gpt2", "--tp", 2, "--dp", 2, "--format", "torch_dist", "--optimizer", "dp_reshardable", "--out", trained)
        said = run(self.tessera, "--rules-dir", RULES, "convert", trained, hf, "--to", "hf")
        check("left behind, since only weights are converted: optimizer" in said, f"no word of the optimizer: {said}")
        judge.difference(judge.megatron_logits(trained), judge.hf_logits(hf))

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
            said = run(self.tessera, "--rules-dir", RULES, "convert", bad, out, "--to", "hf", status=3)
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
            one, two = (next(k for k in value.storage_data if k.fqn.endswith(n)) for n in ("linear_fc1.weight", "linear_fc2.bias"))
            value.storage_data[one], value.storage_data[two] = value.storage_data[two], value.storage_data[one]

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
        refused(metadata(swap), "linear_fc", ".metadata says")
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
        moe, layers = dict(family="mixtral"), dict(family="deepseek_v3")
        yield "torch's shards", self.shards
        yield "read by torch", self.read_by_torch
        yield "gpt2 to Megatron-Core", self.to_megatron
        yield "gpt2 to Megatron-Core, padded for two ranks", lambda: self.to_megatron(meshes=((2, 1, 1),), asked=("--tp", 2))
        yield "gpt2 from Megatron-Core", self.from_megatron
        yield "ranks and back", self.ranks_and_back
        yield "virtual stages", self.virtual_stages
        yield "an optimizer beside the weights", self.trained
        yield "same bytes", self.same_bytes
        yield "hostile files", self.hostile
        yield "experts to Megatron-Core", lambda: self.to_megatron(meshes=((1, 1, 1), (2, 1, 2)), **moe)
        yield "experts from Megatron-Core", lambda: self.from_megatron(
            meshes=((1, 1, 1), (2, 2, 2)), key="decoder.layers.mlp.experts.experts.linear_fc1.weight", **moe)
        yield "grouped experts from Megatron-Core", lambda: self.from_megatron(meshes=((1, 1, 1),), options=("--grouped",), **moe)
        yield "layers that differ, to Megatron-Core", lambda: self.to_megatron(meshes=((1, 2, 2),), **layers)
        yield "layers that differ, from Megatron-Core", lambda: self.from_megatron(
            meshes=((1, 1, 1), (2, 1, 2)), key="decoder.layers.1.mlp.experts.experts.linear_fc1.weight", **layers)


def main():
    program, words = pathlib.Path(sys.argv[1]).resolve() / "tessera", sys.argv[2:]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        tests = Tests(program, pathlib.Path(work))
        wanted = {name: test for name, test in tests.table() if not words or any(word in name for word in words)}
        for name, job in judge.side_by_side(wanted):
            try:
                job.result()
                passed += 1
            except judge.Failed as reason:
                failed += 1
                print(f"{name}: {reason}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
