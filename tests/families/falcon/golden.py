"""Goldens of falcon.yaml: the three attentions that were published, and Falcon 2, which has one norm in the newer decoder. Read off
transformers (models/falcon: FalconAttention._split_heads, FalconDecoderLayer) and megatron-core (transformer/attention.py).
"""
import itertools
import pathlib

import torch
from bench import Case, census, counted
from gpt_neox.golden import DIVISIBLE, SET, deeper
from llama.golden import changed, returned, v4
from megatron import Mesh, over_ranks

HERE = pathlib.Path(__file__).parent
LINEAR = {"rope_type": "linear", "factor": 4.0}
FALCON2 = {"num_ln_in_parallel_attn": 1, "tie_word_embeddings": False}
NORMS = ("input_layernorm", "post_attention_layernorm", "ln_attn", "ln_mlp")
PASSED_OVER = ("multi_query", "new_decoder_architecture", "parallel_attn", "num_ln_in_parallel_attn")  # by Megatron


def groups(config):
    if config.get("new_decoder_architecture"):
        return config["num_kv_heads"]
    return 1 if config.get("multi_query", True) else config["num_attention_heads"]


def cut(fused, config):
    """All queries, keys and values: each group's queries come first, then its key and its value."""
    by_group = fused.reshape(groups(config), config["num_attention_heads"] // groups(config) + 2, -1, *fused.shape[1:])
    return by_group[:, :-2].flatten(0, 2), by_group[:, -2].flatten(0, 1), by_group[:, -1].flatten(0, 1)


def norms(config):
    """What is before attention, and what is before the MLP."""
    if not config.get("parallel_attn", True):
        return "input_layernorm", "post_attention_layernorm"
    newer = config.get("new_decoder_architecture", False)
    return ("ln_attn", "ln_mlp") if newer and config.get("num_ln_in_parallel_attn", 2) == 2 else ("input_layernorm", "input_layernorm")


def renormed(hf, wanted):
    """These norms in each layer; what the census has not is as its first norm is, but for the values."""
    for l, leaf in itertools.product(range(4), ("weight", "bias")):
        found = {name: hf.pop(f"transformer.h.{l}.{name}.{leaf}") for name in NORMS if f"transformer.h.{l}.{name}.{leaf}" in hf}
        for number, name in enumerate(wanted):
            hf[f"transformer.h.{l}.{name}.{leaf}"] = found.get(name, next(iter(found.values())) + (number << 21))


def layer(hf, rank, l, config):
    a, found = f"transformer.h.{l}.", {}
    before_attention, before_mlp = norms(config)
    for leaf in ("weight", "bias"):
        found |= {f"self_attention.linear_qkv.layer_norm_{leaf}": hf[a + f"{before_attention}.{leaf}"],
                  f"mlp.linear_fc1.layer_norm_{leaf}": hf[a + f"{before_mlp}.{leaf}"]}
    for leaf in ("weight", "bias") if config.get("bias") else ("weight",):
        across = rank.columns if leaf == "weight" else lambda whole: whole
        found |= {f"self_attention.linear_qkv.{leaf}": rank.qkv(*cut(hf[a + f"self_attention.query_key_value.{leaf}"], config), groups(config)),
                  f"self_attention.linear_proj.{leaf}": across(hf[a + f"self_attention.dense.{leaf}"]),
                  f"mlp.linear_fc1.{leaf}": rank.rows(hf[a + f"mlp.dense_h_to_4h.{leaf}"]),
                  f"mlp.linear_fc2.{leaf}": across(hf[a + f"mlp.dense_4h_to_h.{leaf}"])}
    return found


def first(hf, rank):
    return {"embedding.word_embeddings.weight": rank.words(hf["transformer.word_embeddings.weight"], DIVISIBLE)}


def last(hf, rank):
    found = {f"decoder.final_layernorm.{leaf}": hf[f"transformer.ln_f.{leaf}"] for leaf in ("weight", "bias")}
    if "lm_head.weight" in hf or rank.mesh.pp > 1:
        found["output_layer.weight"] = rank.words(hf.get("lm_head.weight", hf["transformer.word_embeddings.weight"]), DIVISIBLE)
    return found


def arguments(config, mesh, divisible=DIVISIBLE):
    rope = {**(config.get("rope_parameters") or {}), **(config.get("rope_scaling") or {})}
    heads, hidden, vocab, unit = config["num_attention_heads"], config["hidden_size"], config["vocab_size"], divisible * mesh.tp
    length, newer = config.get("max_position_embeddings", 2048), config.get("new_decoder_architecture", False)
    return {"num_layers": config["num_hidden_layers"], "hidden_size": hidden, "num_attention_heads": heads, "group_query_attention": True,
            "num_query_groups": groups(config), "kv_channels": hidden // heads, "ffn_hidden_size": config.get("ffn_hidden_size", 4 * hidden),
            "max_position_embeddings": length, "seq_length": length, "norm_epsilon": config.get("layer_norm_epsilon", 1e-5),
            "rotary_base": rope.get("rope_theta", config.get("rope_theta", 10000.0)), "rotary_percent": 1.0, "rotary_interleaved": False,
            "rotary_seq_len_interpolation_factor": rope.get("factor"), "position_embedding_type": "none" if config.get("alibi") else "rope",
            "normalization": "LayerNorm", "apply_layernorm_1p": False, "add_bias_linear": config.get("bias", False),
            "swiglu": False, "squared_relu": False, "quick_geglu": False, "bias_gelu_fusion": config.get("activation") == "gelu_pytorch_tanh",
            "untie_embeddings_and_output_weights": not config.get("tie_word_embeddings", True), "vocab_size": vocab,
            "make_vocab_size_divisible_by": divisible, "padded_vocab_size": -(-vocab // unit) * unit,
            "multi_query": config.get("multi_query", True), "new_decoder_architecture": newer, "parallel_attn": config.get("parallel_attn", True),
            "num_ln_in_parallel_attn": config.get("num_ln_in_parallel_attn", 2 if newer else None)}


def source(shape, **config):
    hf, said = counted(HERE / f"census_{shape}.json")
    said = changed({**said, "num_hidden_layers": 4}, config)
    hf = deeper(hf, "transformer.h")
    renormed(hf, dict.fromkeys(norms(said)))
    if not said.get("tie_word_embeddings", True):
        hf["lm_head.weight"] = hf["transformer.word_embeddings.weight"] + (1 << 21)
    return hf, said


def case(shape, name, mesh, head=None, **config):
    """`head`: of a tied model's file that holds the embedding once more, what is added to it there."""
    hf, said = source(shape, **config)
    want = over_ranks(mesh, 4, lambda rank: first(hf, rank), lambda rank, l: layer(hf, rank, l, said), lambda rank: last(hf, rank))
    back = ["--dialect", "hf_v5"] if "rope_parameters" in said else []
    one = Case(f"{shape}, {name}", hf, said, mesh.options() + SET, want, arguments(said, mesh), back, returned(said))
    if head is not None:
        one.tensors = {**hf, "lm_head.weight": hf["transformer.word_embeddings.weight"] + head}
        one.lost, one.refused = ("lm_head.weight",), "X01" if head else None
    return one


def silent():
    """Nothing said, and the way back from Megatron's arguments alone."""
    given = {"num_kv_heads": 12, "max_position_embeddings": 2048, "layer_norm_epsilon": 1e-5, "rope_theta": 10000.0, "alibi": False, "bias": False,
             "tie_word_embeddings": True, "multi_query": True, "new_decoder_architecture": False, "parallel_attn": True, "activation": "gelu",
             "architectures": ["FalconForCausalLM"]}
    one = case("7b", "what a silent config.json means", Mesh(tp=2), **dict.fromkeys([*given, "rope_parameters"]))
    one.alone, one.returned = True, {**given, "ffn_hidden_size": 88, "model_type": "falcon", "rope_scaling": None}
    return one


def wide():
    """The MLP is four times the hidden size where config.json does not say."""
    one = case("7b", "the usual MLP", Mesh(), ffn_hidden_size=88)
    del one.config["ffn_hidden_size"]
    for l in range(4):
        for leaf, axis in (("dense_h_to_4h", 0), ("dense_4h_to_h", 1)):
            name = f"transformer.h.{l}.mlp.{leaf}.weight"
            one.tensors[name] = torch.cat([one.tensors[name] + n * 0.25 for n in range(4)], axis).narrow(axis, 0, 288).contiguous()
            place = f"decoder.layers.{l}.mlp.linear_fc{axis + 1}.weight"
            one.want["mp_rank_00"][place] = one.tensors[name]
    one.args["ffn_hidden_size"] = one.returned["ffn_hidden_size"] = 288
    return one


def of_megatron(shape, said, **config):
    """Megatron itself has no such flags: what it trains is one after the other."""
    one = case(shape, "arguments of Megatron alone", Mesh(tp=2), alibi=False, parallel_attn=False, **config)
    one.back += ["--rules", "falcon"]  # the older one is GPT-NeoX's network too
    one.alone, one.said = True, {**dict.fromkeys(PASSED_OVER), **said}
    one.returned = {"parallel_attn": False, "new_decoder_architecture": False, "multi_query": shape == "7b"}
    return one


def linear():
    one = case("40b", "as transformers 4 spells it", Mesh(), **{**v4(HERE / "census_40b.json"), "rope_theta": 20000.0, "rope_scaling": LINEAR})
    one.alone, one.returned = True, {"rope_scaling": LINEAR, "rope_theta": 20000.0, "num_kv_heads": 4, "num_ln_in_parallel_attn": 2}
    return one


def apart():
    """One norm here, two there: they must agree."""
    one = case("7b", "norms that went apart", Mesh(pp=2))
    norm = one.want["mp_rank_00_001"]["decoder.layers.1.mlp.linear_fc1.layer_norm_bias"]
    one.add, one.refused = {"mp_rank_00_001": {"decoder.layers.1.mlp.linear_fc1.layer_norm_bias": norm + 1}}, "X01"
    return one


def refusals():
    wrong = {"a newer decoder in sequence": ("40b", {"parallel_attn": False}), "two norms in the older decoder": ("7b", {"num_ln_in_parallel_attn": 2}),
             "dynamic, as of old": ("7b", {**v4(HERE / "census_7b.json"), "rope_scaling": {"type": "dynamic", "factor": 2.0}}),
             "another activation": ("rw", {"activation": "relu"}), "the tanh form without biases": ("7b", {"activation": "gelu_pytorch_tanh"}),
             "another head": ("7b", {"architectures": ["FalconForSequenceClassification"]})}
    return [Case(f"refused: {name}", *source(shape, **config), SET, refused="B03") for name, (shape, config) in wrong.items()]


def cases():
    for shape, dtype in (("7b", None), ("7b", torch.float16), ("7b", torch.float32), ("40b", None), ("rw", None)):
        one = census(HERE / f"census_{shape}.json", ["--tp", 2, "--pp", 3], ["--dialect", "hf_v5"], f"census {shape}, {dtype or 'bf16'}", dtype)
        one.args, one.returned = arguments(one.config, Mesh(tp=2), 128), returned(one.config)
        yield one
    for shape, mesh in (("7b", Mesh(tp=2)), ("7b", Mesh(pp=2)), ("40b", Mesh(tp=4)), ("40b", Mesh(tp=2, pp=2, vpp=2)), ("rw", Mesh()), ("rw", Mesh(tp=2, pp=2))):
        yield case(shape, str(mesh), mesh)
    yield case("40b", "one norm, untied", Mesh(tp=2, pp=2), **FALCON2)
    yield case("rw", "rotary, untied, other numbers", Mesh(tp=2), alibi=False, tie_word_embeddings=False, layer_norm_epsilon=2e-5, max_position_embeddings=64,
               activation="gelu_pytorch_tanh")
    yield case("40b", "config.json of transformers 5", Mesh(), num_ln_in_parallel_attn=None, rope_parameters={"rope_type": "default", "rope_theta": 500042.0})
    yield linear()
    for head in (0, 1):
        yield case("rw", f"and a head + {head}", Mesh(), head)
    yield silent()
    yield wide()
    yield of_megatron("7b", {})
    yield of_megatron("rw", {"group_query_attention": False, "num_query_groups": 1})
    yield apart()
    yield from refusals()
