"""Wrong input: a clear message, the right exit status, nothing under the final name, and the source untouched.

    python run_refusals.py build/release

Needs torch (it makes the broken Megatron files).
"""
import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import sys
import tempfile

import torch

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tools"))
import small_gpt2  # noqa: E402


class Bench:
    def __init__(self, program, work):
        self.program, self.work = program, work
        self.hf, self.mc = work / "hf", work / "mc"
        self.hf.mkdir()
        small_gpt2.write_plain(self.hf)
        self.run(self.hf, self.mc, "--tp", 2, "--pp", 2, check=0)

    def run(self, source, target, *options, check=None, limits=None):
        done = subprocess.run([self.program, "convert", "--rules", "gpt2", str(source), str(target), *map(str, options)],
                              capture_output=True, text=True, preexec_fn=limits)
        assert check is None or done.returncode == check, done.stderr
        return done

    def hf_copy(self):
        return pathlib.Path(shutil.copytree(self.hf, self.work / "hf-broken"))

    def mc_copy(self):
        return pathlib.Path(shutil.copytree(self.mc, self.work / "mc-broken"))

    def refused(self, source, status, *words, options=(), limits=None):
        target = self.work / "out"
        done = self.run(source, target, *options, limits=limits)
        left = [p.name for p in self.work.iterdir() if p.name.startswith((".out", "out"))]
        assert done.returncode == status, f"exit {done.returncode} instead of {status}: {done.stderr}"
        assert not left, f"left behind: {left}"
        for word in words:
            assert word in done.stderr, f"`{word}` is not said: {done.stderr}"


def edit_safetensors(folder, change):
    path = folder / "model.safetensors"
    blob = path.read_bytes()
    size = struct.unpack("<Q", blob[:8])[0]
    header, data = json.loads(blob[8:8 + size]), blob[8 + size:]
    tensors = {k: (v["dtype"], v["shape"], data[v["data_offsets"][0]:v["data_offsets"][1]]) for k, v in header.items() if k != "__metadata__"}
    change(tensors)
    header, data = {"__metadata__": {"format": "pt"}}, bytearray()
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def edit_rank(folder, rank, change):
    path = folder / "release" / rank / "model_optim_rng.pt"
    file = torch.load(path, weights_only=False)
    change(file)
    torch.save(file, path)


def missing_rank(b):
    folder = b.mc_copy()
    shutil.rmtree(folder / "release" / "mp_rank_01_000")
    b.refused(folder, 3, "mp_rank_01_000")


def ranks_disagree_on_args(b):
    folder = b.mc_copy()
    edit_rank(folder, "mp_rank_01_001", lambda f: setattr(f["args"], "num_layers", 5))
    b.refused(folder, 3, "mp_rank_01_001", "num_layers")


def replicas_differ(b):
    folder = b.mc_copy()
    edit_rank(folder, "mp_rank_01_000", lambda f: f["model"]["embedding.position_embeddings.weight"].add_(1))
    b.refused(folder, 1, "X01", "position_embeddings", "mp_rank_00_000", "mp_rank_01_000")


def missing_tensor(b):
    folder = b.hf_copy()
    edit_safetensors(folder, lambda t: t.pop("transformer.h.2.mlp.c_fc.weight"))
    b.refused(folder, 1, "V01", "transformer.h.2.mlp.c_fc.weight")


def missing_layer(b):
    folder = b.hf_copy()
    edit_safetensors(folder, lambda t: [t.pop(n) for n in list(t) if ".h.1." in n])
    b.refused(folder, 1, "V01", "transformer.h.")


RANKS = ("mp_rank_00_000", "mp_rank_00_001", "mp_rank_01_000", "mp_rank_01_001")


def without_layer(file):
    for name in [name for name in file["model"] if ".layers.1." in name]:
        file["model"].pop(name)


def layer_missing_on_a_rank(b):
    folder = b.mc_copy()
    edit_rank(folder, RANKS[3], without_layer)
    b.refused(folder, 3, RANKS[3], "decoder.layers.1.", RANKS[1])


def layer_missing_on_a_stage(b):
    folder = b.mc_copy()
    for rank in (RANKS[1], RANKS[3]):
        edit_rank(folder, rank, without_layer)
    b.refused(folder, 1, "V01", "decoder.layers.1.", "mp_rank_00_001")


def arguments_that_shapes_contradict(b):
    for key, value, id_, *words in (("hidden_size", 24, "V02", "word_embeddings.weight", "24"), ("num_layers", 6, "V01", "decoder.layers.2."),
                                    ("ffn_hidden_size", 44, "V02", "linear_fc1"), ("vocab_size", 700, "V02", "word_embeddings.weight"),
                                    ("decoder_first_pipeline_num_layers", 1, "stage 0 holds 1 layers, in the files it holds 2")):
        folder = b.mc_copy()
        for rank in RANKS:
            edit_rank(folder, rank, lambda file: setattr(file["args"], key, value))
        (folder / "config.json").unlink(missing_ok=True)
        b.refused(folder, 3 if id_.startswith("stage") else 1, id_, *words)
        shutil.rmtree(folder)


