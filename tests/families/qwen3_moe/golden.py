"""Goldens of qwen3_moe.yaml, and the parts of families whose layers are partly dense. Which: transformers, Qwen3MoeDecoderLayer."""
import dataclasses
import pathlib
import re

import torch
from bench import Case, census
from llama.golden import SET, attention, decoder, dense
from megatron import Mesh
from mixtral.golden import checkpoint, dialects, local, renamed, returned, sequential, sparse, sparse_arguments, stacked

HERE = pathlib.Path(__file__).parent
V5 = ["--dialect", "hf_v5,hf_local_experts"]

ALONE = {"model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "num_local_experts": 12, "num_experts_per_tok": 3, "head_dim": 10,
         "moe_intermediate_size": 20, "norm_topk_prob": False, "mlp_only_layers": [0], "decoder_sparse_step": 1}


def experts(hf, rank, l):
    a = f"model.layers.{l}.mlp."
    if a + "experts.gate_up_proj" in hf:
        return sparse(hf, rank, l, a + "gate.weight", stacked(hf, l))
    count = len(hf[a + "gate.weight"])
    parts = [[hf[f"{a}experts.{e}.{name}_proj.weight"] for name in ("gate", "up", "down")] for e in range(count)]
    return sparse(hf, rank, l, a + "gate.weight", parts)


def is_sparse(config, l):
    return l not in (config.get("mlp_only_layers") or []) and (l + 1) % config.get("decoder_sparse_step", 1) == 0


def head_norms(hf, l):
    return {f"self_attention.{part}_layernorm.weight": hf[f"model.layers.{l}.self_attn.{part}_norm.weight"] for part in "qk"}


def layer(hf, config, rank, l):
    mlp = experts(hf, rank, l) if is_sparse(config, l) else dense(hf, rank, l)
    return {**attention(hf, rank, l, config["num_key_value_heads"]), **head_norms(hf, l), **mlp}


def mixed_arguments(config, mesh, rename=None):
    frequency = [int(is_sparse(config, l)) for l in range(config["num_hidden_layers"])]
    return {**sparse_arguments(config, mesh, rename), "moe_layer_freq": frequency if 0 in frequency else 1,
            "moe_ffn_hidden_size": config["moe_intermediate_size"], "moe_router_pre_softmax": not config.get("norm_topk_prob", False)}


def built(name, mesh, hf, said, rename=None, stacked=False):
    want = decoder(hf, mesh, said["num_hidden_layers"], lambda rank, l: layer(hf, said, rank, l))
    args = {**mixed_arguments(said, mesh, rename), "qk_layernorm": True}
    back = (V5 if "rope_parameters" in said else []) + (["--set", "experts=stacked"] if stacked else [])
    return Case(name, hf, said, mesh.options() + SET + dialects(rename), renamed(want, rename or str), args, back, returned(said))


def case(name, mesh=Mesh(), file="census.json", tensors="tensors", rename=None, **config):
    return built(name, mesh, *checkpoint(HERE / file, tensors, **config), rename, tensors == "tensors_native")


def experts_alone(name, **config):
    """Without the census's first layer, which is dense."""
    hf, said = checkpoint(HERE / "census.json", **{"mlp_only_layers": [], **config})
    hf = {re.sub(r"layers\.(\d+)", lambda m: f"layers.{int(m[1]) - 1}", title): t for title, t in hf.items() if ".layers.0." not in title}
    return built(name, Mesh(pp=3, ep=2), hf, {**said, "num_hidden_layers": 3})


def heard(one, said, returned):
    """On the way back the files say the same network as other software would."""
    return dataclasses.replace(one, name=f"{one.name}; back: {said}", said=said, returned=returned)


def cases():
    for dtype in (None, torch.float16, torch.float32):
        yield census(HERE / "census.json", ["--tp", 2, "--pp", 2, "--ep", 2], V5, f"census, {dtype or 'bf16'}", dtype, returned={"num_local_experts": 12})
    yield census(HERE / "census.json", ["--ep", 4], ["--set", "experts=stacked"], "census, stacked", tensors="tensors_native")
    for mesh in (Mesh(), Mesh(tp=2, pp=2), Mesh(pp=2, vpp=2), Mesh(tp=2, ep=2), Mesh(tp=2, pp=2, ep=2, etp=1), Mesh(tp=4, pp=2, vpp=2, ep=2, etp=2)):
        yield case(str(mesh), mesh)
    yield dataclasses.replace(case("stacked", Mesh(tp=2, ep=3), tensors="tensors_native"), linear=("linear_",))
    yield case("sequential", Mesh(ep=2), rename=sequential)
    yield case("local spec", Mesh(tp=2, pp=2, ep=2, etp=1), rename=local)
    yield case("weights of the chosen experts add up to one", Mesh(ep=2), norm_topk_prob=True)
    yield case("as transformers 4 spells it", Mesh(tp=2), rope_parameters=None, rope_theta=500000.0, num_local_experts=None, num_experts=12)
    yield case("every second layer, but not the last", Mesh(pp=2, ep=2), "census_step.json")
    yield heard(case("every second layer", Mesh(ep=2), "census_step.json"), {"decoder_sparse_step": None},
                {"mlp_only_layers": [0, 2, 3], "decoder_sparse_step": 1})
    yield experts_alone("no dense layer")
    yield experts_alone("no dense layer, silent", mlp_only_layers=None, decoder_sparse_step=None, norm_topk_prob=None)
    for frequency in ([1, 1, 1], None):
        yield heard(experts_alone("no dense layer"), {"moe_layer_freq": frequency}, {"mlp_only_layers": [], "decoder_sparse_step": 1})
    yield dataclasses.replace(case("back without a config.json beside", Mesh(tp=2, ep=2)), alone=True, returned=ALONE)
    yield from refusals()


def refusals():
    hf, said = checkpoint(HERE / "census.json")
    yield Case("ranks that do not divide the experts", hf, said, ["--ep", 5], refused="B01")
    yield Case("layers that see a window", hf, {**said, "use_sliding_window": True}, [], refused="B03")
    expert = "model.layers.2.mlp.experts.11.down_proj.weight"
    yield Case("an expert is missing", {name: t for name, t in hf.items() if name != expert}, said, [], refused="V01")
    yield Case("an expert of another shape", {**hf, expert: torch.ones(48, 16)}, said, [], refused="V02")
    yield Case("experts where the list says dense", hf, {**said, "mlp_only_layers": [0, 1]}, [], refused="V01")
