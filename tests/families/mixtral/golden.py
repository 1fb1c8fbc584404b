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
from llama.golden import SET, arguments, attention, decoder
from megatron import Mesh

HERE = pathlib.Path(__file__).parent

ALONE = {"model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "num_local_experts": 12, "num_experts_per_tok": 3,
         "intermediate_size": 88, "rope_parameters": {"rope_theta": 1000000.0}, "hidden_act": "silu", "tie_word_embeddings": False}


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


def sequential(name):
    """As SequentialMLP names it, one module for each expert."""
    return re.sub(r"experts\.(linear_fc\d)\.weight(\d+)$", r"experts.local_experts.\2.\1.weight", name)


def local(name):
    """As the local layer spec of Megatron-Core names it: norms and experts are modules of their own."""
    name = name.replace("self_attention.linear_qkv.layer_norm_", "input_layernorm.").replace("mlp.linear_fc1.layer_norm_", "pre_mlp_layernorm.")
    return sequential(name)


def renamed(want, rename):
    return {folder: {rename(name): t for name, t in tensors.items()} for folder, tensors in want.items()}


def dialects(rename):
    return {sequential: ["--dialect", "mcore_sequential"], local: ["--dialect", "mcore_sequential,mcore_local"]}.get(rename, [])


def sparse_arguments(config, mesh, rename=None):
    """What Megatron-LM calls such a model."""
    count = config.get("num_local_experts", config.get("num_experts"))
    return {**arguments(config, mesh), "num_experts": count, "moe_router_topk": config["num_experts_per_tok"],
            "moe_router_score_function": "softmax", "moe_grouped_gemm": rename is None}


def checkpoint(path, tensors="tensors", **config):
    """(tensors, config) of a census, counted. `config` changes keys (None: it goes); the layers that it does not count are left out."""
    hf, said = counted(path, tensors)
    said = {key: value for key, value in {**said, **config}.items() if value is not None}
    here = lambda name: not name.startswith("model.layers.") or int(name.split(".")[2]) < said["num_hidden_layers"]  # noqa: E731
    return {name: t for name, t in hf.items() if here(name)}, said


def returned(config):
    """The way back says nothing of a plain RoPE: that is what silence means."""
    rope = config.get("rope_parameters")
    return {**config, **({"rope_parameters": {"rope_theta": rope["rope_theta"]}} if rope else {})}


def case(name, mesh=Mesh(), tensors="tensors", rename=None, **config):
    hf, said = checkpoint(HERE / "census.json", tensors, **config)
    groups = said["num_key_value_heads"]
    want = decoder(hf, mesh, said["num_hidden_layers"], lambda rank, l: {**attention(hf, rank, l, groups), **experts(hf, rank, l)})
    window = said.get("sliding_window")
    args = {**sparse_arguments({"rope_theta": 1000000.0, **said}, mesh, rename), "moe_ffn_hidden_size": said["intermediate_size"], "moe_router_pre_softmax": False,
            "window_size": window and [window - 1, 0]}
    there = mesh.options() + SET + dialects(rename)
    back = ["--dialect", "hf_v5"] if "rope_parameters" in said else []
    back += ["--set", "experts=stacked"] if tensors == "tensors_native" else []
    return Case(name, hf, said, there, renamed(want, rename or str), args, back, returned(said))


def changed(name, refused, change, there=()):
    """A source that is wrong: change(tensors)."""
    hf, said = counted(HERE / "census.json")
    change(hf)
    return Case(name, hf, said, list(there), refused=refused)


def cases():
    for dtype in (None, torch.float16, torch.float32):
        yield census(HERE / "census.json", ["--tp", 2, "--pp", 3, "--ep", 2], name=f"census, {dtype or 'bf16'}", dtype=dtype)
    yield census(HERE / "census.json", ["--tp", 2, "--ep", 3], ["--set", "experts=stacked"], "census, stacked", tensors="tensors_native")
    for mesh in (Mesh(), Mesh(pp=3), Mesh(ep=4), Mesh(tp=2), Mesh(tp=2, ep=2), Mesh(tp=2, ep=2, etp=1), Mesh(tp=2, pp=3, ep=4, etp=1)):
        yield case(str(mesh), mesh)
    yield dataclasses.replace(case("stacked", Mesh(tp=2, ep=2), tensors="tensors_native"), linear=("linear_",))
    yield case("stacked, two stages", Mesh(tp=2, pp=2, ep=2, etp=1), tensors="tensors_native", num_hidden_layers=2)
    yield case("sequential", Mesh(tp=2, ep=2), rename=sequential)
    yield case("local spec", Mesh(ep=2), rename=local)
    yield case("as transformers 4 spells it", Mesh(ep=2), rope_parameters=None, rope_theta=500000.0, sliding_window=None)
    yield case("a window, silent on RoPE", sliding_window=16, rope_parameters=None)
    yield dataclasses.replace(case("back without a config.json beside", Mesh(tp=2, ep=2)), alone=True, returned=ALONE)
    yield from refusals()


def refusals():
    expert = "model.layers.1.block_sparse_moe.experts.7.w2.weight"
    yield changed("ranks that do not divide the experts", "B01", lambda hf: None, ["--ep", 5])
    yield changed("a router of other experts", "V02", lambda hf: hf.update({"model.layers.1.block_sparse_moe.gate.weight": torch.ones(11, 48)}))
    yield changed("an expert is missing", "V01", lambda hf: hf.pop(expert))
    yield changed("an expert of another shape", "V02", lambda hf: hf.update({expert: torch.ones(48, 80)}))
