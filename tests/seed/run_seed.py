"""Conversions made by the original script, repeated by ours: tensors bit for bit, args and config field by field.

    python run_seed.py build/release

Needs torch. What may differ is listed where it is allowed; see docs/from-the-hf-script.md.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch

HERE = pathlib.Path(__file__).parent
# Config fields of the original that restate the model's defaults: they may be absent.
DEFAULTS = {"bos_token_id", "eos_token_id", "resid_pdrop", "embd_pdrop", "attn_pdrop", "summary_first_dropout", "summary_type",
            "summary_use_proj", "summary_activation", "summary_proj_to_labels", "scale_attn_weights", "use_cache",
            "tokenizer_class", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "transformers_version",
            "add_cross_attention", "pad_token_id", "tie_word_embeddings", "initializer_range", "layer_norm_epsilon"}
MAY_BE_ABSENT = ("attn.bias", "attn.masked_bias", "lm_head.weight")


def flat(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, prefix + str(key) + ".")
        elif isinstance(value, torch.Tensor):
            yield prefix + str(key), value


def differences(want, got, may_be_absent=()):
    for name in sorted(want.keys() | got.keys()):
        if name not in got:
            if not name.endswith(tuple(may_be_absent)):
                yield f"missing {name}"
            continue
        if name not in want:
            yield f"unexpected {name}"
            continue
        a, b = want[name], got[name]
        if a.dtype != b.dtype or a.shape != b.shape:
            yield f"{name}: {a.dtype} {list(a.shape)} wanted, {b.dtype} {list(b.shape)} found"
        elif not torch.equal(a.contiguous().reshape(-1).view(torch.uint8), b.contiguous().reshape(-1).view(torch.uint8)):
            yield f"{name}: bits differ"


def same_kind(a, b):
    return type(a) is type(b) and a == b


def check_megatron(want, got):
    tracker = (want / "latest_checkpointed_iteration.txt").read_text()
    if (got / "latest_checkpointed_iteration.txt").read_text().strip() != tracker:
        yield "tracker differs"
    files = sorted(p.relative_to(want) for p in want.rglob("*.pt"))
    for file in files:
        if not (got / file).exists():
            yield f"{file} is missing"
            continue
        a = torch.load(want / file, weights_only=False, map_location="cpu")
        b = torch.load(got / file, weights_only=False, map_location="cpu")
        if "model" not in a:
            if a != b:
                yield f"{file}: {b} instead of {a}"
            continue
        one_stage = a["args"].pipeline_model_parallel_size == 1
        yield from (f"{file}: {d}" for d in differences(dict(flat(a["model"])), dict(flat(b["model"])),
                                                         ("word_embeddings_for_head.weight",) if one_stage else ()))
        if not same_kind(a["checkpoint_version"], b["checkpoint_version"]):
            yield f"{file}: checkpoint_version {b['checkpoint_version']!r}"
        for key, value in vars(a["args"]).items():
            if not hasattr(b["args"], key):
                yield f"{file}: args.{key} is missing"
            elif not same_kind(value, getattr(b["args"], key)):
                yield f"{file}: args.{key} is {getattr(b['args'], key)!r}, not {value!r}"
        if "optimizer" in b and "optimizer" in a and a["optimizer"] != b["optimizer"]:
            yield f"{file}: optimizer differs"
    strange = {p.relative_to(got) for p in got.rglob("*.pt")} - set(files)
    yield from (f"{file} is too many" for file in sorted(strange))


def load_hf(folder):
    tensors = {}
    for file in sorted(folder.glob("*.bin")):
        tensors.update(torch.load(file, weights_only=True))
    return tensors


def check_hf(want, got, limit):
    yield from differences(load_hf(want), load_hf(got), MAY_BE_ABSENT)
    a, b = (json.loads((folder / "config.json").read_text()) for folder in (want, got))
    for key, value in a.items():
        if key not in b:
            if key not in DEFAULTS:
                yield f"config.{key} is missing"
        elif key != "transformers_version" and not same_kind(value, b[key]):
            yield f"config.{key} is {b[key]!r}, not {value!r}"
    shards = sorted(got.glob("pytorch_model*.bin"))
    if len(shards) > 1:
        index = json.loads((got / "pytorch_model.bin.index.json").read_text())
        for shard in shards:
            loaded = torch.load(shard, weights_only=True)
            if sum(t.nbytes for t in loaded.values()) > limit and len(loaded) > 1:
                yield f"{shard.name} is above the limit"
            if {n for n, f in index["weight_map"].items() if f == shard.name} != set(loaded):
                yield f"{shard.name}: the index does not say what it holds"


def command(case, source, target):
    if case["direction"] == "hf_to_megatron":
        optimizer = "distributed" if case["use_distributed_optimizer"] else "true"
        return ["convert", source, target, "--to", "mcore", "--dialect", "legacy", "--tp", case["tp"], "--pp", case["pp"], "--dtype",
                case["dtype"], "--set", f"make_vocab_size_divisible_by={case['divisible_by']}", "--pad-fill", "repeat",
                "--set", f"dummy_optimizer={optimizer}"]
    return ["convert", source, target, "--to", "hf", "--format", "bin", "--dtype", "fp32", "--max-shard-size", case["max_shard_size"]]


def run_case(program, folder, work):
    case = json.loads((folder / "case.json").read_text())
    target = work / folder.name
    words = [str(w) for w in command(case, folder / case["input"], target)]
    done = subprocess.run([program, *words], capture_output=True, text=True)
    if done.returncode:
        return [f"tessera {' '.join(words)}: exit {done.returncode}\n{done.stderr}"]
    if case["direction"] == "hf_to_megatron":
        return list(check_megatron(folder / "expected", target))
    return list(check_hf(folder / "expected", target, int(case["max_shard_size"][:-2]) * {"KB": 10**3, "GB": 10**9}[case["max_shard_size"][-2:]]))


def main():
    program = str(pathlib.Path(sys.argv[1]) / "tessera")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for folder in sorted((HERE / "cases").iterdir()):
            wrong = run_case(program, folder, pathlib.Path(work))
            passed, failed = passed + (not wrong), failed + bool(wrong)
            for line in wrong[:20]:
                print(f"{folder.name}: {line}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
