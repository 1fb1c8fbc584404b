"""Goldens of deepseek_v3.yaml: latent attention, dense first layers, routed and shared experts, multi-token prediction, fp8 blocks."""
import json
import pathlib
import re
from dataclasses import replace

import torch
from bench import Case, census, counted, unfold
from megatron import Mesh, over_ranks

HERE = pathlib.Path(__file__).parent
DIVISIBLE = 12  # make_vocab_size_divisible_by
SET = ["--set", f"make_vocab_size_divisible_by={DIVISIBLE}"]
V5 = ["--dialect", "hf_v5"]
YARN = {"factor": 40.0, "beta_fast": 24.0, "beta_slow": 2.0, "mscale": 0.75, "mscale_all_dim": 0.5, "original_max_position_embeddings": 48}
UNSAID = ("attention_bias", "attention_dropout", "bos_token_id", "eos_token_id", "pad_token_id", "head_dim", "initializer_range", "pretraining_tp",
          "output_router_logits", "qk_head_dim", "transformers_version", "use_cache")  # what no rule carries
LEAST = {"rope_theta": 10000.0, "rope_scaling": {"rope_type": "yarn", "factor": 8.0, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
                                                 "mscale_all_dim": 0.0, "original_max_position_embeddings": 64}}
V4 = {"rope_parameters": None, "rope_theta": 20000.0}


def attention(hf, rank, l, local):
    """Transformer Engine keeps the down projections whole and each norm in the linear layer behind it; the local spec does neither."""
    at = lambda name: hf.get(f"model.layers.{l}.self_attn.{name}.weight")  # noqa: E731
    down = rank.rows if local else lambda whole: whole
    norm = "self_attention.{}_layernorm.weight" if local else "self_attention.linear_{}_up_proj.layer_norm_weight"
    found = {"input_layernorm.weight": hf[f"model.layers.{l}.input_layernorm.weight"],
             "self_attention.linear_kv_down_proj.weight": down(at("kv_a_proj_with_mqa")),
             norm.format("kv"): at("kv_a_layernorm"),
             "self_attention.linear_kv_up_proj.weight": rank.rows(at("kv_b_proj")),
             "self_attention.linear_proj.weight": rank.columns(at("o_proj"))}
    if at("q_proj") is not None:
        return {**found, "self_attention.linear_q_proj.weight": rank.rows(at("q_proj"))}
    return {**found, "self_attention.linear_q_down_proj.weight": down(at("q_a_proj")), norm.format("q"): at("q_a_layernorm"),
            "self_attention.linear_q_up_proj.weight": rank.rows(at("q_b_proj"))}


def gated(hf, rank, before, after):
    gate, up, down = (hf[f"{before}.{part}_proj.weight"] for part in ("gate", "up", "down"))
    return {after + ".linear_fc1.weight": rank.gated(gate, up), after + ".linear_fc2.weight": rank.columns(down)}


def dense(hf, rank, l, local):
    norm = "pre_mlp_layernorm.weight" if local else "mlp.linear_fc1.layer_norm_weight"
    return {norm: hf[f"model.layers.{l}.post_attention_layernorm.weight"], **gated(hf, rank, f"model.layers.{l}.mlp", "mlp")}


def moe(hf, rank, l, count):
    a = f"model.layers.{l}."
    found = {"pre_mlp_layernorm.weight": hf[a + "post_attention_layernorm.weight"], "mlp.router.weight": hf[a + "mlp.gate.weight"],
             "mlp.router.expert_bias": hf[a + "mlp.gate.e_score_correction_bias"],
             **gated(hf, rank, a + "mlp.shared_experts", "mlp.shared_experts")}
    for local, e in enumerate(rank.experts(count)):
        gate, up, down = (hf[f"{a}mlp.experts.{e}.{part}_proj.weight"] for part in ("gate", "up", "down"))
        found[f"mlp.experts.linear_fc1.weight{local}"] = rank.expert_gated(gate, up)
        found[f"mlp.experts.linear_fc2.weight{local}"] = rank.expert_columns(down)
    return found


