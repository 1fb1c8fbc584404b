"""Distributed checkpoints (`torch_dist`), judged by torch.distributed.checkpoint and by Megatron-Core.

    python run_dist.py build/release

Needs torch, transformers and megatron-core. The judge of models is ../interop/oracle. `rules/` holds the two families with experts
that only these tests use.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import tempfile

import numpy
import torch
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "interop" / "oracle"))
import hf as transformers_models  # noqa: E402
import oracle as judge  # noqa: E402
import torch_shards  # noqa: E402

class Failed(Exception):
    pass


def run(*words, status=0):
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != status:
        raise Failed(f"{' '.join(map(str, words))}: exit {done.returncode} instead of {status}\n{done.stdout[-3000:]}")
    return done.stdout


def oracle(*words):
    """Megatron-Core, in processes of its own."""
    return run(sys.executable, judge.__file__, *words)


def check(right, what):
    if not right:
        raise Failed(what)


def sha256(tensor):
    return hashlib.sha256(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes()).hexdigest()


def same_logits(a, b, tolerance=1e-4):
    """Over the vocabulary that both have; what is not a number differs."""
    columns = min(a.shape[-1], b.shape[-1])
    difference = abs(a[..., :columns] - b[..., :columns]).max()
    check(a.shape[:-1] == b.shape[:-1] and difference <= tolerance, f"logits differ by {difference}")


def without_pads(tensors):
    """The vocabulary's rows that mean something: what stands in the others nobody says."""
    def cut(name, tensor):
        if not name.endswith(("word_embeddings.weight", "output_layer.weight")):
            return tensor
        rank = int(name[8:10]) if name.startswith("mp_rank_") else 0
        return tensor[:max(0, judge.families.VOCAB - rank * len(tensor))]
    return {name: cut(name, tensor) for name, tensor in tensors.items()}


def same_tensors(read, a, b):
    """Bit for bit, names, shapes and dtypes too; `read` one of the judge's readers."""
    a, b = read(a), read(b)
    check({n: t.shape for n, t in a.items()} == {n: t.shape for n, t in b.items()}, "shapes differ")
    a, b = without_pads(a), without_pads(b)
    check(a and a.keys() == b.keys(), f"names {sorted(a.keys() ^ b.keys())}")
    for name, tensor in a.items():
        check((tensor.shape, tensor.dtype) == (b[name].shape, b[name].dtype), f"{name}: shape or dtype")
        check(sha256(tensor) == sha256(b[name]), f"{name}: other bits")


def step_of(folder):
    word = (folder / "latest_checkpointed_iteration.txt").read_text().strip()
    return folder / (word if word == "release" else f"iter_{int(word):07d}")


def mesh_options(mesh):
    tp, pp, ep = mesh
    return ["--tp", tp, "--pp", pp, "--ep", ep] + (["--etp", 1] if ep > 1 else [])


# --- the tests --------------------------------------------------------------------------------------------------------


