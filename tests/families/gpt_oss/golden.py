"""Goldens of gpt_oss.yaml: sinks, biases everywhere, experts whose gate and up rows alternate, plain or in four bits."""
import pathlib
import re
from dataclasses import replace

import torch
from bench import Case, census, counted
from megatron import Mesh, over_ranks

HERE = pathlib.Path(__file__).parent
DIVISIBLE = 12  # make_vocab_size_divisible_by
SET = ["--set", f"make_vocab_size_divisible_by={DIVISIBLE}"]
V5 = ["--dialect", "hf_v5"]
EXPERTS = "mlp.experts."
YARN = {"rope_type": "yarn", "factor": 32.0, "beta_fast": 24.0, "beta_slow": 2.0, "original_max_position_embeddings": 48, "truncate": False}
UNSAID = ("attention_dropout", "bos_token_id", "eos_token_id", "pad_token_id", "initializer_range", "output_router_logits",
          "router_aux_loss_coef", "transformers_version", "use_cache")  # what no rule carries
LEAST = ("rope_type", "factor")
V4 = {"rope_parameters": None, "rope_theta": 20000.0, "rope_scaling": YARN}

RETURNED = {"rope_theta": 150000.0, "rope_scaling": {**YARN, "beta_fast": 32.0, "beta_slow": 1.0, "original_max_position_embeddings": 64, "truncate": True}, "swiglu_limit": 7.0,
            "swiglu_alpha": 1.702, "attention_bias": True, "tie_word_embeddings": False, "layer_types": ["sliding_attention", "full_attention"] * 2}


def attention(hf, rank, l, groups):
    a, b = f"model.layers.{l}.self_attn.", "self_attention."
    fused = {leaf: rank.qkv(*(hf[f"{a}{part}_proj.{leaf}"] for part in "qkv"), groups) for leaf in ("weight", "bias")}
    return {b + "linear_qkv.layer_norm_weight": hf[f"model.layers.{l}.input_layernorm.weight"],
            b + "linear_qkv.weight": fused["weight"], b + "linear_qkv.bias": fused["bias"],
            b + "core_attention.softmax_offset": rank.rows(hf[a + "sinks"]),
            b + "linear_proj.weight": rank.columns(hf[a + "o_proj.weight"]), b + "linear_proj.bias": hf[a + "o_proj.bias"]}


def moe(hf, rank, l):
    """Even columns are the gate's, odd ones the other half's."""
    a = f"model.layers.{l}."
    found = {"pre_mlp_layernorm.weight": hf[a + "post_attention_layernorm.weight"],
             "mlp.router.weight": hf[a + "mlp.router.weight"], "mlp.router.bias": hf[a + "mlp.router.bias"]}
    both, bias, down, down_bias = (hf[a + EXPERTS + name] for name in ("gate_up_proj", "gate_up_proj_bias", "down_proj", "down_proj_bias"))
    for local, e in enumerate(rank.experts(len(both))):
        rows = both[e].T
        found[f"{EXPERTS}linear_fc1.weight{local}"] = rank.expert_gated(rows[::2], rows[1::2])
        found[f"{EXPERTS}linear_fc1.bias{local}"] = rank.expert_gated(bias[e][::2], bias[e][1::2])
        found[f"{EXPERTS}linear_fc2.weight{local}"] = rank.expert_columns(down[e].T)
        found[f"{EXPERTS}linear_fc2.bias{local}"] = down_bias[e]
    return found


def expected(hf, config, mesh, divisible=DIVISIBLE):
    def words(rank, name="model.embed_tokens.weight"):
        return rank.words(hf[name], divisible)

    def last(rank):
        found = {"decoder.final_layernorm.weight": hf["model.norm.weight"]}
        if not config.get("tie_word_embeddings"):
            return {**found, "output_layer.weight": words(rank, "lm_head.weight")}
        return {**found, "output_layer.weight": words(rank)} if mesh.pp * mesh.vpp > 1 else found

    return over_ranks(mesh, config["num_hidden_layers"], lambda rank: {"embedding.word_embeddings.weight": words(rank)},
                      lambda rank, l: {**attention(hf, rank, l, config["num_key_value_heads"]), **moe(hf, rank, l)}, last)