def words(hf, rank, divisible):
    return {"embedding.word_embeddings.weight": rank.words(hf["model.embed_tokens.weight"], divisible)}


def predictor(hf, rank, l, t, count, local):
    """Multi-token-prediction module t, which is layer l to transformers."""
    a, b = f"model.layers.{l}.", f"mtp.layers.{t}."
    found = {b + "enorm.weight": hf[a + "enorm.weight"], b + "hnorm.weight": hf[a + "hnorm.weight"],
             b + "eh_proj.weight": rank.rows(hf[a + "eh_proj.weight"]), b + "final_layernorm.weight": hf[a + "shared_head.norm.weight"]}
    layer = {**attention(hf, rank, l, local), **moe(hf, rank, l, count)}
    return {**found, **{b + "transformer_layer." + name: tensor for name, tensor in layer.items()}}


def modules_of(hf):
    return sum(name.endswith(".enorm.weight") for name in hf)


def expected(hf, config, mesh, local=False, divisible=DIVISIBLE):
    layers, sparse, count = config["num_hidden_layers"], config["first_k_dense_replace"], config["n_routed_experts"]

    def layer(rank, l):
        return {**attention(hf, rank, l, local), **(dense(hf, rank, l, local) if l < sparse else moe(hf, rank, l, count))}

    def last(rank):
        found = {"decoder.final_layernorm.weight": hf["model.norm.weight"], "output_layer.weight": rank.words(hf["lm_head.weight"], divisible)}
        for t in range(modules_of(hf)):  # which want a copy of the embedding on their stage
            found |= {**predictor(hf, rank, layers + t, t, count, local), **words(hf, rank, divisible)}
        return found

    return over_ranks(mesh, layers, lambda rank: words(hf, rank, divisible), layer, last)


