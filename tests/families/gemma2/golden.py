"""Goldens of gemma2.yaml. Read off transformers (models/gemma2: four norms a layer, scores times query_pre_attn_scalar ** -0.5, a window of w
sees w - 1 tokens back, which layers have one) and megatron-core (transformer/utils.py: window_attn_skip_freq, layers counted from 1).
"""
import pathlib

from bench import counted
from gemma.golden import OTHERWISE, refused
from llama.golden import attention, built, changed, dense, three_dtypes, tied, v4
from megatron import Mesh

FILE = pathlib.Path(__file__).with_name("census.json")
PATTERN = ["sliding_attention", "full_attention"]


def layer(hf, rank, l, groups):
    """Norms before and behind attention and MLP; what llama calls post_attention_layernorm is pre_feedforward_layernorm here."""
    a = f"model.layers.{l}."
    return {**attention(hf, rank, l, groups), **dense(hf, rank, l),
            "self_attention.linear_proj.post_layernorm.weight": hf[a + "post_attention_layernorm.weight"],
            "mlp.linear_fc1.layer_norm_weight": hf[a + "pre_feedforward_layernorm.weight"],
            "mlp.linear_fc2.post_layernorm.weight": hf[a + "post_feedforward_layernorm.weight"]}


def more(config):
    """Arguments that llama has otherwise, or not at all."""
    return {**OTHERWISE, "softmax_scale": config.get("query_pre_attn_scalar", 256) ** -0.5,
            "window_size": [config.get("sliding_window", 4096) - 1, 0],
            "window_attn_skip_freq": [int(kind == "sliding_attention") for kind in config["layer_types"]],
            "attn_logit_softcapping": config.get("attn_logit_softcapping", 50.0), "final_logit_softcapping": config.get("final_logit_softcapping", 30.0)}


def case(name, mesh, **config):
    hf, said = counted(FILE)
    said = changed(said, config)
    return built(name, mesh, hf, said, layer, more(said))


def uncapped():
    """A null is not what silence means; Megatron is told 0."""
    one = case("no caps", Mesh(tp=2), layer_types=PATTERN[::-1] * 2)
    one.config = {**one.config, "attn_logit_softcapping": None, "final_logit_softcapping": None}
    one.args = {**one.args, "attn_logit_softcapping": 0.0, "final_logit_softcapping": 0.0}
    one.alone, one.back = True, ["--rules", "gemma2"]
    one.returned = {"layer_types": PATTERN[::-1] * 2, "attn_logit_softcapping": None, "final_logit_softcapping": None}
    return one


def silent(name, said, **returned):
    """Nothing said that need not be; back from Megatron's arguments alone."""
    given = {"query_pre_attn_scalar": 256, "sliding_window": 4096, "layer_types": PATTERN * 2, "attn_logit_softcapping": 50.0,
             "final_logit_softcapping": 30.0, "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": True}
    one = case(name, Mesh(tp=2))
    one.config, one.args = changed(one.config, dict.fromkeys(given)), {**one.args, **more({"layer_types": PATTERN * 2})}
    one.alone, one.said, one.back = True, said, ["--rules", "gemma2"]
    one.returned = {**given, "model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"], "hidden_act": None, **returned}
    return one


def cases():
    hf, said = counted(FILE)
    yield from three_dtypes(FILE, **more(said))
    for mesh in (Mesh(), Mesh(tp=4), Mesh(tp=2, pp=2), Mesh(tp=2, pp=2, vpp=2)):
        yield case(str(mesh), mesh)
    for head in (0, 1):
        yield tied(Mesh(tp=2), FILE, layer, more(said), head)
    yield case("other numbers, as transformers 4 spells it", Mesh(), **v4(FILE), query_pre_attn_scalar=144, sliding_window=8,
               attn_logit_softcapping=0.5, final_logit_softcapping=0.25, layer_types=["full_attention"] * 3 + ["sliding_attention"])
    yield uncapped()
    yield silent("what a silent config.json means", {})
    yield silent("a frequency of windows", {"window_attn_skip_freq": 2})
    yield silent("arguments that Megatron has not", dict.fromkeys(["softmax_scale", "attn_logit_softcapping", "final_logit_softcapping"]), query_pre_attn_scalar=10)
    yield silent("arguments without windows", dict.fromkeys(["window_size", "window_attn_skip_freq"]))
    yield from refused(FILE, {"looks ahead": {"use_bidirectional_attention": True}, "another activation": {"hidden_activation": "gelu"},
                              "another head": {"architectures": ["Gemma2ForSequenceClassification"]}})