def optimizer_state(b):
    folder = b.mc_copy()
    for rank in RANKS:
        edit_rank(folder, rank, lambda file: file.update(optimizer={"state": {0: {"exp_avg": torch.ones(3)}}}, rng_state=[1], samples=7))
    b.refused(folder, 2, "--weights-only", options=["--to", "mcore"])
    again = b.work / "again"
    done = b.run(folder, again, "--to", "mcore", "--weights-only", check=0)
    assert "left behind, since only weights are converted: optimizer, rng_state" in done.stdout, done.stdout
    file = torch.load(again / "release" / "mp_rank_00" / "model_optim_rng.pt", weights_only=False)
    assert file["samples"] == 7 and "optimizer" not in file and "rng_state" not in file, list(file)
    done = b.run(folder, b.work / "hf-again", "--to", "hf", check=0)
    assert "optimizer, rng_state, samples" in done.stdout, done.stdout


def additional_tensor(b):
    folder = b.hf_copy()
    edit_safetensors(folder, lambda t: t.__setitem__("transformer.h.0.crossattention.c_attn.weight", ("F32", [1], b"\0\0\0\0")))
    b.refused(folder, 1, "V01", "crossattention")


def untied_head(b):
    def change(t):
        dtype, shape, raw = t["transformer.wte.weight"]
        t["lm_head.weight"] = (dtype, shape, raw[4:] + raw[:4])
    folder = b.hf_copy()
    edit_safetensors(folder, change)
    b.refused(folder, 1, "X01", "lm_head.weight")


def wrong_shape(b):
    def change(t):
        dtype, (rows, columns), raw = t["transformer.wte.weight"]
        t["transformer.wte.weight"] = (dtype, [rows - 1, columns], raw[:-4 * columns])
    folder = b.hf_copy()
    edit_safetensors(folder, change)
    b.refused(folder, 1, "V02", "transformer.wte.weight", "1002", "1003")


def heads_and_layers_do_not_divide(b):
    b.refused(b.hf, 1, "B01", options=["--tp", 3])
    b.refused(b.hf, 1, "B01", options=["--pp", 3])


def truncated(b):
    folder = b.hf_copy()
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    b.refused(folder, 3, "model.safetensors")
    folder = b.mc_copy()
    path = folder / "release" / "mp_rank_00_001" / "model_optim_rng.pt"
    path.write_bytes(path.read_bytes()[:-1000])
    b.refused(folder, 3, "mp_rank_00_001")


def a_byte_of_a_weight_flipped(b):
    folder = b.mc_copy()
    path = folder / "release" / "mp_rank_00_000" / "model_optim_rng.pt"
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(blob)
    b.refused(folder, 3, "mp_rank_00_000", "checksum")


class Runs:
    def __reduce__(self):
        return os.system, ("touch canary",)


def malicious_pickle(b):
    folder = b.mc_copy()
    edit_rank(folder, "mp_rank_00_000", lambda f: f.__setitem__("extra", Runs()))
    b.refused(folder, 3, "mp_rank_00_000", "system")
    assert not pathlib.Path("canary").exists()


def full_disk(b):
    size = sum(p.stat().st_size for p in b.mc.rglob("*.pt")) // 8
    b.refused(b.hf, 3, options=["--tp", 2, "--pp", 2], limits=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))


def usage(b):
    b.refused(b.hf, 2, "--dtype", options=["--dtype", "bfloat"])
    b.refused(b.hf, 2, "--max-shard-size", options=["--max-shard-size", "5Gb3"])
    b.refused(b.hf, 2, "dialect", options=["--dialect", "legasy"])
    b.refused(b.hf, 1, "make_vocab_size_divisible_by", options=["--set", "make_vocab_size_divisble_by=3"])
    b.refused(b.work / "nothing", 3, "nothing")
    assert b.run(b.hf, b.hf / "inside").returncode == 2
    assert b.run(b.hf, b.mc).returncode == 2
    assert not (b.hf / "inside").exists()


def overwrite_replaces_as_a_whole(b):
    folder = b.work / "again"
    b.run(b.hf, folder, "--tp", 2, check=0)
    b.run(b.hf, folder, "--overwrite", check=0)
    assert sorted(p.name for p in (folder / "release").iterdir()) == ["mp_rank_00"]


def strange_version(b):
    folder = b.mc_copy()
    for rank in ("00_000", "00_001", "01_000", "01_001"):
        edit_rank(folder, "mp_rank_" + rank, lambda f: f.__setitem__("checkpoint_version", 1.5))
    b.refused(folder, 3, "checkpoint_version is 1.5")


def many_warnings(b):
    for k in range(300):
        (b.mc / f"stranger{k}").touch()
    done = subprocess.run([b.program, "verify", b.mc], capture_output=True, text=True)
    lines = done.stderr.splitlines()
    assert done.returncode == 0 and len(lines) == 21 and lines[-1] == "warning: and 280 more", done.stderr


TESTS = [missing_rank, ranks_disagree_on_args, replicas_differ, missing_tensor, missing_layer,
         layer_missing_on_a_rank, layer_missing_on_a_stage, arguments_that_shapes_contradict, optimizer_state, additional_tensor, untied_head, wrong_shape,
         heads_and_layers_do_not_divide, truncated, a_byte_of_a_weight_flipped, malicious_pickle, full_disk, usage,
         overwrite_replaces_as_a_whole, strange_version, many_warnings]


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve() / "tessera")
    passed = failed = 0
    for test in TESTS:
        with tempfile.TemporaryDirectory() as work:
            try:
                test(Bench(program, pathlib.Path(work)))
                passed += 1
            except AssertionError as reason:
                failed += 1
                print(f"{test.__name__}: {reason}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
