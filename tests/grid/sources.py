"""The checkpoints of the grid, and what their conversions must hold, computed by torch alone.

Sizes are odd where they may be, so that rows and columns are left over behind whole squares, and tensors of 2 to 3 MB take several tiles
and windows at the smaller budgets. Bits are drawn at random; the values are finite.
"""
import pathlib
import sys

import torch

FAMILIES = pathlib.Path(__file__).resolve().parent.parent / "families"
sys.path.insert(0, str(FAMILIES))
from bench import write_hf  # noqa: E402
from llama.golden import built as built_llama  # noqa: E402
from megatron import Mesh, over_ranks  # noqa: E402
from mixtral.golden import arguments_of, layer as sparse_layer  # noqa: E402

ROPE = {"rope_parameters": {"rope_theta": 10000.0}}
GPT2 = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 1003, "n_positions": 67, "n_embd": 258, "n_layer": 2, "n_head": 6,
        "n_inner": 2606, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 2003, "hidden_size": 390, "num_hidden_layers": 2,
         "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 65, "intermediate_size": 3142, "max_position_embeddings": 67,
         "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False, **ROPE}
MIXTRAL = {**LLAMA, "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "hidden_size": 186, "head_dim": 31, "intermediate_size": 694,
           "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None}


def drawn(shapes, dtype, seed):
    random = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=random, dtype=torch.float32).mul_(0.02).to(dtype) for name, shape in shapes.items()}


def gpt2():
    h, f = GPT2["n_embd"], GPT2["n_inner"]
    shapes = {"transformer.wte.weight": (GPT2["vocab_size"], h), "transformer.wpe.weight": (GPT2["n_positions"], h)}
    for l in range(GPT2["n_layer"]):
        p = f"transformer.h.{l}."
        for name, wide in ("attn.c_attn", (h, 3 * h)), ("attn.c_proj", (h, h)), ("mlp.c_fc", (h, f)), ("mlp.c_proj", (f, h)):
            shapes |= {p + name + ".weight": wide, p + name + ".bias": wide[1:]}
        shapes |= {p + norm + leaf: (h,) for norm in ("ln_1", "ln_2") for leaf in (".weight", ".bias")}
    shapes |= {"transformer.ln_f.weight": (h,), "transformer.ln_f.bias": (h,)}
    return drawn(shapes, torch.float32, 1)


def attention_shapes(config, l):
    h, wide = config["hidden_size"], config["num_attention_heads"] * config["head_dim"]
    narrow, a = config["num_key_value_heads"] * config["head_dim"], f"model.layers.{l}."
    return {a + "input_layernorm.weight": (h,), a + "post_attention_layernorm.weight": (h,), a + "self_attn.q_proj.weight": (wide, h),
            a + "self_attn.k_proj.weight": (narrow, h), a + "self_attn.v_proj.weight": (narrow, h), a + "self_attn.o_proj.weight": (h, wide)}


def decoder(config, mlp_shapes, seed):
    h, words = config["hidden_size"], config["vocab_size"]
    shapes = {"model.embed_tokens.weight": (words, h)}
    for l in range(config["num_hidden_layers"]):
        shapes |= attention_shapes(config, l) | {f"model.layers.{l}.{name}": shape for name, shape in mlp_shapes.items()}
    return drawn(shapes | {"model.norm.weight": (h,), "lm_head.weight": (words, h)}, torch.bfloat16, seed)


def llama():
    h, f = LLAMA["hidden_size"], LLAMA["intermediate_size"]
    return decoder(LLAMA, {"mlp.gate_proj.weight": (f, h), "mlp.up_proj.weight": (f, h), "mlp.down_proj.weight": (h, f)}, 2)


def mixtral():
    h, f, n = MIXTRAL["hidden_size"], MIXTRAL["intermediate_size"], MIXTRAL["num_local_experts"]
    return decoder(MIXTRAL, {"mlp.gate.weight": (n, h), "mlp.experts.gate_up_proj": (n, 2 * f, h), "mlp.experts.down_proj": (n, h, f)}, 3)


def separate(hf):
    """Each expert's matrices as tensors of their own, named as the release of the model names them."""
    made = {}
    for name, tensor in hf.items():
        at = name.replace(".mlp.gate.", ".block_sparse_moe.gate.")
        if ".mlp.experts." not in name:
            made[at] = tensor
            continue
        for e, one in enumerate(tensor):
            parts = zip(("w1", "w3"), one.chunk(2)) if "gate_up" in name else [("w2", one)]
            made |= {f"{name.split('.mlp.')[0]}.block_sparse_moe.experts.{e}.{part}.weight": piece for part, piece in parts}
    return made


def gpt2_ranks(hf, mesh):
    """Conv1D keeps [in, out]; Megatron wants [out, in], and rows of query, key and value head by head."""
    heads, head = GPT2["n_head"], GPT2["n_embd"] // GPT2["n_head"]

    def words(rank):
        return {"word_embeddings.weight": rank.words(hf["transformer.wte.weight"], 128)}

    def first(rank):
        return {f"embedding.{name}": t for name, t in (words(rank) | {"position_embeddings.weight": hf["transformer.wpe.weight"]}).items()}

    def by_heads(rows):
        return rows.reshape(3, heads, head, -1).transpose(0, 1).reshape(3 * heads * head, -1)

    def layer(rank, l):
        at = lambda name: hf[f"transformer.h.{l}.{name}"]  # noqa: E731
        found = {f"self_attention.linear_qkv.layer_norm_{leaf}": at(f"ln_1.{leaf}") for leaf in ("weight", "bias")}
        found |= {f"mlp.linear_fc1.layer_norm_{leaf}": at(f"ln_2.{leaf}") for leaf in ("weight", "bias")}
        return found | {
            "self_attention.linear_qkv.weight": rank.rows(by_heads(at("attn.c_attn.weight").T)),
            "self_attention.linear_qkv.bias": rank.rows(by_heads(at("attn.c_attn.bias")).flatten()),
            "self_attention.linear_proj.weight": rank.columns(at("attn.c_proj.weight").T), "self_attention.linear_proj.bias": at("attn.c_proj.bias"),
            "mlp.linear_fc1.weight": rank.rows(at("mlp.c_fc.weight").T), "mlp.linear_fc1.bias": rank.rows(at("mlp.c_fc.bias")),
            "mlp.linear_fc2.weight": rank.columns(at("mlp.c_proj.weight").T), "mlp.linear_fc2.bias": at("mlp.c_proj.bias")}

    def last(rank):
        found = {f"decoder.final_layernorm.{leaf}": hf[f"transformer.ln_f.{leaf}"] for leaf in ("weight", "bias")}
        return found | ({"output_layer.weight": words(rank)["word_embeddings.weight"]} if mesh.pp > 1 else {})

    return over_ranks(mesh, GPT2["n_layer"], first, layer, last)


def llama_ranks(hf, mesh):
    return built_llama("", mesh, hf, LLAMA).want


def mixtral_ranks(hf, mesh):
    return built_llama("", mesh, hf, MIXTRAL, sparse_layer, arguments_of(MIXTRAL)).want
