"""Goldens of qwen2_moe.yaml: q, k and v with biases, an expert that all tokens go through, behind a gate of its own."""
import dataclasses
import pathlib

import torch
from bench import Case, census
from llama.golden import SET, attention, decoder, dense
from megatron import Mesh
from mixtral.golden import checkpoint, dialects, local, renamed, returned, sequential
from qwen3_moe.golden import experts, is_sparse, mixed_arguments

HERE = pathlib.Path(__file__).parent
V5 = ["--dialect", "hf_v5"]
ALONE = {"model_type": "qwen2_moe", "architectures": ["Qwen2MoeForCausalLM"], "num_experts": 12, "shared_expert_intermediate_size": 28,
         "qkv_bias": True, "mlp_only_layers": [1]}


def biases(hf, rank, l, groups):
    q, k, v = (hf.get(f"model.layers.{l}.self_attn.{part}_proj.bias") for part in "qkv")
    return {} if q is None else {"self_attention.linear_qkv.bias": rank.qkv(q, k, v, groups)}


def shared(hf, rank, l):
    a = f"model.layers.{l}.mlp."
    gate, up, down = (hf[f"{a}shared_expert.{part}_proj.weight"] for part in ("gate", "up", "down"))
    return {"mlp.shared_experts.linear_fc1.weight": rank.gated(gate, up), "mlp.shared_experts.linear_fc2.weight": rank.columns(down),
            "mlp.shared_experts.gate_weight": hf[a + "shared_expert_gate.weight"]}


def layer(hf, config, rank, l):
    groups = config["num_key_value_heads"]
    mlp = {**experts(hf, rank, l), **shared(hf, rank, l)} if is_sparse(config, l) else dense(hf, rank, l)
    return {**attention(hf, rank, l, groups), **biases(hf, rank, l, groups), **mlp}


def case(name, mesh=Mesh(), tensors="tensors", rename=None, **config):
    hf, said = checkpoint(HERE / "census.json", tensors, **config)
    hf = {title: t for title, t in hf.items() if said.get("qkv_bias", True) or not title.endswith(".bias")}
    want = decoder(hf, mesh, said["num_hidden_layers"], lambda rank, l: layer(hf, said, rank, l))
    args = {**mixed_arguments(said, mesh, rename), "qk_layernorm": False, "add_qkv_bias": said.get("qkv_bias", True),
            "moe_shared_expert_intermediate_size": said["shared_expert_intermediate_size"], "moe_shared_expert_gate": True}
    back = (V5 if "rope_parameters" in said else []) + (["--set", "experts=stacked"] if tensors == "tensors_native" else [])
    return Case(name, hf, said, mesh.options() + SET + dialects(rename), renamed(want, rename or str), args, back, returned(said))


def cases():
    for dtype in (None, torch.float16, torch.float32):
        yield census(HERE / "census.json", ["--tp", 2, "--pp", 2, "--ep", 2], V5, f"census, {dtype or 'bf16'}", dtype, returned={"num_experts": 12})
    yield census(HERE / "census.json", ["--ep", 4], ["--set", "experts=stacked"], "census, stacked", tensors="tensors_native")
    for mesh in (Mesh(), Mesh(tp=2, pp=2), Mesh(tp=2, ep=2), Mesh(tp=2, pp=2, ep=2, etp=1), Mesh(tp=4, pp=2, vpp=2, ep=2, etp=2)):
        yield case(str(mesh), mesh)
    yield case("stacked", Mesh(tp=2, ep=3), tensors="tensors_native")
    yield case("sequential", Mesh(ep=2), rename=sequential)
    yield case("local spec", Mesh(tp=2, ep=2, etp=1), rename=local)
    yield dataclasses.replace(case("without biases", Mesh(tp=2), qkv_bias=False), linear=("linear_",))
    yield case("weights of the chosen experts add up to one", Mesh(ep=2), norm_topk_prob=True)
    yield case("as transformers 4 spells it", Mesh(tp=2), rope_parameters=None, rope_theta=500000.0, qkv_bias=None)
    yield case("every layer of experts", num_hidden_layers=1, mlp_only_layers=[])
    yield dataclasses.replace(case("back without a config.json beside", Mesh(tp=2, ep=2)), alone=True, returned=ALONE)
    hf, said = checkpoint(HERE / "census.json")
    yield Case("ranks that do not divide the shared expert", hf, said, ["--tp", 8, "--ep", 2, "--etp", 1], refused="B01")
    gate = "model.layers.2.mlp.shared_expert_gate.weight"
    yield Case("no gate", {name: t for name, t in hf.items() if name != gate}, said, [], refused="V01")
