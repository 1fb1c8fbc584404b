"""Goldens of qwen3_moe.yaml, and the parts of families whose layers are partly dense. Which: transformers, Qwen3MoeDecoderLayer."""
import dataclasses
import pathlib
import re

import torch
from bench import Case, census, counted
from llama.golden import attention, built, changed, dense, refused, three_dtypes, v4
from megatron import Mesh
from mixtral.golden import local, native, renamed, sequential, sparse, sparse_arguments, stacked

HERE = pathlib.Path(__file__).parent
CENSUS, STEP = HERE / "census.json", HERE / "census_step.json"
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
    return l not in config.get("mlp_only_layers", []) and (l + 1) % config.get("decoder_sparse_step", 1) == 0


def head_norms(hf, l):
    return {f"self_attention.{part}_layernorm.weight": hf[f"model.layers.{l}.self_attn.{part}_norm.weight"] for part in "qk"}


def layer_of(config):
    def layer(hf, rank, l, groups):
        mlp = experts(hf, rank, l) if is_sparse(config, l) else dense(hf, rank, l)
        return {**attention(hf, rank, l, groups), **head_norms(hf, l), **mlp}
    return layer


def mixed_arguments(config):
    frequency = [int(is_sparse(config, l)) for l in range(config["num_hidden_layers"])]
    step = config.get("decoder_sparse_step", 1)
    return {**sparse_arguments(config), "decoder_sparse_step": step if step != 1 else None, "moe_layer_freq": frequency if 0 in frequency else 1,
            "moe_ffn_hidden_size": config["moe_intermediate_size"], "moe_router_pre_softmax": not config.get("norm_topk_prob", False)}


def made(name, mesh, hf, config):
    one = built(name, mesh, hf, config, layer_of(config), {**mixed_arguments(config), "qk_layernorm": True})
    if "num_local_experts" in config:
        one.back = ["--dialect", "hf_v5,hf_local_experts"]
    return one


def case(mesh, name=None, file=CENSUS, tensors="tensors", **config):
    hf, said = counted(file, tensors)
    return made(name or str(mesh), mesh, hf, changed(said, config))


def experts_alone(name, **config):
    """Without the census's first layer, which is dense."""
    hf, said = counted(CENSUS)
    hf = {re.sub(r"layers\.(\d+)", lambda m: f"layers.{int(m[1]) - 1}", title): t for title, t in hf.items() if ".layers.0." not in title}
    return made(name, Mesh(pp=3, ep=2), hf, changed(said, {"num_hidden_layers": 3, "mlp_only_layers": [], **config}))


def small_heads():
    """Without head_dim: 12 heads of 48 / 12."""
    hf, said = counted(CENSUS)
    rows = {"q_proj": 48, "k_proj": 16, "v_proj": 16, "q_norm": 4, "k_norm": 4}
    for name, t in hf.items():
        hf[name] = t[:rows.get(name.split(".")[-2], len(t))]
        if "o_proj" in name:
            hf[name] = t[:, :48].contiguous()
    one = made("heads of hidden / heads", Mesh(tp=2), hf, changed(said, {"head_dim": None}))
    one.returned["head_dim"] = 4
    return one


def heard(one, said, returned):
    """On the way back the files say the same network as other software would."""
    return dataclasses.replace(one, name=f"{one.name}; back: {said}", said=said, returned=returned)


def cases():
    mesh = Mesh(tp=2, pp=2, ep=2)
    for one in three_dtypes(CENSUS, mesh, num_experts=12):
        yield dataclasses.replace(one, back=["--dialect", "hf_v5,hf_local_experts"])
    yield native(census(CENSUS, mesh.options(), name="census", tensors="tensors_native"))
    for mesh in (Mesh(), Mesh(pp=2, vpp=2), Mesh(tp=2, ep=2), Mesh(tp=2, pp=2, ep=2, etp=1), Mesh(tp=4, pp=2, vpp=2, ep=2, etp=2)):
        yield case(mesh)
    yield native(case(Mesh(tp=2, ep=3), tensors="tensors_native"))
    yield renamed(case(Mesh(ep=2)), sequential)
    yield renamed(case(Mesh(tp=2, pp=2, ep=2, etp=1)), local)
    yield case(Mesh(ep=2), "weights of the chosen experts add up to one", norm_topk_prob=True)
    yield case(Mesh(tp=2), "as transformers 4 spells it", **v4(CENSUS))
    yield small_heads()
    yield case(Mesh(pp=2, ep=2), "every third layer, but not the last", STEP)
    yield heard(case(Mesh(), "every third layer", STEP), {"decoder_sparse_step": None}, {"mlp_only_layers": [0, 1, 3, 4, 5], "decoder_sparse_step": 1})
    yield experts_alone("no dense layer, silent", mlp_only_layers=None, decoder_sparse_step=None, norm_topk_prob=None)
    for frequency in ([1, 1, 1], None):
        yield heard(experts_alone("no dense layer"), {"moe_layer_freq": frequency}, {"mlp_only_layers": [], "decoder_sparse_step": 1})
    yield dataclasses.replace(case(Mesh(tp=2, ep=2), "Megatron's arguments alone"), alone=True, returned=ALONE)
    yield from refusals()


def refusals():
    hf, said = counted(CENSUS)
    expert = "model.layers.2.mlp.experts.11.down_proj.weight"
    yield Case("ranks that do not divide the experts", hf, said, ["--ep", 5], refused="B01")
    yield Case("an expert is missing", {name: t for name, t in hf.items() if name != expert}, said, [], refused="V01")
    yield Case("an expert of another shape", {**hf, expert: torch.ones(48, 16)}, said, [], refused="V02")
    yield Case("experts where the list says dense", hf, {**said, "mlp_only_layers": [0, 1]}, [], refused="V01")
    yield refused("another head", CENSUS, architectures=["Qwen3MoeForSequenceClassification"])
