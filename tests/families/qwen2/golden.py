"""Goldens of qwen2.yaml: llama with biases on q, k and v, and heads of hidden / heads."""
import pathlib

from llama.golden import alone, plain, qkv_bias, refused, tied, usual
from megatron import Mesh

HERE = pathlib.Path(__file__).parent
CENSUS = HERE / "census.json"
MORE = {"add_qkv_bias": True}


def layer(hf, rank, l, groups):
    return {**plain(hf, rank, l, groups), **qkv_bias(hf, rank, l, groups)}


def cases():
    yield from usual(CENSUS, layer, MORE)
    for mesh in (Mesh(tp=2), Mesh(tp=2, pp=2)):
        yield tied(mesh, HERE / "census_tied.json", layer, MORE)
    own = alone("qwen2", CENSUS, layer, MORE)
    own.returned["head_dim"] = 6
    yield own
    yield refused("a window", CENSUS, use_sliding_window=True)
    yield refused("another head", CENSUS, architectures=["Qwen2ForSequenceClassification"])
