"""Goldens of llama_bias.yaml: a bias on each linear layer."""
import pathlib

from llama.golden import biased, refused, usual
from megatron import Mesh

CENSUS = pathlib.Path(__file__).with_name("census.json")


def cases():
    yield from usual(CENSUS, biased, {"add_bias_linear": True}, [Mesh(), Mesh(tp=4), Mesh(tp=2, pp=3)])
    yield refused("attention alone", CENSUS, mlp_bias=False)
    yield refused("MLP alone", CENSUS, ["--rules", "llama_bias"], attention_bias=False)