def arguments(config, mesh, divisible=DIVISIBLE):
    """What Megatron-LM calls such a model, and Megatron-Bridge its yarn."""
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 150000.0), **config["rope_scaling"]}
    both, vocab, unit = "mscale" in rope and "mscale_all_dim" in rope, config["vocab_size"], divisible * mesh.tp
    windows = config.get("layer_types") or ["sliding_attention", "full_attention"] * (config["num_hidden_layers"] // 2)
    return {"num_layers": config["num_hidden_layers"], "hidden_size": config["hidden_size"],
            "num_attention_heads": config["num_attention_heads"], "group_query_attention": True,
            "num_query_groups": config["num_key_value_heads"], "kv_channels": config["head_dim"], "num_experts": config["num_local_experts"],
            "moe_router_topk": config["num_experts_per_tok"], "moe_ffn_hidden_size": config["intermediate_size"],
            "ffn_hidden_size": config["intermediate_size"], "moe_grouped_gemm": True, "moe_router_score_function": "softmax",
            "moe_router_pre_softmax": False, "bias_dropout_fusion": False, "bias_gelu_fusion": False,
            "max_position_embeddings": config["max_position_embeddings"], "seq_length": config["max_position_embeddings"],
            "norm_epsilon": config["rms_norm_eps"], "normalization": "RMSNorm", "apply_layernorm_1p": False, "add_bias_linear": True,
            "quick_geglu": True, "swiglu": False, "glu_linear_offset": 1.0, "activation_func_clamp_value": config.get("swiglu_limit", 7.0),
            "softmax_type": "learnable", "window_size": [config["sliding_window"] - 1, 0],
            "window_attn_skip_freq": [int(kind == "sliding_attention") for kind in windows],
            "position_embedding_type": "yarn", "rotary_base": rope["rope_theta"], "rotary_percent": 1.0, "rotary_interleaved": False,
            "yarn_rotary_scaling_factor": rope["factor"],
            "yarn_original_max_position_embeddings": rope.get("original_max_position_embeddings", config["max_position_embeddings"]),
            "yarn_beta_fast": rope.get("beta_fast", 32.0), "yarn_beta_slow": rope.get("beta_slow", 1.0),
            "yarn_correction_range_round_to_int": rope.get("truncate", True), "yarn_mscale": rope["mscale"] if both else 1.0,
            "yarn_mscale_all_dim": rope["mscale_all_dim"] if both else 0.0,
            "untie_embeddings_and_output_weights": not config.get("tie_word_embeddings", False), "vocab_size": vocab,
            "make_vocab_size_divisible_by": divisible, "padded_vocab_size": -(-vocab // unit) * unit}


def said_by(config, **changes):
    return {key: value for key, value in {**config, **changes}.items() if value is not None}


def case(name, mesh, there=(), back=None, spelled=lambda name: name, returned=(), divisible=DIVISIBLE, copy=False,
         **config):
    hf, said = counted(HERE / "census.json")
    said = said_by(said, **config)
    if said.get("tie_word_embeddings"):
        hf.pop("lm_head.weight")
    back = (V5 if "rope_parameters" in said else []) if back is None else back
    want = {rank: {spelled(name): t for name, t in tensors.items()} for rank, tensors in expected(hf, said, mesh, divisible).items()}
    hf |= {"lm_head.weight": hf["model.embed_tokens.weight"]} if copy else {}
    options = mesh.options() + (SET if divisible == DIVISIBLE else []) + list(there)
    return Case(name, hf, said, options, want, arguments(said, mesh, divisible), back, {**said, **dict(returned)},
                lost=("lm_head.weight",) if copy else ())


def unpacked(blocks, scales):
    """[e, out, groups, 16] bytes of two values each, the low half first, and a power of two for each group: [e, out, in]."""
    size = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    table = torch.tensor([*size, *(-value for value in size)])
    values = torch.stack([table[(blocks & 15).long()], table[(blocks >> 4).long()]], -1).flatten(-2)
    return (values * 2.0 ** (scales.float() - 127).unsqueeze(-1)).flatten(-2).bfloat16()


def four_bits():
    """As published: the experts' weights in blocks of 32 along what they sum over, [e, out, in]; all else in bf16. Values are drawn."""
    hf, said = counted(HERE / "census.json")
    config = said_by(said, **V4, dtype=None, torch_dtype="bfloat16", hidden_size=64, intermediate_size=96, num_hidden_layers=2, layer_types=None,
                     quantization_config={"quant_method": "mxfp4"})
    draw = torch.Generator().manual_seed(0)
    stored, plain = {}, {}
    for name, tensor in hf.items():
        if name.startswith(("model.layers.2.", "model.layers.3.")):
            continue
        wider = {48: 64, 20: 96, 40: 192} if EXPERTS in name else {48: 64}
        shape = [wider.get(size, size) for size in tensor.shape]
        if name.endswith(("gate_up_proj", "down_proj")):
            e, width, out = shape
            stored[name + "_blocks"] = blocks = torch.randint(256, (e, out, width // 32, 16), generator=draw, dtype=torch.uint8)
            stored[name + "_scales"] = scales = torch.randint(110, 140, (e, out, width // 32), generator=draw, dtype=torch.uint8)
            plain[name] = unpacked(blocks, scales).transpose(1, 2).contiguous()
        else:
            stored[name] = plain[name] = torch.randn(shape, generator=draw).bfloat16()
    mesh = Mesh(tp=2, ep=2, etp=1)
    returned = {**config, "quantization_config": None, "layer_types": ["sliding_attention", "full_attention"]}
    return Case("four bits", stored, config, mesh.options() + SET, expected(plain, config, mesh), arguments(config, mesh), decoded=plain,
                returned=returned)


def cases():
    for dtype in (None, torch.float16, torch.float32):
        yield census(HERE / "census.json", ["--tp", 2, "--ep", 2, "--etp", 1], V5, f"census, {dtype or 'bf16'}", dtype)
    for mesh in (Mesh(), Mesh(tp=2, etp=1), Mesh(pp=2), Mesh(ep=2), Mesh(tp=2, pp=2, vpp=2, ep=2, etp=1), Mesh(tp=2)):
        yield case(str(mesh), mesh)
    yield four_bits()
    yield replace(case("_extra_state", Mesh()), linear=("linear_",))
    yield replace(case("as Megatron-Bridge says it", Mesh(pp=2)), said={"window_size": (15, 0), "window_attn_skip_freq": 2, "yarn_mscale_all_dim": None})
    yield case("as of old", Mesh(), **V4)
    yield case("the least said", Mesh(), **{**V4, "rope_theta": None, "rope_scaling": {key: YARN[key] for key in LEAST}}, swiglu_limit=None,
               layer_types=None, swiglu_alpha=None, attention_bias=None, tie_word_embeddings=None, returned=RETURNED)
    yield replace(case("back without a config.json beside", Mesh(), **dict.fromkeys(UNSAID)), alone=True)
    yield case("tied", Mesh(), tie_word_embeddings=True)
    yield case("tied, with a copy", Mesh(), tie_word_embeddings=True, copy=True)
    yield case("the usual padding", Mesh(), divisible=128)
    yield case("tied, two stages", Mesh(pp=2), tie_word_embeddings=True)
    yield case("other layers have windows", Mesh(pp=2), layer_types=["full_attention", "sliding_attention", "sliding_attention", "full_attention"])
    yield case("another limit", Mesh(), swiglu_limit=5.5)
    yield case("mscale", Mesh(), rope_parameters={**YARN, "rope_theta": 3000.0, "mscale": 0.75, "mscale_all_dim": 0.5, "truncate": True})
    yield case("mscale alone", Mesh(), rope_parameters={**YARN, "rope_theta": 3000.0, "mscale": 0.75},
               returned={"rope_parameters": {**YARN, "rope_theta": 3000.0}})
    yield case("sequential experts", Mesh(ep=2), ["--dialect", "mcore_sequential"],
               spelled=lambda name: re.sub(r"(linear_fc\d)\.(weight|bias)(\d+)$", r"local_experts.\3.\1.\2", name))
    refused = {"plain rope": {"rope_parameters": {"rope_type": "default", "rope_theta": 1.0}}, "another alpha": {"swiglu_alpha": 1.5},
               "an attention factor": {"rope_parameters": {**YARN, "rope_theta": 1.0, "attention_factor": 1.0}},
               "no biases": {"attention_bias": False}, "another activation": {"hidden_act": "gelu"}}
    for name, change in refused.items():
        yield Case(name, {}, said_by(counted(HERE / "census.json")[1], **change), [], refused="B03")
