"""Goldens of llama.yaml, and the parts that families like it share: what Megatron holds of one decoder layer, computed from the tensors
of transformers. The sizes are the census's: each differs from every other, and 12 heads of 10 are not the 48 of the hidden size.
"""
import json
import pathlib

import torch
from bench import Case, census, counted
from megatron import Mesh, over_ranks

HERE = pathlib.Path(__file__).parent
DIVISIBLE = 10  # make_vocab_size_divisible_by: of 251 words, 260 or, on four ranks, 280
SET = ["--set", f"make_vocab_size_divisible_by={DIVISIBLE}"]


def attention(hf, rank, l, groups):
    a, b = f"model.layers.{l}.", "self_attention."
    q, k, v = (hf[f"{a}self_attn.{part}_proj.weight"] for part in "qkv")
    return {b + "linear_qkv.layer_norm_weight": hf[a + "input_layernorm.weight"],
            b + "linear_qkv.weight": rank.qkv(q, k, v, groups),
            b + "linear_proj.weight": rank.columns(hf[a + "self_attn.o_proj.weight"])}


def qkv_bias(hf, rank, l, groups):
    q, k, v = (hf[f"model.layers.{l}.self_attn.{part}_proj.bias"] for part in "qkv")
    return {"self_attention.linear_qkv.bias": rank.qkv(q, k, v, groups)}


def dense(hf, rank, l):
    a = f"model.layers.{l}."
    return {"mlp.linear_fc1.layer_norm_weight": hf[a + "post_attention_layernorm.weight"],
            "mlp.linear_fc1.weight": rank.gated(hf[a + "mlp.gate_proj.weight"], hf[a + "mlp.up_proj.weight"]),
            "mlp.linear_fc2.weight": rank.columns(hf[a + "mlp.down_proj.weight"])}


def first(hf, rank):
    return {"embedding.word_embeddings.weight": rank.words(hf["model.embed_tokens.weight"], DIVISIBLE)}


def last(hf, rank):
    """A tied head is stored again only where its stage is not the embedding's."""
    found = {"decoder.final_layernorm.weight": hf["model.norm.weight"]}
    if "lm_head.weight" in hf:
        found["output_layer.weight"] = rank.words(hf["lm_head.weight"], DIVISIBLE)
    elif rank.mesh.pp * rank.mesh.vpp > 1:
        found["output_layer.weight"] = rank.words(hf["model.embed_tokens.weight"], DIVISIBLE)
    return found


def decoder(hf, mesh, layers, layer):
    """layer(rank, l): what stands in layer l."""
    return over_ranks(mesh, layers, lambda rank: first(hf, rank), layer, lambda rank: last(hf, rank))


