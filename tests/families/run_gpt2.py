"""Index-valued goldens for every rule of gpt2.yaml: each element says where it came from, each place is computed by a formula
that knows nothing of boxes.

    python run_gpt2.py build/release

Needs torch. Every size differs from every other, so that no transpose or swap can hide.
"""
import itertools
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import torch

H, N, D, F, L, P, V, DIV = 12, 6, 2, 10, 4, 7, 21, 4
CONFIG = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": V, "n_positions": P, "n_embd": H, "n_layer": L,
          "n_head": N, "n_inner": F, "activation_function": "gelu_new", "layer_norm_epsilon": 2e-5}


def hf_tensors(masks):
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


def write_hf(folder, tensors):
    folder.mkdir()
    header, data = {"__metadata__": {"format": "pt"}}, bytearray()
    for name, tensor in tensors.items():
        begin = len(data)
        data += tensor.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps(CONFIG))


def read_hf(folder):
    blob = (folder / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", blob[:8])[0]
    header, data = json.loads(blob[8:8 + size]), blob[8 + size:]
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(bytearray(data[e["data_offsets"][0]:e["data_offsets"][1]]), dtype=torch.float32).reshape(e["shape"])
            for name, e in header.items()}


def qkv_row(version, heads, head, c, e):
    """Row within a rank of element e of head `head` (counted on the rank) of query, key or value (c)."""
    if version >= 2.0:
        return (head * 3 + c) * D + e
    if version == 1.0:
        return (head * D + e) * 3 + c
    return (c * heads + head) * D + e


def expected(hf, version, tp, pp, t, s):
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


def flat(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, prefix + str(key) + ".")
        elif isinstance(value, torch.Tensor):
            yield prefix + str(key), value


def run(program, *words):
    done = subprocess.run([program, "convert", "--quiet", *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"convert {' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr}")


def same(want, got, what):
    assert want.keys() == got.keys(), f"{what}: {sorted(want.keys() ^ got.keys())}"
    for name in want:
        assert want[name].shape == got[name].shape and torch.equal(want[name], got[name]), f"{what}: {name}"


def check(program, work, masks, version, dialect, tp, pp):
    hf = hf_tensors(masks)
    write_hf(work / "hf", hf)
    options = ["--rules", "gpt2", "--tp", tp, "--pp", pp, "--set", f"make_vocab_size_divisible_by={DIV}", "--set", f"checkpoint_version={version}"]
    run(program, work / "hf", work / "mc", *options, *(["--dialect", dialect] if dialect else []))
    for t, s in itertools.product(range(tp), range(pp)):
        folder = f"mp_rank_{t:02d}" + (f"_{s:03d}" if pp > 1 else "")
        file = torch.load(work / "mc" / "release" / folder / "model_optim_rng.pt", weights_only=False)
        assert file["checkpoint_version"] == version
        want = {spelled(name, dialect): tensor for name, tensor in expected(hf, version, tp, pp, t, s).items()}
        same(want, dict(flat(file["model"])), folder)
    extra = ["--set", "causal_masks=present"] if masks else []
    run(program, work / "mc", work / "back", "--rules", "gpt2", "--to", "hf", *extra)
    same(hf, read_hf(work / "back"), "back")
    config = json.loads((work / "back" / "config.json").read_text())
    assert all(config[key] == value for key, value in CONFIG.items()), config


def cases():
    for tp, pp in [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2)]:
        if F % tp == 0:
            yield False, 3.0, None, tp, pp
    for version, dialect in itertools.product([0.0, 1.0, 2.0, 3.0], OLDER):
        yield False, version, dialect, 2, 2
    yield True, 3.0, None, 2, 1
    yield True, 1.0, "legacy", 1, 2


def main():
    program = str(pathlib.Path(sys.argv[1]) / "tessera")
    passed = failed = 0
    for case in cases():
        with tempfile.TemporaryDirectory() as work:
            try:
                check(program, pathlib.Path(work), *case)
                passed += 1
            except AssertionError as reason:
                failed += 1
                print(f"masks, version, dialect, tp, pp = {case}: {reason}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
