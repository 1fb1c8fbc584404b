"""Goldens of gpt_neox.yaml. Read off transformers (models/gpt_neox: query_key_value is viewed as heads times (3 d), then cut in three; gelu_fast is
the tanh form) and megatron-core (transformer/attention.py; fusions/fused_bias_gelu.py is the tanh form).
"""
import pathlib

import torch
from bench import Case, census, counted
from llama.golden import returned, v4
from megatron import Mesh, over_ranks

HERE = pathlib.Path(__file__).parent
DIVISIBLE = 5  # make_vocab_size_divisible_by: each tp pads 251 words otherwise
SET = ["--set", f"make_vocab_size_divisible_by={DIVISIBLE}"]
V4 = v4(HERE / "census.json")
V5 = ["--dialect", "hf_v5,hf_v5_rotary"]
BUFFERS = (".attention.bias", ".attention.masked_bias", ".attention.rotary_emb.inv_freq")


def deeper(hf, layers):
    """A fourth layer, as the third but for the values: the census has three, and more meshes divide four."""
    return {**hf, **{name.replace(layers + ".2.", layers + ".3."): t + (1 << 20) for name, t in hf.items() if layers + ".2." in name}}


def by_head(fused, heads):
    """All queries, keys and values, head by head, of what holds one head's three behind each other."""
    cut = fused.reshape(heads, 3, -1, *fused.shape[1:])
    return [cut[:, part].flatten(0, 1) for part in range(3)]


def layer(hf, rank, l, heads):
    a, found = f"gpt_neox.layers.{l}.", {}
    for leaf in ("weight", "bias"):
        across = rank.columns if leaf == "weight" else lambda whole: whole
        found |= {f"self_attention.linear_qkv.layer_norm_{leaf}": hf[a + f"input_layernorm.{leaf}"],
                  f"self_attention.linear_qkv.{leaf}": rank.qkv(*by_head(hf[a + f"attention.query_key_value.{leaf}"], heads), heads),
                  f"self_attention.linear_proj.{leaf}": across(hf[a + f"attention.dense.{leaf}"]),
                  f"mlp.linear_fc1.layer_norm_{leaf}": hf[a + f"post_attention_layernorm.{leaf}"],
                  f"mlp.linear_fc1.{leaf}": rank.rows(hf[a + f"mlp.dense_h_to_4h.{leaf}"]),
                  f"mlp.linear_fc2.{leaf}": across(hf[a + f"mlp.dense_4h_to_h.{leaf}"])}
    return found


def first(hf, rank):
    return {"embedding.word_embeddings.weight": rank.words(hf["gpt_neox.embed_in.weight"], DIVISIBLE)}


def last(hf, rank):
    found = {f"decoder.final_layernorm.{leaf}": hf[f"gpt_neox.final_layer_norm.{leaf}"] for leaf in ("weight", "bias")}
    if "embed_out.weight" in hf or rank.mesh.pp > 1:
        found["output_layer.weight"] = rank.words(hf.get("embed_out.weight", hf["gpt_neox.embed_in.weight"]), DIVISIBLE)
    return found


