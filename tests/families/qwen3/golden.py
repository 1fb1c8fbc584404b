"""Goldens of qwen3.yaml: llama with norms over each head of q and k; one weight for all heads, so whole on each rank."""
import pathlib

import torch
from llama.golden import alone, built, changed, counted, plain, refused, usual
from megatron import Mesh

HERE = pathlib.Path(__file__).parent
CENSUS = HERE / "census.json"
MORE = {"qk_layernorm": True}


def layer(hf, rank, l, groups):
    norms = {f"self_attention.{part}_layernorm.weight": hf[f"model.layers.{l}.self_attn.{part}_norm.weight"] for part in "qk"}
    return {**plain(hf, rank, l, groups), **norms}


def silent():
    """Heads of 128 where config.json does not say."""
    hf, said = counted(CENSUS)
    heads = {"q_proj": 12, "k_proj": 4, "v_proj": 4}
    at = 1
    for name, t in hf.items():
        part = name.split(".")[-2]
        shape = (128 * heads[part], 48) if part in heads else (48, 1536) if part == "o_proj" else (128,) if part in ("q_norm", "k_norm") else t.shape
        count = torch.Size(shape).numel()
        hf[name] = torch.arange(at, at + count, dtype=torch.float32).reshape(shape)
        at += count
    config = changed(said, {"head_dim": None})
    return built("what a silent config.json means", Mesh(), hf, config, layer, {**MORE, "kv_channels": 128})


def cases():
    yield from usual(CENSUS, layer, MORE)
    yield silent()
    yield alone("qwen3", CENSUS, layer, MORE)
    yield refused("a window", CENSUS, use_sliding_window=True)
    yield refused("a bias", CENSUS, attention_bias=True)
    yield refused("another head", CENSUS, architectures=["Qwen3ForSequenceClassification"])