def arguments(config, mesh, divisible=DIVISIBLE):
    """What Megatron-LM calls such a model."""
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta", 10000.0), **(config.get("rope_scaling") or {})}
    kind = rope.get("rope_type", rope.get("type"))
    heads, vocab = config["num_attention_heads"], config["vocab_size"]
    unit = divisible * mesh.tp
    return {"num_layers": config["num_hidden_layers"], "hidden_size": config["hidden_size"], "num_attention_heads": heads,
            "group_query_attention": True, "num_query_groups": config.get("num_key_value_heads", heads),
            "kv_channels": config.get("head_dim") or config["hidden_size"] // heads, "ffn_hidden_size": config["intermediate_size"],
            "max_position_embeddings": config["max_position_embeddings"], "seq_length": config["max_position_embeddings"],
            "norm_epsilon": config["rms_norm_eps"], "rotary_base": rope["rope_theta"], "rotary_percent": 1.0, "rotary_interleaved": False,
            "use_rope_scaling": kind == "llama3", "rope_scaling_factor": rope["factor"] if kind == "llama3" else None,
            "rotary_seq_len_interpolation_factor": rope["factor"] if kind == "linear" else None,
            "position_embedding_type": "rope", "normalization": "RMSNorm", "apply_layernorm_1p": False, "swiglu": True, "add_bias_linear": False,
            "untie_embeddings_and_output_weights": not config.get("tie_word_embeddings", False), "vocab_size": vocab,
            "make_vocab_size_divisible_by": divisible, "padded_vocab_size": -(-vocab // unit) * unit}


def returned(config):
    """The way back says nothing of a plain RoPE, which is what silence means."""
    rope = config.get("rope_parameters")
    if not rope or rope.get("rope_type") != "default":
        return config
    return {**config, "rope_parameters": {key: value for key, value in rope.items() if key != "rope_type"}}


def respelled(config):
    return ["--dialect", "hf_v5"] if "rope_parameters" in config else []


def changed(config, changes):
    return {key: value for key, value in {**config, **changes}.items() if value is not None}


def v4(file):
    """What transformers 4 calls the keys of a census that it calls otherwise."""
    keys = json.loads(file.read_text())["config_v4"]
    return {key: value for key, value in keys.items() if not key.endswith("dtype")}


def plain(hf, rank, l, groups):
    return {**attention(hf, rank, l, groups), **dense(hf, rank, l)}


def biased(hf, rank, l, groups):
    """The rows of a column-parallel layer have their bias on the same rank; that of a row-parallel layer is whole on each."""
    a = f"model.layers.{l}."
    return {**plain(hf, rank, l, groups), **qkv_bias(hf, rank, l, groups), "self_attention.linear_proj.bias": hf[a + "self_attn.o_proj.bias"],
            "mlp.linear_fc1.bias": rank.gated(hf[a + "mlp.gate_proj.bias"], hf[a + "mlp.up_proj.bias"]),
            "mlp.linear_fc2.bias": hf[a + "mlp.down_proj.bias"]}


def built(name, mesh, hf, config, layer=plain, more=None, back=(), **rest):
    """A case of these tensors. layer(hf, rank, l, groups): what stands in layer l; `more`: arguments that llama has otherwise."""
    groups = config.get("num_key_value_heads", config["num_attention_heads"])
    want = decoder(hf, mesh, config["num_hidden_layers"], lambda rank, l: layer(hf, rank, l, groups))
    args = {**arguments(config, mesh), **(more or {})}
    rest = {"returned": returned(config), **rest}
    return Case(name, hf, config, mesh.options() + SET, want, args, [*respelled(config), *back], **rest)


def case(name, mesh, file=HERE / "census.json", layer=plain, more=None, **config):
    """A case of a census; `config` changes keys (None: it goes)."""
    hf, said = counted(file)
    return built(name, mesh, hf, changed(said, config), layer, more)


def three_dtypes(file, mesh=Mesh(tp=2, pp=2), **more):
    """A census with the usual padding, in each dtype, both ways; `more`: arguments."""
    for dtype in (None, torch.float16, torch.float32):
        one = census(file, mesh.options(), name=f"census, {dtype or 'bf16'}", dtype=dtype)
        one.back, one.returned = respelled(one.config), returned(one.config)
        one.args = {**arguments(one.config, mesh, 128), **more}
        yield one


def usual(file, layer=plain, more=None, meshes=(Mesh(), Mesh(tp=4), Mesh(tp=2, pp=2), Mesh(tp=2, pp=2, vpp=2))):
    yield from three_dtypes(file, meshes[2], **(more or {}))
    for mesh in meshes:
        yield case(str(mesh), mesh, file, layer, more)
    yield case("as transformers 4 spells it", meshes[1], file, layer, more, **v4(file))


def refused(name, file=HERE / "census.json", there=(), **config):
    hf, said = counted(file)
    return Case(f"refused: {name}", hf, changed(said, config), [*SET, *there], refused="B03")


def tied(mesh, file, layer=plain, more=None, head=None, **config):
    """A tied model; `head`: of a file that holds the embedding once more, what is added to it there."""
    hf, said = counted(file)
    one = built(f"tied, {mesh}", mesh, hf, changed(said, config), layer, more)
    if head is not None:
        one.name += f", and a head + {head}"
        one.tensors["lm_head.weight"] = hf["model.embed_tokens.weight"] + head
        one.lost, one.refused = ("lm_head.weight",), "X01" if head else None
    return one


def few_groups():
    """Two groups on four ranks: Megatron cuts the rows of linear_qkv evenly."""
    hf, said = counted(HERE / "census.json")
    hf = {name: t[:20] if name.endswith(("k_proj.weight", "v_proj.weight")) else t for name, t in hf.items()}
    return built("fewer groups than ranks", Mesh(tp=4), hf, {**said, "num_key_value_heads": 2})


def silent():
    """A config.json of the first Llama says little: 12 heads of 4, each with its own key. Megatron says so in its own way."""
    hf, said = counted(HERE / "census.json")
    for name, t in hf.items():
        if name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight")):
            hf[name] = torch.cat([t, t + 0.5])[:48]
        elif name.endswith("o_proj.weight"):
            hf[name] = t[:, :48].contiguous()
    given = {"head_dim": 4, "num_key_value_heads": 12, "rope_theta": 10000.0, "attention_bias": False, "mlp_bias": False,
             "tie_word_embeddings": False, "hidden_act": "silu", "architectures": ["LlamaForCausalLM"]}
    keys = changed(said, dict.fromkeys([*given, "rope_parameters"]))
    one = built("what a silent config.json means", Mesh(tp=2), hf, keys, returned={**keys, **given, "rope_scaling": None})
    one.said = {"group_query_attention": False, "num_query_groups": 1, "use_rope_scaling": None}
    one.tensors |= {f"model.layers.{l}.self_attn.rotary_emb.inv_freq": torch.ones(2) for l in range(4)}
    one.lost = ("inv_freq",)
    return one


def alone(family, file, layer=plain, more=None, said=(), **config):
    """Without the config.json of the way there. `said`: arguments as Megatron itself says them; a factor that is not in use is one."""
    one = case("Megatron's arguments alone", Mesh(tp=2), file, layer, more, **{**v4(file), **config})
    one.alone, one.said, one.back = True, {"rope_scaling_factor": 8.0, **dict(said)}, ["--rules", family]
    one.returned = {**{key: one.config[key] for key in KEYS if key in one.config}, "rope_scaling": None}
    return one


def windowed():
    """Megatron's own arguments may say what this family cannot."""
    one = alone("llama", HERE / "census.json", said={"window_size": [5, 0]})
    one.name, one.refused = "a window, of which transformers would know nothing", "B03"
    return one


def tied_alone():
    """As transformers 5 spells it: every key of the scaling is made, none comes along."""
    one = tied(Mesh(pp=2, vpp=2), HERE / "census_tied.json", **LLAMA3)
    one.alone, one.back = True, [*one.back, "--rules", "llama"]
    one.returned = {**{key: one.config[key] for key in KEYS if key in one.config}, **LLAMA3, "rope_theta": None, "rope_scaling": None}
    return one


KEYS = ("model_type", "architectures", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
        "intermediate_size", "max_position_embeddings", "rms_norm_eps", "rope_theta", "tie_word_embeddings", "hidden_act")
SCALED = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
LLAMA3 = {"rope_parameters": {"rope_theta": 500000.0, **SCALED}}
LINEAR = {"rope_type": "linear", "factor": 4.0}


def scaled(**rope):
    """In the spelling of transformers 4."""
    return {"rope_parameters": None, "rope_theta": 5000.0, "rope_scaling": rope}


def refusals():
    without = {key: value for key, value in SCALED.items() if key != "factor"}
    wrong = {"bias of the attention alone": {"attention_bias": True, "there": ["--rules", "llama"]}, "bias of the MLP alone": {"mlp_bias": True},
             "yarn": {"rope_parameters": {"rope_theta": 10000.0, "rope_type": "yarn", "factor": 4.0}},
             "dynamic, as of old": scaled(type="dynamic", factor=2.0), "llama3 without a factor": scaled(**without),
             "linear without a factor": scaled(rope_type="linear"), "a factor of 0": scaled(rope_type="linear", factor=0.0),
             "low": scaled(**SCALED | {"low_freq_factor": 2.0}), "high": scaled(**SCALED | {"high_freq_factor": 8.0}),
             "original length": scaled(**SCALED | {"original_max_position_embeddings": 32}),
             "activation": {"hidden_act": "gelu"}, "another head": {"architectures": ["LlamaForSequenceClassification"]}}
    return [refused(name, **config) for name, config in wrong.items()]


def cases():
    yield from usual(HERE / "census.json")
    for mesh, head in ((Mesh(), 1), (Mesh(tp=2), 0), (Mesh(tp=2, pp=2), None)):
        yield tied(mesh, HERE / "census_tied.json", head=head, **LLAMA3)
    yield tied_alone()
    yield few_groups()
    yield silent()
    yield alone("llama", HERE / "census.json")
    yield windowed()
    yield case("llama3, as transformers 4 spells it", Mesh(), **scaled(**SCALED))
    yield case("linear, as transformers 4 spells it", Mesh(), **scaled(**LINEAR))
    yield case("linear", Mesh(), rope_parameters={"rope_theta": 10000.0, **LINEAR, "factor": 1.0})
    yield case("the rules of a child, which has biases", Mesh(tp=2), HERE.parent / "llama_bias" / "census.json", biased, {"add_bias_linear": True})
    yield from refusals()