def arguments(config, mesh, divisible=DIVISIBLE):
    rope = config.get("rope_parameters") or {}
    heads, vocab, unit = config["num_attention_heads"], config["vocab_size"], divisible * mesh.tp
    return {"num_layers": config["num_hidden_layers"], "hidden_size": config["hidden_size"], "num_attention_heads": heads,
            "group_query_attention": False, "kv_channels": config["hidden_size"] // heads, "ffn_hidden_size": config["intermediate_size"],
            "max_position_embeddings": config["max_position_embeddings"], "seq_length": config["max_position_embeddings"],
            "norm_epsilon": config.get("layer_norm_eps", 1e-5), "rotary_base": rope.get("rope_theta", config.get("rotary_emb_base", 10000.0)),
            "rotary_percent": rope.get("partial_rotary_factor", config.get("rotary_pct", 0.25)), "rotary_interleaved": False,
            "rotary_seq_len_interpolation_factor": {**rope, **(config.get("rope_scaling") or {})}.get("factor"), "position_embedding_type": "rope", "normalization": "LayerNorm", "apply_layernorm_1p": False, "add_bias_linear": True,
            "swiglu": False, "squared_relu": False, "quick_geglu": False, "bias_gelu_fusion": config.get("hidden_act") == "gelu_fast",
            "use_parallel_residual": config.get("use_parallel_residual", True),
            "untie_embeddings_and_output_weights": not config.get("tie_word_embeddings", False), "vocab_size": vocab,
            "make_vocab_size_divisible_by": divisible, "padded_vocab_size": -(-vocab // unit) * unit}


def source(**config):
    hf, said = counted(HERE / "census.json")
    said = {key: value for key, value in {**said, "num_hidden_layers": 4, **config}.items() if value is not None}
    hf = deeper(hf, "gpt_neox.layers")
    if said.get("tie_word_embeddings"):
        del hf["embed_out.weight"]
    return hf, said


def case(name, mesh, more=None, lost=(), **config):
    """`more`: tensors beside the model's."""
    hf, said = source(**config)
    heads = said["num_attention_heads"]
    want = over_ranks(mesh, 4, lambda rank: first(hf, rank), lambda rank, l: layer(hf, rank, l, heads), lambda rank: last(hf, rank))
    back = V5 if "rope_parameters" in said else []
    return Case(name, {**hf, **(more or {})}, said, mesh.options() + SET, want, arguments(said, mesh), back, returned(said), lost)


def silent():
    """Nothing said, and the way back from Megatron's arguments alone; with `use_parallel_residual` not among them, there is none."""
    given = {"rotary_pct": 0.25, "rotary_emb_base": 10000.0, "layer_norm_eps": 1e-5, "hidden_act": "gelu", "use_parallel_residual": True,
             "tie_word_embeddings": False, "architectures": ["GPTNeoXForCausalLM"]}
    for name, said in (("what a silent config.json means", {}), ("arguments of Megatron alone", {"use_parallel_residual": None})):
        one = case(name, Mesh(tp=2), **dict.fromkeys([*given, "rope_parameters", "attention_bias"]))
        one.alone, one.said = True, said
        one.returned = {**given, "model_type": "gpt_neox", "rope_scaling": None, "use_parallel_residual": not said}
        yield one


def linear():
    one = case("linear, as transformers 4 spells it", Mesh(), **{**V4, "rope_scaling": {"rope_type": "linear", "factor": 4.0}})
    one.alone, one.returned = True, {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}
    return one


def cases():
    for dtype in (None, torch.float16, torch.float32):
        one = census(HERE / "census.json", ["--tp", 2, "--pp", 3], V5, f"census, {dtype or 'bf16'}", dtype)
        one.args, one.returned = arguments(one.config, Mesh(tp=2), 128), returned(one.config)
        yield one
    yield census(HERE / "census.json", ["--tp", 2], ["--dialect", "hf_v5,hf_v5_rotary,hf_lm_head"], "census, as in memory", tensors="tensors_native")
    for mesh in (Mesh(), Mesh(tp=4), Mesh(pp=2), Mesh(tp=2, pp=2), Mesh(tp=2, pp=2, vpp=2)):
        yield case(str(mesh), mesh)
    yield case("config.json of transformers 4", Mesh(tp=2), **{**V4, "rotary_pct": 0.5, "rotary_emb_base": 20000})
    for mesh in (Mesh(tp=2), Mesh(pp=2)):
        yield case(f"tied, {mesh}", mesh, tie_word_embeddings=True)
    words = source()[0]["gpt_neox.embed_in.weight"]
    yield case("tied, and a head", Mesh(), {"embed_out.weight": words}, ["embed_out.weight"], tie_word_embeddings=True)
    yield case("one after the other, in the tanh form", Mesh(tp=2), use_parallel_residual=False, hidden_act="gelu_fast", layer_norm_eps=2e-5)
    yield case("config.json of transformers 5", Mesh(), rope_parameters={"rope_type": "default", "rope_theta": 20000.0, "partial_rotary_factor": 0.5})
    yield linear()
    buffers = {f"gpt_neox.layers.{l}{end}": torch.ones(1, 1, 3, 3) for l in range(4) for end in BUFFERS}
    yield case("buffers of old", Mesh(tp=2), buffers, BUFFERS)
    yield from silent()
    refused = {"attention without biases": {"attention_bias": False}, "another activation": {"hidden_act": "relu"},
               "dynamic, as of old": {**V4, "rope_scaling": {"type": "dynamic", "factor": 2.0}},
               "another head": {"architectures": ["GPTNeoXForSequenceClassification"]}}
    for name, change in refused.items():
        yield Case(f"refused: {name}", *source(**change), SET, refused="B03")
