"""Index-valued goldens for every rule of gpt2.yaml: each element says where it came from, each place is computed by a formula
that knows nothing of boxes. Every size differs from every other, so that no transpose or swap can hide.
"""
import itertools
import pathlib

import torch
from bench import Case, census

H, N, D, F, L, P, V, DIV = 12, 6, 2, 10, 4, 7, 17, 4
CONFIG = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": V, "n_positions": P, "n_embd": H, "n_layer": L,
          "n_head": N, "n_inner": F, "activation_function": "gelu_new", "layer_norm_epsilon": 2e-5}


def hf_tensors(masks, F=F):
    """name -> tensor; the values count through all tensors, so each is unique and exact in f32."""
    shapes = {"transformer.wte.weight": (V, H), "transformer.wpe.weight": (P, H)}
    for l in range(L):
        p = f"transformer.h.{l}."
        shapes |= {p + "ln_1.weight": (H,), p + "ln_1.bias": (H,), p + "attn.c_attn.weight": (H, 3 * H), p + "attn.c_attn.bias": (3 * H,),
                   p + "attn.c_proj.weight": (H, H), p + "attn.c_proj.bias": (H,), p + "ln_2.weight": (H,), p + "ln_2.bias": (H,),
                   p + "mlp.c_fc.weight": (H, F), p + "mlp.c_fc.bias": (F,), p + "mlp.c_proj.weight": (F, H), p + "mlp.c_proj.bias": (H,)}
    shapes |= {"transformer.ln_f.weight": (H,), "transformer.ln_f.bias": (H,)}
    tensors, at = {}, 1
    for name, shape in shapes.items():
        count = torch.Size(shape).numel()
        tensors[name] = torch.arange(at, at + count, dtype=torch.float32).reshape(shape)
        at += count
    for l in range(L if masks else 0):
        tensors[f"transformer.h.{l}.attn.bias"] = torch.tensor([[[[float(j <= i) for j in range(P)] for i in range(P)]]])
        tensors[f"transformer.h.{l}.attn.masked_bias"] = torch.tensor(-10000.0)
    return tensors


def qkv_row(version, heads, head, c, e):
    """Row within a rank of element e of head `head` (counted on the rank) of query, key or value (c)."""
    if version >= 2.0:
        return (head * 3 + c) * D + e
    if version == 1.0:
        return (head * D + e) * 3 + c
    return (c * heads + head) * D + e


