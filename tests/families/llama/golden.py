"""Goldens of llama.yaml, and the parts that families like it share: what Megatron holds of one decoder layer, computed from the tensors
of transformers. The sizes are the census's: each differs from every other, and 12 heads of 10 are not the 48 of the hidden size.
"""
import pathlib

import torch
from bench import Case, census, counted
from megatron import Mesh, over_ranks

HERE = pathlib.Path(__file__).parent
DIVISIBLE = 8  # make_vocab_size_divisible_by
SET = ["--set", f"make_vocab_size_divisible_by={DIVISIBLE}"]


def attention(hf, rank, l, groups):
    a, b = f"model.layers.{l}.", "self_attention."
    q, k, v = (hf[f"{a}self_attn.{part}_proj.weight"] for part in "qkv")
    return {b + "linear_qkv.layer_norm_weight": hf[a + "input_layernorm.weight"],
            b + "linear_qkv.weight": rank.qkv(q, k, v, groups),
            b + "linear_proj.weight": rank.columns(hf[a + "self_attn.o_proj.weight"])}


def dense(hf, rank, l):
    a = f"model.layers.{l}."
    return {"mlp.linear_fc1.layer_norm_weight": hf[a + "post_attention_layernorm.weight"],
            "mlp.linear_fc1.weight": rank.gated(hf[a + "mlp.gate_proj.weight"], hf[a + "mlp.up_proj.weight"]),
            "mlp.linear_fc2.weight": rank.columns(hf[a + "mlp.down_proj.weight"])}


def first(hf, rank):
    return {"embedding.word_embeddings.weight": rank.words(hf["model.embed_tokens.weight"], DIVISIBLE)}


def last(hf, rank):
    """A tied head is stored again only where its stage is not the embedding's."""
    found = {"decoder.final_layernorm.weight": hf["model.norm.weight"]}
    if "lm_head.weight" in hf:
        found["output_layer.weight"] = rank.words(hf["lm_head.weight"], DIVISIBLE)
    elif rank.mesh.pp * rank.mesh.vpp > 1:
        found["output_layer.weight"] = rank.words(hf["model.embed_tokens.weight"], DIVISIBLE)
    return found


def decoder(hf, mesh, layers, layer):
    """layer(rank, l): what stands in layer l."""
    return over_ranks(mesh, layers, lambda rank: first(hf, rank), layer, lambda rank: last(hf, rank))


def arguments(config, mesh):
    """What Megatron-LM calls such a model."""
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0), **(config.get("rope_scaling") or {})}
    heads, vocab = config["num_attention_heads"], config["vocab_size"]
    scaled = rope.get("rope_type") == "llama3"
    unit = DIVISIBLE * mesh.tp
    return {"num_layers": config["num_hidden_layers"], "hidden_size": config["hidden_size"], "num_attention_heads": heads,
            "group_query_attention": True, "num_query_groups": config.get("num_key_value_heads", heads),
            "kv_channels": config.get("head_dim") or config["hidden_size"] // heads, "ffn_hidden_size": config["intermediate_size"],
            "max_position_embeddings": config["max_position_embeddings"], "seq_length": config["max_position_embeddings"],
            "norm_epsilon": config["rms_norm_eps"], "rotary_base": rope["rope_theta"], "rotary_percent": 1.0, "rotary_interleaved": False,
            "use_rope_scaling": scaled, "rope_scaling_factor": rope["factor"] if scaled else None,
            "position_embedding_type": "rope", "normalization": "RMSNorm", "apply_layernorm_1p": False, "swiglu": True, "add_bias_linear": False,
            "untie_embeddings_and_output_weights": not config.get("tie_word_embeddings", False), "vocab_size": vocab,
            "make_vocab_size_divisible_by": DIVISIBLE, "padded_vocab_size": -(-vocab // unit) * unit}


def cut(config, layers):
    return {**config, "num_hidden_layers": layers}


def of_layers(hf, layers):
    """The first layers alone, for meshes that would not divide them."""
    return {name: t for name, t in hf.items() if not name.startswith("model.layers.") or int(name.split(".")[2]) < layers}


def case(name, mesh, file="census.json", lost=(), back=(), alone=False, **config):
    hf, said = counted(HERE / file)
    said = {key: value for key, value in {**said, **config}.items() if value is not None}
    groups = said.get("num_key_value_heads", said["num_attention_heads"])
    layer = lambda rank, l: {**attention(hf, rank, l, groups), **dense(hf, rank, l)}  # noqa: E731
    want = decoder(hf, mesh, said["num_hidden_layers"], layer)
    v5 = ["--dialect", "hf_v5"] if "rope_parameters" in said else []
    return Case(name, hf, said, mesh.options() + SET, want, arguments(said, mesh), [*v5, *back], lost=lost, alone=alone)


def cases():
    for dtype in (None, torch.float16, torch.float32):
        yield census(HERE / "census.json", ["--tp", 2, "--pp", 2], ["--dialect", "hf_v5"], f"census, {dtype or 'bf16'}", dtype)
    for mesh in (Mesh(), Mesh(tp=4), Mesh(pp=4), Mesh(tp=2, pp=2), Mesh(tp=2, pp=2, vpp=2)):
        yield case(str(mesh), mesh)
    yield case("fewer groups than ranks", Mesh(tp=8))
