"""Goldens of gemma.yaml: llama's, with other arguments. Read off transformers (models/gemma: a norm multiplies by 1 + w) and megatron-core
(layernorm_zero_centered_gamma says the same; fusions/fused_bias_geglu.py is the tanh form).
"""
import pathlib

import torch
from bench import Case, counted
from llama.golden import SET, built, case, changed, three_dtypes, tied, v4
from megatron import Mesh

FILE = pathlib.Path(__file__).with_name("census.json")
OTHERWISE = {"apply_layernorm_1p": True, "swiglu": False, "squared_relu": False, "quick_geglu": False, "gated_linear_unit": True,
             "bias_gelu_fusion": True}  # than llama


def refused(file, wrong):
    hf, said = counted(file)
    return [Case(f"refused: {name}", hf, changed(said, change), SET, refused="B03") for name, change in wrong.items()]


def silent():
    """Nothing said that need not be: then a head has 256 elements. Back from Megatron's arguments alone."""
    hf, said = counted(FILE)
    for name, t in hf.items():
        if "self_attn" in name and "o_proj" not in name:
            hf[name] = torch.cat([t + n * 0.03125 for n in range(26)])[:256 * len(t) // 10].contiguous()
        elif "o_proj" in name:
            hf[name] = torch.cat([t + n * 0.03125 for n in range(26)], 1)[:, :256 * 12].contiguous()
    given = {"head_dim": 256, "tie_word_embeddings": True, "rope_theta": 10000.0, "hidden_act": "gelu_pytorch_tanh"}
    keys = changed(said, dict.fromkeys([*given, "rope_parameters", "use_bidirectional_attention", "attention_bias"]))
    one = built("what a silent config.json means", Mesh(tp=2), hf, {**keys, "head_dim": 256, "tie_word_embeddings": True}, more=OTHERWISE)
    one.config, one.alone = keys, True
    one.returned = {**given, "model_type": "gemma", "architectures": ["GemmaForCausalLM"]}
    one.back = ["--rules", "gemma"]
    return one


def cases():
    yield from three_dtypes(FILE, **OTHERWISE)
    for mesh in (Mesh(), Mesh(tp=4), Mesh(tp=2, pp=2), Mesh(tp=2, pp=2, vpp=2)):
        yield case(str(mesh), mesh, FILE, more=OTHERWISE)
    for head in (0, 1):
        yield tied(Mesh(tp=2), FILE, more=OTHERWISE, head=head)
    legacy = case("as it was published", Mesh(), FILE, more=OTHERWISE, **v4(FILE), hidden_act="gelu")  # transformers takes it for the tanh form too
    legacy.returned = {**legacy.config, "hidden_act": "gelu_pytorch_tanh"}
    yield legacy
    yield silent()
    yield from refused(FILE, {"looks ahead": {"use_bidirectional_attention": True}, "another activation": {"hidden_act": "silu"},
                              "another head": {"architectures": ["GemmaForSequenceClassification"]}})
