"""Goldens of phi3.yaml. transformers cuts `qkv_proj` into all queries, all keys, all values, and `gate_up_proj` into halves; from there on
it is llama (modeling_phi3.py, Phi3Attention and Phi3MLP)."""
import pathlib

from llama.golden import alone, case, plain, refused, usual, v4
from megatron import Mesh

HERE = pathlib.Path(__file__).parent
CENSUS = HERE / "census.json"
HEADS, DIM, FFN = 12, 6, 88


def parted(hf, l, groups):
    a = f"model.layers.{l}."
    queries, keys = HEADS * DIM, groups * DIM
    qkv, gate_up = hf[a + "self_attn.qkv_proj.weight"], hf[a + "mlp.gate_up_proj.weight"]
    return {**hf, a + "self_attn.q_proj.weight": qkv[:queries], a + "self_attn.k_proj.weight": qkv[queries:queries + keys],
            a + "self_attn.v_proj.weight": qkv[queries + keys:], a + "mlp.gate_proj.weight": gate_up[:FFN], a + "mlp.up_proj.weight": gate_up[FFN:]}


def layer(hf, rank, l, groups):
    return plain(parted(hf, l, groups), rank, l, groups)


def rotary(share, **spelled):
    """RoPE on a part of each head."""
    return case(f"rotary on {share} of a head, {', '.join(spelled)}", Mesh(), CENSUS, layer, {"rotary_percent": share, "window_size": None}, **spelled)


def cases():
    yield from usual(CENSUS, layer, {"window_size": None}, [Mesh(), Mesh(tp=4), Mesh(tp=2, pp=3)])
    yield rotary(0.5, rope_parameters={"rope_theta": 5000.0, "rope_type": "default", "partial_rotary_factor": 0.5})
    yield rotary(0.75, **{**v4(CENSUS), "partial_rotary_factor": 0.75})
    yield rotary(1.0, **{**v4(CENSUS), "partial_rotary_factor": None})
    yield case("a window", Mesh(), CENSUS, layer, {"window_size": [20, 0]}, sliding_window=21)
    own = alone("phi3", CENSUS, layer, {"window_size": None})
    own.returned |= {"head_dim": DIM, "partial_rotary_factor": 1.0, "sliding_window": None}
    yield own
    yield refused("longrope", CENSUS, rope_parameters={"rope_theta": 10000.0, "rope_type": "longrope", "short_factor": [1.0], "long_factor": [2.0]})
    yield refused("longrope, as of old", CENSUS, **{**v4(CENSUS), "rope_scaling": {"type": "su", "short_factor": [1.0], "long_factor": [2.0]}})
    for kind in ("linear", "llama3"):
        yield refused(kind, CENSUS, rope_parameters={"rope_theta": 10000.0, "rope_type": kind, "factor": 2.0})
    yield refused("another head", CENSUS, architectures=["Phi3ForSequenceClassification"])