class Tests:
    def __init__(self, program, work):
        self.tessera, self.work, self.made = program, work, {}
        for family in ("gpt2", "mixtral", "deepseek_v3"):  # not in threads: transformers loads its modules as it goes
            folder = work / f"hf-{family}"
            transformers_models.make(family, folder, torch.float32, "50GB", False, 1)
            self.made[family] = folder, transformers_models.logits(folder, judge.fixed_tokens())
        self.hf = self.made["gpt2"][0]

    def convert(self, source, name, *options):
        target = self.work / name
        run(self.tessera, "convert", source, target, "--quiet", "--no-sync", *options)
        return target

    def megatron_logits(self, checkpoint, name, *mesh):
        oracle("load-mcore", checkpoint, *mesh, "--out", self.work / name)
        return numpy.load(self.work / name)

    def rules(self, family):
        return ("--rules", HERE / "rules" / f"{family}.yaml")

    # (a) torch writes, we read
    def shards(self):
        folder = self.work / "shards"
        run(sys.executable, torch_shards.__file__, folder)  # without threads, since it forks
        for name in ("torch_dcp", "torch_dist"):
            if name == "torch_dist":
                (folder / "metadata.json").write_text(json.dumps({"sharded_backend": "torch_dist", "sharded_backend_version": 1}))
                torch.save({"checkpoint_version": 3.0}, folder / "common.pt")
            report = json.loads(run(self.tessera, "inspect", folder, "--json", "--hash", "--quiet"))
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
    def to_megatron(self, family="gpt2", meshes=((1, 1, 1), (2, 2, 1)), rules=(), asked=()):
        hf, logits = self.made[family]
        name = "-".join(("c", family, *map(str, asked)))
        ours = self.convert(hf, name, "--format", "torch_dist", *rules, *asked)
        for mesh in meshes:
            same_logits(logits, self.megatron_logits(ours, f"{name}{mesh}.npy", *mesh_options(mesh)))
        same_tensors(judge.hf_tensors, hf, self.convert(ours, f"{name}-back", "--to", "hf", *rules))

    # (d) Megatron-Core -> ours -> Hugging Face, and to distributed again: Megatron's own tensors
    def from_megatron(self, family="gpt2", meshes=((1, 1, 1), (2, 2, 1)), rules=(), options=(), key=None):
        backs = []
        for mesh in meshes:
            name = "-".join(("d", family, *map(str, mesh), *options))
            made = self.work / name
            oracle("make-mcore", family, *mesh_options(mesh), "--format", "torch_dist", "--out", made, *options)
            backs.append(self.convert(made, f"{name}-hf", "--to", "hf", *rules))
            again = self.convert(made, f"{name}-again", "--to", "mcore", "--format", "torch_dist", "--tp", mesh[0], *rules)
            same_tensors(judge.torch_dist_tensors, step_of(made), step_of(again))
            check(not key or key in judge.torch_dist_tensors(step_of(made)), f"{key} is no key of Megatron's")
            if mesh != meshes[0]:
                same_tensors(judge.hf_tensors, backs[0], backs[-1])
                continue
            same_logits(self.megatron_logits(made, f"{name}.npy"), transformers_models.logits(backs[0], judge.fixed_tokens()))

    # (e) ranks <-> distributed
    def ranks_and_back(self):
        for layout in ("torch", "torch_dist"):
            oracle("make-mcore", "gpt2", "--tp", 2, "--pp", 2, "--dtype", "bf16", "--format", layout, "--out", self.work / f"e-{layout}")
        there = self.convert(self.work / "e-torch", "e-there", "--to", "mcore", "--format", "torch_dist", "--tp", 2)
        back = self.convert(there, "e-back", "--to", "mcore", "--tp", 2, "--pp", 2)
        same_tensors(judge.torch_dist_tensors, step_of(self.work / "e-torch_dist"), step_of(there))
        same_tensors(judge.torch_tensors, step_of(self.work / "e-torch"), step_of(back))

    def other_states(self):
        """Virtual stages under local names; optimizer state beside the weights."""
        for name, options in (("ranks", []), ("local", ["--tp", 2, "--pp", 2, "--vpp", 2, "--format", "torch_dist", "--spec", "local"]),
                              ("optimizer", ["--tp", 2, "--dp", 2, "--format", "torch_dist", "--optimizer", "dp_reshardable"])):
            oracle("make-mcore", "gpt2", *options, "--out", self.work / f"s-{name}")
        hf = [self.convert(self.work / f"s-{name}", f"s-{name}-hf", "--to", "hf") for name in ("ranks", "local")]
        same_tensors(judge.hf_tensors, *hf)
        trained = self.work / "s-optimizer"
        said = run(self.tessera, "convert", trained, self.work / "s-trained-hf", "--to", "hf")
        check("of optimizer state are not read" in said, f"no word of the optimizer: {said}")
        same_logits(self.megatron_logits(trained, "s.npy"), transformers_models.logits(self.work / "s-trained-hf", judge.fixed_tokens()))

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
        moe = dict(family="mixtral", rules=self.rules("mixtral"))
        layers = dict(family="deepseek_v3", rules=self.rules("deepseek_v3"))
        no_mtp = (*layers["rules"], "--set", "num_nextn_predict_layers=0")  # transformers drops the weights, not the key
        yield "torch's shards", self.shards
        yield "read by torch", self.read_by_torch
        yield "gpt2 to Megatron-Core", self.to_megatron
        yield "gpt2 to Megatron-Core, padded for two ranks", lambda: self.to_megatron(meshes=((2, 1, 1),), asked=("--tp", 2))
        yield "gpt2 from Megatron-Core", self.from_megatron
        yield "ranks and back", self.ranks_and_back
        yield "other states", self.other_states
        yield "same bytes", self.same_bytes
        yield "hostile files", self.hostile
        yield "experts to Megatron-Core", lambda: self.to_megatron(meshes=((1, 1, 1), (2, 1, 2)), **moe)
        yield "experts from Megatron-Core", lambda: self.from_megatron(
            meshes=((1, 1, 1), (2, 2, 2)), key="decoder.layers.mlp.experts.experts.linear_fc1.weight", **moe)
        yield "grouped experts from Megatron-Core", lambda: self.from_megatron(meshes=((1, 1, 1),), options=("--grouped",), **moe)
        yield "layers that differ, to Megatron-Core", lambda: self.to_megatron("deepseek_v3", ((1, 2, 2),), no_mtp)
        yield "layers that differ, from Megatron-Core", lambda: self.from_megatron(
            meshes=((1, 1, 1), (2, 1, 2)), key="decoder.layers.1.mlp.experts.experts.linear_fc1.weight", **layers)


def main():
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
            except (Exception, SystemExit) as reason:
                failed += 1
                print(f"{name}: {reason!r}" if not isinstance(reason, Failed) else f"{name}: {reason}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
