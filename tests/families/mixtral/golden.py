"""Goldens of mixtral.yaml, and the parts that families with experts share: what Megatron holds of a layer's experts on each rank.

Read off transformers (models/mixtral, conversion_mapping.py: w1 is the gate, w3 up, w2 down; stacked: gate before up, a matrix [out, in]
for each expert) and megatron-core (transformer/moe/experts.py: the experts of a rank are consecutive, numbered from 0; each is cut as an
MLP is, but over expert ranks; moe/router.py: whole on each rank).
"""
import dataclasses
import pathlib
import re

import torch
from bench import Case, census, counted
from llama.golden import attention, built, changed, refused, three_dtypes, v4
from megatron import Mesh

HERE = pathlib.Path(__file__).parent
CENSUS = HERE / "census.json"
ALONE = {"model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "num_local_experts": 12, "num_experts_per_tok": 3,
         "intermediate_size": 88, "sliding_window": None, "rope_parameters": {"rope_theta": 1000000.0}}


def sparse(hf, rank, l, router, parts):
    """parts: (gate, up, down) of each expert."""
    found = {"pre_mlp_layernorm.weight": hf[f"model.layers.{l}.post_attention_layernorm.weight"], "mlp.router.weight": hf[router]}
    for local, e in enumerate(rank.experts(len(parts))):
        gate, up, down = parts[e]
        found[f"mlp.experts.linear_fc1.weight{local}"] = rank.expert_gated(gate, up)
        found[f"mlp.experts.linear_fc2.weight{local}"] = rank.expert_columns(down)
    return found


def stacked(hf, l):
    """(gate, up, down) of each expert, from what transformers 5 has in memory."""
    a = f"model.layers.{l}.mlp.experts."
    rows = hf[a + "gate_up_proj"].shape[1] // 2
    return [(both[:rows], both[rows:], down) for both, down in zip(hf[a + "gate_up_proj"], hf[a + "down_proj"])]


def experts(hf, rank, l):
    a = f"model.layers.{l}.block_sparse_moe."
    if a + "gate.weight" not in hf:
        return sparse(hf, rank, l, f"model.layers.{l}.mlp.gate.weight", stacked(hf, l))
    count = len(hf[a + "gate.weight"])
    parts = [[hf[f"{a}experts.{e}.{name}.weight"] for name in ("w1", "w3", "w2")] for e in range(count)]
    return sparse(hf, rank, l, a + "gate.weight", parts)


def layer(hf, rank, l, groups):
    return {**attention(hf, rank, l, groups), **experts(hf, rank, l)}


def sparse_arguments(config):
    count = config.get("num_local_experts", config.get("num_experts"))
    return {"num_experts": count, "moe_router_topk": config["num_experts_per_tok"], "moe_router_score_function": "softmax", "moe_grouped_gemm": True}


def sequential(name):
    """As SequentialMLP names it, one module for each expert."""
    return re.sub(r"experts\.(linear_fc\d)\.weight(\d+)$", r"experts.local_experts.\2.\1.weight", name)


def local(name):
    """As the local layer spec of Megatron-Core names it: norms and experts are modules of their own."""
    name = name.replace("self_attention.linear_qkv.layer_norm_", "input_layernorm.").replace("mlp.linear_fc1.layer_norm_", "pre_mlp_layernorm.")
    return sequential(name)


def renamed(one, rename):
    words = {sequential: "mcore_sequential", local: "mcore_sequential,mcore_local"}[rename]
    want = {folder: {rename(name): t for name, t in tensors.items()} for folder, tensors in one.want.items()}
    return dataclasses.replace(one, name=f"{one.name}, {words}", there=[*one.there, "--dialect", words], want=want,
                               args={**one.args, "moe_grouped_gemm": False})


def native(one):
    """Stacked experts come back stacked. In the format torch_dist each linear layer has its extra state."""
    return dataclasses.replace(one, name=f"{one.name}, stacked", back=[*one.back, "--set", "experts=stacked"], linear=("linear_",))


def part(hf, layers):
    """The first layers alone."""
    return {name: t for name, t in hf.items() if not name.startswith("model.layers.") or int(name.split(".")[2]) < layers}


def arguments_of(config):
    window = config.get("sliding_window")
    return {**sparse_arguments(config), "moe_ffn_hidden_size": config["intermediate_size"], "moe_router_pre_softmax": False,
            "window_size": window and [window - 1, 0]}


def case(mesh, name=None, tensors="tensors", **config):
    hf, said = counted(CENSUS, tensors)
    said = changed(said, config)
    return built(name or str(mesh), mesh, part(hf, said["num_hidden_layers"]), said, layer, arguments_of(said))


def cases():
    mesh = Mesh(tp=2, pp=3, ep=2)
    yield from three_dtypes(CENSUS, mesh, num_experts=12)
    yield native(census(CENSUS, mesh.options(), name="census", tensors="tensors_native"))
    for mesh in (Mesh(), Mesh(pp=3), Mesh(ep=4), Mesh(tp=2), Mesh(tp=2, ep=2), Mesh(tp=2, ep=2, etp=1), Mesh(tp=2, pp=3, ep=4, etp=1)):
        yield case(mesh)
    yield native(case(Mesh(tp=2, pp=2, ep=2, etp=1), tensors="tensors_native", num_hidden_layers=2))
    yield renamed(case(Mesh(tp=2, ep=2)), sequential)
    yield renamed(case(Mesh(ep=2)), local)
    yield case(Mesh(ep=2), "as transformers 4 spells it", **v4(CENSUS))
    yield case(Mesh(), "a window", sliding_window=16)
    yield silent()
    yield dataclasses.replace(case(Mesh(tp=2, ep=2), "Megatron's arguments alone"), alone=True, returned=ALONE)
    yield from refusals()


def silent():
    one = case(Mesh(), "what a silent config.json means")
    del one.config["rope_parameters"]
    return dataclasses.replace(one, back=[], returned={**one.config, "rope_theta": 1000000.0})


def refusals():
    expert = "model.layers.1.block_sparse_moe.experts.7.w2.weight"
    hf, config = counted(CENSUS)
    wrong = lambda name, refused, hf, there=(): Case(name, hf, config, list(there), refused=refused)  # noqa: E731
    yield wrong("ranks that do not divide the experts", "B01", hf, ["--ep", 5])
    yield wrong("a router of other experts", "V02", {**hf, "model.layers.1.block_sparse_moe.gate.weight": torch.ones(11, 48)})
    yield wrong("an expert is missing", "V01", {name: t for name, t in hf.items() if name != expert})
    yield wrong("an expert of another shape", "V02", {**hf, expert: torch.ones(48, 80)})
    yield refused("another head", CENSUS, architectures=["MixtralForSequenceClassification"])
