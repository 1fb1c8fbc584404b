"""Goldens of qwen2_moe.yaml: q, k and v with biases, an expert that all tokens go through, behind a gate of its own."""
import dataclasses
import pathlib

from bench import Case, census, counted
from llama.golden import attention, built, changed, dense, qkv_bias, refused, three_dtypes, v4
from megatron import Mesh
from mixtral.golden import local, native, part, renamed, sequential
from qwen3_moe.golden import experts, is_sparse, mixed_arguments

HERE = pathlib.Path(__file__).parent
CENSUS = HERE / "census.json"
ALONE = {"model_type": "qwen2_moe", "architectures": ["Qwen2MoeForCausalLM"], "num_experts": 12, "shared_expert_intermediate_size": 28,
         "qkv_bias": True, "mlp_only_layers": [1]}


def shared(hf, rank, l):
    a = f"model.layers.{l}.mlp."
    gate, up, down = (hf[f"{a}shared_expert.{part}_proj.weight"] for part in ("gate", "up", "down"))
    return {"mlp.shared_experts.linear_fc1.weight": rank.gated(gate, up), "mlp.shared_experts.linear_fc2.weight": rank.columns(down),
            "mlp.shared_experts.gate_weight": hf[a + "shared_expert_gate.weight"]}


def layer_of(config):
    def layer(hf, rank, l, groups):
        mlp = {**experts(hf, rank, l), **shared(hf, rank, l)} if is_sparse(config, l) else dense(hf, rank, l)
        biases = qkv_bias(hf, rank, l, groups) if config.get("qkv_bias", True) else {}
        return {**attention(hf, rank, l, groups), **biases, **mlp}
    return layer


def case(mesh, name=None, tensors="tensors", **config):
    hf, said = counted(CENSUS, tensors)
    said = changed(said, config)
    hf = {title: t for title, t in part(hf, said["num_hidden_layers"]).items() if said.get("qkv_bias", True) or not title.endswith(".bias")}
    more = {**mixed_arguments(said), "qk_layernorm": False, "add_qkv_bias": said.get("qkv_bias", True), "moe_shared_expert_gate": True,
            "moe_shared_expert_intermediate_size": said["shared_expert_intermediate_size"]}
    return built(name or str(mesh), mesh, hf, said, layer_of(said), more)


def cases():
    mesh = Mesh(tp=2, pp=2, ep=2)
    yield from three_dtypes(CENSUS, mesh, num_experts=12)
    yield native(census(CENSUS, mesh.options(), name="census", tensors="tensors_native"))
    for mesh in (Mesh(), Mesh(tp=2, pp=2), Mesh(tp=2, ep=2), Mesh(tp=2, pp=2, ep=2, etp=1), Mesh(tp=4, pp=2, vpp=2, ep=2, etp=2)):
        yield case(mesh)
    yield native(case(Mesh(tp=2, ep=3), tensors="tensors_native"))
    yield renamed(case(Mesh(ep=2)), sequential)
    yield renamed(case(Mesh(tp=2, pp=2, ep=2, etp=1)), local)
    yield case(Mesh(tp=2), "without biases", qkv_bias=False)
    yield case(Mesh(ep=2), "weights of the chosen experts add up to one", norm_topk_prob=True)
    yield case(Mesh(tp=2), "as transformers 4 spells it, silent on biases", **v4(CENSUS), qkv_bias=None)
    yield case(Mesh(), "every layer of experts", num_hidden_layers=1, mlp_only_layers=[])
    yield dataclasses.replace(case(Mesh(tp=2, ep=2), "Megatron's arguments alone"), alone=True, returned=ALONE)
    hf, said = counted(CENSUS)
    gate = "model.layers.2.mlp.shared_expert_gate.weight"
    yield Case("no gate", {name: t for name, t in hf.items() if name != gate}, said, [], refused="V01")
    yield Case("ranks that do not divide the shared expert", hf, said, ["--tp", 8, "--ep", 2, "--etp", 1], refused="B01")
    yield refused("another head", CENSUS, architectures=["Qwen2MoeForSequenceClassification"])