def arguments(hf, config, mesh, divisible=DIVISIBLE):
    """What Megatron-LM calls such a model."""
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0), **(config.get("rope_scaling") or {})}
    yarn = "yarn" in (rope.get("rope_type"), rope.get("type"))
    layers, sparse, vocab, width = (config[key] for key in ("num_hidden_layers", "first_k_dense_replace", "vocab_size", "moe_intermediate_size"))
    unit = divisible * mesh.tp
    return {"num_layers": layers, "hidden_size": config["hidden_size"], "num_attention_heads": config["num_attention_heads"],
            "multi_latent_attention": True, "q_lora_rank": config.get("q_lora_rank", 1536), "kv_lora_rank": config["kv_lora_rank"],
            "qk_head_dim": config["qk_nope_head_dim"], "qk_pos_emb_head_dim": config["qk_rope_head_dim"], "v_head_dim": config["v_head_dim"],
            "kv_channels": config["v_head_dim"], "qk_layernorm": True, "ffn_hidden_size": config["intermediate_size"],
            "moe_ffn_hidden_size": width, "num_experts": config["n_routed_experts"], "moe_router_topk": config["num_experts_per_tok"],
            "moe_layer_freq": [int(l >= sparse) for l in range(layers)], "moe_router_num_groups": config["n_group"],
            "moe_router_group_topk": config["topk_group"], "moe_router_topk_scaling_factor": config["routed_scaling_factor"],
            "moe_router_score_function": "sigmoid", "moe_router_enable_expert_bias": True, "moe_grouped_gemm": True,
            "moe_shared_expert_intermediate_size": config["n_shared_experts"] * width,
            "mtp_num_layers": modules_of(hf) or None,
            "position_embedding_type": "rope", "rope_type": "yarn" if yarn else "rope", "rotary_base": rope["rope_theta"], "rotary_percent": 1.0,
            "rotary_scaling_factor": rope["factor"] if yarn else 1.0, "mscale": rope.get("mscale", 1.0),
            "mscale_all_dim": rope.get("mscale_all_dim", 0.0), "beta_fast": rope.get("beta_fast", 32), "beta_slow": rope.get("beta_slow", 1),
            "original_max_position_embeddings": rope.get("original_max_position_embeddings", config["max_position_embeddings"]),
            "max_position_embeddings": config["max_position_embeddings"], "seq_length": config["max_position_embeddings"],
            "norm_epsilon": config["rms_norm_eps"], "normalization": "RMSNorm", "apply_layernorm_1p": False, "swiglu": True,
            "add_bias_linear": False, "untie_embeddings_and_output_weights": True, "vocab_size": vocab,
            "make_vocab_size_divisible_by": divisible, "padded_vocab_size": -(-vocab // unit) * unit}


def said_by(config, **changes):
    return {key: value for key, value in {**config, **changes}.items() if value is not None}


def of_layers(hf, layers):
    """The first layers alone, for meshes that would not divide them."""
    return {name: t for name, t in hf.items() if not name.startswith("model.layers.") or int(name.split(".")[2]) < layers}


def plain_rope(said):
    """config.json of the way back: that rope_type is `default` goes without saying."""
    if said.get("rope_parameters", {}).get("rope_type") != "default":
        return said
    return {**said, "rope_parameters": {"rope_theta": said["rope_parameters"]["rope_theta"]}}


def case(name, mesh, there=(), back=None, local=False, edit=dict, returned=(), nulls=(), divisible=DIVISIBLE, **config):
    hf, said = counted(HERE / "census.json")
    said = {**said_by(said, **config), **dict(nulls)}
    hf = edit(of_layers(hf, said["num_hidden_layers"]))
    back = (V5 if "rope_parameters" in said else []) if back is None else back
    want, options = expected(hf, said, mesh, local, divisible), mesh.options() + (SET if divisible == DIVISIBLE else []) + list(there)
    return Case(name, hf, said, options, want, arguments(hf, said, mesh, divisible), back, {**plain_rope(said), **dict(returned)})


def predicting(name, mesh, there=(), layers=5, modules=1, local=False, spelled=lambda name: name):
    """With multi-token-prediction modules behind the last layer; their own tables are copies."""
    counts, said = counted(HERE / "census_mtp.json")
    said, hf = said_by(said, num_hidden_layers=layers, num_nextn_predict_layers=modules), of_layers(counts, layers)
    copies = {"embed_tokens": hf["model.embed_tokens.weight"], "shared_head.head": hf["lm_head.weight"]}
    for l in range(layers, layers + modules):
        hf |= {name.replace(".5.", f".{l}.", 1): t + l for name, t in counts.items() if name.startswith("model.layers.5.")}
        hf |= {f"model.layers.{l}.{name}.weight": t for name, t in copies.items()}
    want = {rank: {spelled(name): t for name, t in tensors.items()} for rank, tensors in expected(hf, said, mesh, local).items()}
    return Case(name, hf, said, mesh.options() + SET + list(there), want, arguments(hf, said, mesh), V5, plain_rope(said))


def stacked(one):
    """All experts of a layer in one tensor, as transformers 5 keeps them in memory."""
    hf = {name: t for name, t in one.tensors.items() if ".experts." not in name}
    for l in range(one.config["first_k_dense_replace"], one.config["num_hidden_layers"]):
        a = f"model.layers.{l}.mlp.experts."
        at = lambda e, part: one.tensors[f"{a}{e}.{part}_proj.weight"]  # noqa: B023,E731
        experts = range(one.config["n_routed_experts"])
        hf[a + "gate_up_proj"] = torch.stack([torch.cat([at(e, "gate"), at(e, "up")]) for e in experts])
        hf[a + "down_proj"] = torch.stack([at(e, "down") for e in experts])
    return replace(one, name=f"{one.name}, stacked", tensors=hf, back=[*one.back, "--set", "experts=stacked"], linear=("linear_",))


def all_sparse(hf):
    """The first layers as the others."""
    dense = tuple(f"model.layers.{l}.mlp." for l in (0, 1))
    more = {f"model.layers.{l}.{name.removeprefix('model.layers.2.')}": t + l + 1
            for name, t in hf.items() if name.startswith("model.layers.2.mlp.") for l in (0, 1)}
    return {**{name: t for name, t in hf.items() if not name.startswith(dense)}, **more}


def usual_rank(hf):
    """What config.json means that says none."""
    axis = {".q_a_proj.": 0, ".q_a_layernorm.": 0, ".q_b_proj.": 1}

    def widened(name, t):
        found = [dim for part, dim in axis.items() if part in name]
        return t.repeat_interleave(52, found[0]).narrow(found[0], 0, 1536).contiguous() if found else t

    return {name: widened(name, t) for name, t in hf.items()}


def without_low_rank(hf):
    """One projection of the queries, as in the smaller models."""
    whole = {name.replace("q_b_proj", "q_proj"): torch.arange(56.0 * 48).reshape(56, 48) + l
             for l, name in enumerate(name for name in hf if name.endswith("q_b_proj.weight"))}
    return {**{name: t for name, t in hf.items() if ".q_a_" not in name and ".q_b_" not in name}, **whole}


def fp8_blocks():
    """As published: linear layers in f8 with a scale for each block of 128 x 128, the last of a row or column narrower."""
    said = json.loads((HERE / "census.json").read_text())
    config = said_by(said["config"], **V4, num_hidden_layers=3, hidden_size=160, intermediate_size=200, quantization_config={"quant_method": "fp8"})
    wider, draw = {48: 160, 88: 200}, torch.Generator().manual_seed(0)
    stored, plain = {}, {}
    for title, shape, dtype in said["tensors"]:
        shape = [wider.get(size, size) for size in shape]
        for name in of_layers(dict.fromkeys(unfold(title)), 3):
            value = torch.randn(shape, generator=draw)
            stored[name] = plain[name] = value if dtype == "F32" else value.bfloat16()
            if "_proj" in name:
                scale = torch.rand([-(-size // 128) for size in shape], generator=draw)
                stored[name], stored[name + "_scale_inv"] = value.to(torch.float8_e4m3fn), scale
                spread = scale.repeat_interleave(128, 0)[:shape[0]].repeat_interleave(128, 1)[:, :shape[1]]
                plain[name] = (stored[name].float() * spread).bfloat16()
    mesh = Mesh(tp=2, ep=2, etp=1)
    return Case("fp8 blocks", stored, config, mesh.options() + SET, expected(plain, config, mesh), arguments(plain, config, mesh),
                decoded=plain, returned={**config, "quantization_config": None})


def meshes():
    for mesh in (Mesh(), Mesh(tp=2), Mesh(ep=2), Mesh(tp=2, ep=2, etp=1), Mesh(tp=2, ep=2, etp=2)):
        yield case(str(mesh), mesh)
    for mesh in (Mesh(pp=2, vpp=2), Mesh(tp=2, pp=2, ep=2, etp=1)):
        yield case(str(mesh), mesh, num_hidden_layers=4)
    yield stacked(case("experts", Mesh(tp=2, ep=2, etp=2)))
    yield replace(predicting("mtp", Mesh(tp=2)), linear=("linear_", "eh_proj"))
    one = predicting("mtp, not said", Mesh())
    yield replace(one, config=said_by(one.config, num_nextn_predict_layers=None), returned=one.returned)
    yield predicting("mtp, two modules", Mesh(pp=2), layers=4, modules=2)
    yield predicting("mtp, stages", Mesh(tp=2, pp=2, vpp=2, ep=2, etp=1), layers=4)


def spelled_otherwise():
    local = ["--set", "latent=split", "--dialect"]
    yield replace(case("local modules", Mesh(tp=2), [*local, "mcore_local"], local=True), linear=("linear_",))
    yield predicting("local modules, mtp", Mesh(tp=2, ep=2, etp=1), [*local, "mcore_local,mcore_sequential"], local=True,
                     spelled=lambda name: re.sub(r"(linear_fc\d)\.weight(\d+)$", r"local_experts.\2.\1.weight", name))
    yield predicting("mtp_model_layer", Mesh(), ["--dialect", "mcore_mtp_model_layer"],
                     spelled=lambda name: name.replace(".transformer_layer.", ".mtp_model_layer."))


def configurations():
    from_rules = {"scoring_func": "sigmoid", "topk_method": "noaux_tc"}
    yield replace(case("back without a config.json beside", Mesh(), returned=from_rules, **dict.fromkeys(UNSAID)), alone=True)
    yield case("as of old", Mesh(), **V4, num_nextn_predict_layers=None, returned={"num_nextn_predict_layers": 0})
    yield case("the usual rank", Mesh(), edit=usual_rank, num_hidden_layers=2, q_lora_rank=None, returned={"q_lora_rank": 1536})
    yield case("the usual padding", Mesh(), divisible=128)
    yield replace(case("no dense layer", Mesh(), edit=all_sparse, first_k_dense_replace=0), said={"moe_layer_freq": 1})
    yield case("only dense layers", Mesh(), num_hidden_layers=2)
    yield replace(case("queries without low rank", Mesh(tp=2), edit=without_low_rank, nulls={"q_lora_rank": None}), linear=("linear_",))
    yield case("weights of mtp left out", Mesh(), ["--set", "mtp=absent"], num_nextn_predict_layers=1, returned={"num_nextn_predict_layers": 0})


def positions():
    yarn = {"rope_theta": 1e4, "rope_type": "yarn", **YARN}
    nameless = {"rope_type": None}
    silent = {**nameless, **dict.fromkeys(("beta_fast", "beta_slow", "original_max_position_embeddings", "rotary_scaling_factor"))}
    short = {key: value for key, value in yarn.items() if key not in silent} | {"rope_type": "yarn", "original_max_position_embeddings": 4096}
    yield case("yarn", Mesh(), rope_parameters=yarn)
    yield case("yarn, as of old", Mesh(), back=["--dialect", "hf_rope_type"], **V4, rope_scaling={"type": "yarn", **YARN})
    yield case("yarn, the least said", Mesh(), rope_parameters=None, rope_scaling={"rope_type": "yarn", "factor": 8.0}, returned=LEAST)
    yield replace(case("yarn, as Megatron is silent", Mesh(), rope_parameters=yarn, returned={"rope_parameters": short}), said=silent)
    yield replace(case("yarn, without its name", Mesh(), rope_parameters=yarn), said=nameless)
    yield replace(case("plain rope, without its name", Mesh()), said=nameless)
    yield replace(case("plain rope beside a factor", Mesh()), said={"rope_type": "rope", "rotary_scaling_factor": 40.0})


def refusals():
    yarn = {"rope_type": "yarn", "rope_theta": 1.0}
    refused = {"biases": {"attention_bias": True}, "more dense layers than layers": {"first_k_dense_replace": 6},
               "another scaling": {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1.0}},
               "an attention factor": {"rope_parameters": {**yarn, "attention_factor": 1.0, **YARN}},
               "a correction range not rounded": {"rope_parameters": {**yarn, "truncate": False, **YARN}},
               "mscale alone": {"rope_parameters": {**yarn, "factor": 8.0, "mscale": 0.75}},
               "tied": {"tie_word_embeddings": True}, "another activation": {"hidden_act": "gelu"}, "softmax": {"scoring_func": "softmax"},
               "greedy": {"topk_method": "greedy"}, "not normalized": {"norm_topk_prob": False}, "halves": {"rope_interleave": False}}
    for name, change in refused.items():
        yield Case(name, {}, said_by(counted(HERE / "census.json")[1], **change), [], refused="B03")


def cases():
    yield census(HERE / "census.json", ["--tp", 2, "--ep", 2], V5)
    for dtype, word in ((torch.float16, "fp16"), (torch.float32, "fp32")):  # the router's bias is f32 in each
        yield census(HERE / "census.json", ["--dtype", word], ["--dtype", word, *V5], f"census, {word}", dtype)
    yield census(HERE / "census_mtp.json", ["--pp", 5], V5, "census, mtp")
    yield census(HERE / "census.json", ["--tp", 2], [*V5, "--set", "experts=stacked"], "census, stacked", tensors="tensors_native")
    for some in (meshes, spelled_otherwise, configurations, positions, refusals):
        yield from some()
    yield fp8_blocks()
