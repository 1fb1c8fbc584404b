"""Small inputs that ask for much: each is judged within seconds, in little memory, with few words.

    python run_costly.py BUILD [WORD...]          words choose tests by their names

Reliability promises I4 to I6. The bounds have room: what they keep out is a cost that grows faster than the input.
"""
import argparse
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import time

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
import named_tests  # noqa: E402

CHILD = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], timeout=60)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)
sys.exit(done.returncode)
"""


def safetensors(path, tensors):
    """{name: (dtype, shape, bytes)}; the data are a hole."""
    header, at = {}, 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)


class Bench:
    def __init__(self, build, work):
        self.program, self.work = build / "tessera", work

    def run(self, *words, status, seconds, mib, said):
        """What was said; `said`: how many bytes of it at most."""
        begin = time.monotonic()
        done = subprocess.run([sys.executable, "-c", CHILD, self.program, *map(str, words)], capture_output=True, text=True)
        took, (text, _, peak) = time.monotonic() - begin, done.stderr.rstrip().rpartition("\n")
        assert done.returncode == status, f"exit {done.returncode}, not {status}: {text[:2000]}"
        assert took < seconds, f"{took:.1f} s"
        assert int(peak) < mib, f"{peak} MiB"
        assert len(done.stdout) + len(text) < said, f"{len(done.stdout) + len(text)} bytes were said"
        return done.stdout + text


def names_of_many_levels(b):
    file = b.work / "dots.safetensors"
    safetensors(file, {f"{k:02}" + "." * 4000: ("U8", [0], 0) for k in range(60)})
    text = b.run("inspect", "--tree", file, status=0, seconds=5, mib=100, said=2_000_000)
    assert "\n" + "." * 128 + " ....." in text, text[:20000]


def many_virtual_stages(b):
    folder, ranks, chunks = b.work / "stages", 40, 1000
    args = argparse.Namespace(num_layers=ranks * chunks, hidden_size=3, padded_vocab_size=4, tensor_model_parallel_size=1,
                              pipeline_model_parallel_size=ranks)
    chunk = {"decoder.layers.0.norm.weight": torch.ones(3)}
    for rank in range(ranks):
        path = folder / "iter_0000005" / f"mp_rank_00_{rank:03}" / "model_optim_rng.pt"
        path.parent.mkdir(parents=True)
        torch.save({"args": args, "checkpoint_version": 3.0, **{f"model{k}": chunk for k in range(chunks)}}, path)
    (folder / "latest_checkpointed_iteration.txt").write_text("5")
    text = b.run("plan", folder, "--rules", HERE / "small.yaml", status=1, seconds=5, mib=300, said=20_000)
    assert "flat.weight" in text and "is not in the source" in text, text


def layers_that_are_not_there(b):
    """A configuration that speaks of more layers than anything holds."""
    folder = b.work / "layers"
    folder.mkdir()
    safetensors(folder / "model.safetensors", {"wte.weight": ("F32", [16, 8], 512)})
    config = dict(model_type="gpt2", vocab_size=16, n_positions=6, n_embd=8, n_head=2, n_layer=80_000)
    (folder / "config.json").write_text(json.dumps(config))
    for rules in [], ["--rules", "gpt2"]:
        text = b.run("plan", folder, *rules, status=1, seconds=5, mib=150, said=5000)
        assert "B03" in text and "n_layer = 80000" in text and "the source has 1 tensor" in text, text
    b.run("plan", "--config", folder / "config.json", "--rules", "gpt2", status=1, seconds=40, mib=1000, said=5000)
    rank = b.work / "rank" / "iter_0000005" / "mp_rank_00" / "model_optim_rng.pt"
    rank.parent.mkdir(parents=True)
    args = argparse.Namespace(num_layers=75_000, hidden_size=8, num_attention_heads=2, ffn_hidden_size=32, max_position_embeddings=6,
                              padded_vocab_size=16, tensor_model_parallel_size=1, pipeline_model_parallel_size=1)
    torch.save({"args": args, "checkpoint_version": 3.0, "model": {"embedding.word_embeddings.weight": torch.ones(16, 8)}}, rank)
    (b.work / "rank" / "latest_checkpointed_iteration.txt").write_text("5")
    b.run("plan", b.work / "rank", status=2, seconds=10, mib=300, said=5000)


def hash_of_elements_of_half_a_byte(b):
    file = b.work / "half.safetensors"
    safetensors(file, {"w": ("F4", [600_000_000], 300_000_000)})
    text = b.run("--json", "inspect", "--hash", file, status=0, seconds=20, mib=100, said=5000)
    assert hashlib.sha256(bytes(300_000_000)).hexdigest() in text, text


if __name__ == "__main__":
    sys.exit(named_tests.run([names_of_many_levels, many_virtual_stages, layers_that_are_not_there, hash_of_elements_of_half_a_byte], Bench))
