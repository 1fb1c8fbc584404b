"""Goldens of llama_bias.yaml: a bias on each linear layer. The rows of a column-parallel layer have theirs on the same rank; the
bias of a row-parallel layer is whole on each."""
import pathlib

from llama.golden import plain, qkv_bias, refused, usual
from megatron import Mesh

HERE = pathlib.Path(__file__).parent
MORE = {"add_bias_linear": True}


def layer(hf, rank, l, groups):
    a = f"model.layers.{l}."
    return {**plain(hf, rank, l, groups), **qkv_bias(hf, rank, l, groups), "self_attention.linear_proj.bias": hf[a + "self_attn.o_proj.bias"],
            "mlp.linear_fc1.bias": rank.gated(hf[a + "mlp.gate_proj.bias"], hf[a + "mlp.up_proj.bias"]),
            "mlp.linear_fc2.bias": hf[a + "mlp.down_proj.bias"]}


def cases():
    yield from usual(HERE / "census.json", layer, MORE, [Mesh(), Mesh(tp=4), Mesh(tp=2, pp=3)])
    yield refused("attention alone", HERE / "census.json", mlp_bias=False)
    yield refused("MLP alone", HERE / "census.json", ["--rules", "llama_bias"], attention_bias=False)
