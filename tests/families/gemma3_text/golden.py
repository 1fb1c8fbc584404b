"""Goldens of gemma3_text.yaml: gemma2's layers with norms of queries and keys; two kinds of RoPE, of which Megatron's arguments say one. Read off
transformers (models/gemma3: convert_rope_params_to_dict, layer_types).
"""
import pathlib

import torch
from bench import Case, census, counted
from gemma.golden import refused
from gemma2.golden import layer as gemma2_layer, more
from llama.golden import DIVISIBLE, SET, arguments, changed, decoder, v4
from megatron import Mesh

FILE = pathlib.Path(__file__).with_name("census.json")
V5 = ["--dialect", "hf_v5_by_kind"]
NEAR, FAR = "sliding_attention", "full_attention"
LINEAR = {"rope_type": "linear", "factor": 8.0}


def layer(hf, rank, l, groups):
    norms = {f"self_attention.{part}_layernorm.weight": hf[f"model.layers.{l}.self_attn.{part}_norm.weight"] for part in "qk"}
    return {**gemma2_layer(hf, rank, l, groups), **norms}


def said_of(config, mesh, divisible):
    """Megatron's arguments: its RoPE is the one of layers without a window."""
    rope = config.get("rope_parameters") or {FAR: {"rope_theta": config.get("rope_theta", 1000000.0), **config.get("rope_scaling", {})},
                                             NEAR: {"rope_theta": config.get("rope_local_base_freq", 10000.0)}}
    caps = {key: config.get(key) for key in ("attn_logit_softcapping", "final_logit_softcapping")}
    return {**arguments({**config, "rope_parameters": rope[FAR]}, mesh, divisible), **more(config), **caps, "qk_layernorm": True,
            "rope_local_base_freq": rope[NEAR]["rope_theta"]}


def returned(config):
    """That a RoPE is plain goes without saying."""
    if "rope_parameters" not in config:
        return config
    plain = lambda rope: {key: value for key, value in rope.items() if (key, value) != ("rope_type", "default")}  # noqa: E731
    return {**config, "rope_parameters": {kind: plain(rope) for kind, rope in config["rope_parameters"].items()}}


def case(name, mesh, layers=6, **config):
    hf, said = counted(FILE)
    hf = {name: t for name, t in hf.items() if not name.startswith("model.layers.") or int(name.split(".")[2]) < layers}
    said = changed({**said, "num_hidden_layers": layers, "layer_types": said["layer_types"][:layers]}, config)
    want = decoder(hf, mesh, layers, lambda rank, l: layer(hf, rank, l, said["num_key_value_heads"]))
    back = V5 if "rope_parameters" in said else []
    return Case(name, hf, said, mesh.options() + SET, want, said_of(said, mesh, DIVISIBLE), back, returned(said))


def silent(name, said=(), **config):
    """Nothing said that need not be; back from Megatron's arguments alone."""
    given = {"query_pre_attn_scalar": 256, "sliding_window": 4096, "tie_word_embeddings": True, "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0}
    one = case(name, Mesh(tp=2), **dict.fromkeys(["rope_parameters", "query_pre_attn_scalar", "sliding_window"]), **config)
    one.config = changed(one.config, dict.fromkeys(["layer_types", "tie_word_embeddings"]))
    one.alone, one.said = True, dict(said)
    one.returned = {**given, "layer_types": config["layer_types"], "model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"],
                    "attn_logit_softcapping": None, "final_logit_softcapping": None, "rope_scaling": None}
    return one


def cases():
    for dtype in (None, torch.float16, torch.float32):
        one = census(FILE, ["--tp", 2, "--pp", 2], V5, f"census, {dtype or 'bf16'}", dtype)
        one.args, one.returned = said_of(one.config, Mesh(tp=2), 128), returned(one.config)
        yield one
    for mesh in (Mesh(), Mesh(tp=4), Mesh(tp=2, pp=3), Mesh(tp=2, pp=3, vpp=2)):
        yield case(str(mesh), mesh)
    yield case("four layers", Mesh(pp=2, vpp=2), 4)
    yield case("other numbers", Mesh(), rope_parameters={FAR: {"rope_theta": 20000.0, **LINEAR}, NEAR: {"rope_theta": 5000.0, "rope_type": "default"}},
               query_pre_attn_scalar=168, sliding_window=8, attn_logit_softcapping=20.0, final_logit_softcapping=10.0)
    older = {**v4(FILE), "rope_theta": 20000.0, "rope_scaling": LINEAR, "rope_local_base_freq": 5000.0}
    yield case("as transformers 4 spells it", Mesh(), **older)
    yield silent("what a silent config.json means", {"window_attn_skip_freq": 6}, layer_types=([NEAR] * 5 + [FAR]))
    yield silent("a pattern", sliding_window_pattern=3, layer_types=[NEAR, NEAR, FAR] * 2)
    near = {FAR: {"rope_theta": 20000.0, "rope_type": "default"}, NEAR: {"rope_theta": 5000.0, **LINEAR}}
    yield from refused(FILE, {"another RoPE behind windows": {"rope_parameters": near}, "another head": {"architectures": ["Gemma3ForSequenceClassification"]}})