def expected(hf, version, tp, pp, t, s, F=F, DIV=DIV):
    """What rank (t, s) must hold, element by element."""
    heads, rows, stage = N // tp, F // tp, L // pp
    padded = -(-V // (DIV * tp)) * DIV * tp // tp
    want = {}

    def words():
        w = torch.zeros(padded, H)
        for i in range(padded):
            if t * padded + i < V:
                w[i] = hf["transformer.wte.weight"][t * padded + i]
        return w

    if s == 0:
        want["embedding.word_embeddings.weight"] = words()
        want["embedding.position_embeddings.weight"] = hf["transformer.wpe.weight"]
    for i in range(stage):
        a, b = f"transformer.h.{s * stage + i}.", f"decoder.layers.{i}."
        for leaf in ("weight", "bias"):
            want[b + f"self_attention.linear_qkv.layer_norm_{leaf}"] = hf[a + f"ln_1.{leaf}"]
            want[b + f"mlp.linear_fc1.layer_norm_{leaf}"] = hf[a + f"ln_2.{leaf}"]
        qkv, qkv_bias = torch.zeros(3 * H // tp, H), torch.zeros(3 * H // tp)
        for head, c, e in itertools.product(range(heads), range(3), range(D)):
            row, column = qkv_row(version, heads, head, c, e), (c * N + t * heads + head) * D + e
            qkv[row] = hf[a + "attn.c_attn.weight"][:, column]
            qkv_bias[row] = hf[a + "attn.c_attn.bias"][column]
        want[b + "self_attention.linear_qkv.weight"], want[b + "self_attention.linear_qkv.bias"] = qkv, qkv_bias
        proj, fc2 = torch.zeros(H, H // tp), torch.zeros(H, rows)
        for o in range(H):
            for j in range(H // tp):
                proj[o, j] = hf[a + "attn.c_proj.weight"][t * (H // tp) + j, o]
            for j in range(rows):
                fc2[o, j] = hf[a + "mlp.c_proj.weight"][t * rows + j, o]
        fc1 = torch.zeros(rows, H)
        for j in range(rows):
            fc1[j] = hf[a + "mlp.c_fc.weight"][:, t * rows + j]
        want[b + "self_attention.linear_proj.weight"], want[b + "self_attention.linear_proj.bias"] = proj, hf[a + "attn.c_proj.bias"]
        want[b + "mlp.linear_fc1.weight"], want[b + "mlp.linear_fc1.bias"] = fc1, hf[a + "mlp.c_fc.bias"][t * rows:(t + 1) * rows]
        want[b + "mlp.linear_fc2.weight"], want[b + "mlp.linear_fc2.bias"] = fc2, hf[a + "mlp.c_proj.bias"]
    if s == pp - 1:
        for leaf in ("weight", "bias"):
            want[f"decoder.final_layernorm.{leaf}"] = hf[f"transformer.ln_f.{leaf}"]
        if pp > 1:
            want["output_layer.weight"] = words()
    return want


LEGACY = [("decoder.layers.{l}.self_attention.linear_qkv.layer_norm_", "language_model.encoder.layers.{l}.input_layernorm."),
          ("decoder.layers.{l}.self_attention.linear_qkv.", "language_model.encoder.layers.{l}.self_attention.query_key_value."),
          ("decoder.layers.{l}.self_attention.linear_proj.", "language_model.encoder.layers.{l}.self_attention.dense."),
          ("decoder.layers.{l}.mlp.linear_fc1.layer_norm_", "language_model.encoder.layers.{l}.post_attention_layernorm."),
          ("decoder.layers.{l}.mlp.linear_fc1.", "language_model.encoder.layers.{l}.mlp.dense_h_to_4h."),
          ("decoder.layers.{l}.mlp.linear_fc2.", "language_model.encoder.layers.{l}.mlp.dense_4h_to_h."),
          ("decoder.final_layernorm.", "language_model.encoder.final_layernorm."), ("embedding.", "language_model.embedding."),
          ("output_layer.", "word_embeddings_for_head.")]
OLDER = {"legacy": ("encoder", "self_attention"), "legacy_attention": ("encoder", "attention"),
         "legacy_transformer": ("transformer", "self_attention"), "legacy_transformer_attention": ("transformer", "attention")}


def spelled(name, dialect):
    if dialect is None:
        return name
    for left, right in LEGACY:
        for l in range(L):
            if name.startswith(left.format(l=l)):
                layers, attention = OLDER[dialect]
                new = right.format(l=l) + name[len(left.format(l=l)):]
                return new.replace(".encoder.", f".{layers}.").replace(".self_attention.", f".{attention}.")
    raise AssertionError(name)


LEGACY = [("decoder.layers.{l}.self_attention.linear_qkv.layer_norm_", "language_model.encoder.layers.{l}.input_layernorm."),
          ("decoder.layers.{l}.self_attention.linear_qkv.", "language_model.encoder.layers.{l}.self_attention.query_key_value."),
          ("decoder.layers.{l}.self_attention.linear_proj.", "language_model.encoder.layers.{l}.self_attention.dense."),
          ("decoder.layers.{l}.mlp.linear_fc1.layer_norm_", "language_model.encoder.layers.{l}.post_attention_layernorm."),
          ("decoder.layers.{l}.mlp.linear_fc1.", "language_model.encoder.layers.{l}.mlp.dense_h_to_4h."),
          ("decoder.layers.{l}.mlp.linear_fc2.", "language_model.encoder.layers.{l}.mlp.dense_4h_to_h."),
          ("decoder.final_layernorm.", "language_model.encoder.final_layernorm."), ("embedding.", "language_model.embedding."),
          ("output_layer.", "word_embeddings_for_head.")]
LOCAL = [("decoder.layers.{l}.self_attention.linear_qkv.layer_norm_", "decoder.layers.{l}.input_layernorm."),
         ("decoder.layers.{l}.mlp.linear_fc1.layer_norm_", "decoder.layers.{l}.pre_mlp_layernorm.")]
OLDER = {"legacy": ("encoder", "self_attention"), "legacy_attention": ("encoder", "attention"),
         "legacy_transformer": ("transformer", "self_attention"), "legacy_transformer_attention": ("transformer", "attention")}


def spelled(name, dialect):
    for left, right in LEGACY if dialect in OLDER else LOCAL if dialect else ():
        for l in range(L):
            if name.startswith(left.format(l=l)):
                layers, attention = OLDER.get(dialect, ("encoder", "self_attention"))
                new = right.format(l=l) + name[len(left.format(l=l)):]
                return new.replace(".encoder.", f".{layers}.").replace(".self_attention.", f".{attention}.")
    assert dialect not in OLDER, name
    return name


def arguments(version, dialect, tp, config, DIV=DIV):
    """What Megatron's own arguments call this model."""
    legacy, activation = dialect in OLDER, config.get("activation_function", "gelu_new")
    padded = -(-V // (DIV * tp)) * DIV * tp
    names = ("orig_vocab_size", "layernorm_epsilon") if legacy else ("vocab_size", "norm_epsilon")
    return {"num_layers": L, "hidden_size": H, "num_attention_heads": N, "max_position_embeddings": P, "seq_length": P, "kv_channels": D,
            "ffn_hidden_size": config.get("n_inner") or 4 * H, names[0]: V, names[1]: config.get("layer_norm_epsilon", 1e-5),
            "bias_gelu_fusion": activation == ("gelu_fast" if legacy else "gelu_new"), "openai_gelu": legacy and activation == "gelu_new",
            "position_embedding_type": "learned_absolute", "normalization": "LayerNorm", "apply_layernorm_1p": False, "add_bias_linear": True,
            "swiglu": False, "squared_relu": False, "quick_geglu": False, "untie_embeddings_and_output_weights": False,
            "group_query_attention": False, "tokenizer_type": "GPT2BPETokenizer", "make_vocab_size_divisible_by": DIV,
            "checkpoint_version": version, "padded_vocab_size": padded}


def case(name, tp, pp, version=3.0, dialect=None, masks=None, head=False, bare=False, div=DIV, alone=False, **config):
    asked = {key: value for key, value in {**CONFIG, **config}.items() if value is not None}
    inner = asked.get("n_inner") or 4 * H
    hf = hf_tensors(masks, inner)
    want = {}
    for t, s in itertools.product(range(tp), range(pp)):
        folder = f"mp_rank_{t:02d}" + (f"_{s:03d}" if pp > 1 else "")
        want[folder] = {spelled(key, dialect): tensor for key, tensor in expected(hf, version, tp, pp, t, s, inner, div).items()}
    args = arguments(version, dialect, tp, asked, div)
    there = ["--tp", tp, "--pp", pp, "--set", f"checkpoint_version={version}"]
    there += ["--set", f"make_vocab_size_divisible_by={div}"] if div != 128 else []
    there += ["--dialect", dialect] if dialect else []
    lost, back = ["lm_head.weight"], []
    if head:
        hf["lm_head.weight"] = hf["transformer.wte.weight"]
    if bare:
        hf = {key.removeprefix("transformer."): tensor for key, tensor in hf.items()}
        back += ["--dialect", "gpt2_bare"]
    if masks == "ignored":
        there += ["--set", "causal_masks=absent"]
        lost += [".attn.bias", ".attn.masked_bias"]
    elif masks:
        back += ["--set", "causal_masks=present"]
    returned = {**asked, "tie_word_embeddings": True, "layer_norm_epsilon": asked.get("layer_norm_epsilon", 1e-5)}
    return Case(name, hf, asked, there, want, args, back, returned, tuple(lost), alone=alone)


def with_head(refused=None):
    """One stage, as old software wrote it: the output layer's copy of the embedding is there too, or something else in its place."""
    one = case("one stage, with a copy for the head" + (", which differs" if refused else ""), 1, 1, 2.0, "legacy")
    words = one.want["mp_rank_00"]["language_model.embedding.word_embeddings.weight"]
    one.add = {"mp_rank_00": {"word_embeddings_for_head": {"weight": words + 1 if refused else words}}}
    one.refused = refused
    return one


def cases():
    yield census(pathlib.Path(__file__).with_name("census.json"), ["--tp", 2, "--pp", 3])
    yield case("plain", 1, 1)
    yield case("tensor parallel", 2, 1)
    yield case("pipeline parallel, with lm_head", 1, 2, head=True)
    yield case("both", 2, 2)
    for version, dialect in itertools.product([0.0, 1.0, 2.0, 3.0], OLDER):
        yield case(f"{dialect}, version {version}", 2, 2, version, dialect)
    yield case("one stage, as it was of old", 1, 1, 1.0, "legacy_transformer_attention")
    yield with_head()
    yield with_head("X01")
    yield case("local modules", 2, 1, dialect="mcore_local")
    yield case("masks are carried", 2, 1, masks="carried")
    yield case("masks are carried, of old", 1, 2, 1.0, "legacy", masks="carried")
    yield case("masks are left out", 2, 1, masks="ignored")
    yield case("without prefix", 2, 1, bare=True)
    yield case("gelu", 1, 1, activation_function="gelu")
    yield case("gelu_fast, of old", 1, 1, 2.0, "legacy", activation_function="gelu_fast")
    yield case("gelu, of old", 1, 1, 2.0, "legacy", activation_function="gelu")
    yield case("what a silent config.json means", 2, 1, n_inner=None, layer_norm_epsilon=None, activation_function=None)
    yield case("the usual padding", 1, 1, div=128)
    yield case("back without a config.json beside", 2, 1, alone=True)
    refused = {"scaled by layer": {"scale_attn_by_inverse_layer_idx": True}, "not scaled": {"scale_attn_weights": False},
               "not tied": {"tie_word_embeddings": False}, "another activation": {"activation_function": "relu"}}
    for name, change in refused.items():
        yield Case(name, hf_tensors(None), {**CONFIG, **change}, [], refused="B03")
