"""Makes a small GPT-2 checkpoint: by transformers where it is installed, else by a writer of a few lines.

    python small_gpt2.py FOLDER
"""
import importlib.util
import json
import pathlib
import random
import struct
import sys

CONFIG = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 1003, "n_positions": 64, "n_embd": 48,
          "n_layer": 4, "n_head": 4, "n_inner": 160, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "bos_token_id": 0, "eos_token_id": 0}


def shapes(c):
    h, f = c["n_embd"], c["n_inner"]
    yield "transformer.wte.weight", [c["vocab_size"], h]
    yield "transformer.wpe.weight", [c["n_positions"], h]
    for l in range(c["n_layer"]):
        p = f"transformer.h.{l}."
        yield from [(p + "ln_1.weight", [h]), (p + "ln_1.bias", [h]), (p + "attn.c_attn.weight", [h, 3 * h]),
                    (p + "attn.c_attn.bias", [3 * h]), (p + "attn.c_proj.weight", [h, h]), (p + "attn.c_proj.bias", [h]),
                    (p + "ln_2.weight", [h]), (p + "ln_2.bias", [h]), (p + "mlp.c_fc.weight", [h, f]),
                    (p + "mlp.c_fc.bias", [f]), (p + "mlp.c_proj.weight", [f, h]), (p + "mlp.c_proj.bias", [h])]
    yield from [("transformer.ln_f.weight", [h]), ("transformer.ln_f.bias", [h])]


def write_plain(folder):
    numbers = random.Random(1)
    header, data = {"__metadata__": {"format": "pt"}}, bytearray()
    for name, shape in shapes(CONFIG):
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        begin = len(data)
        data += struct.pack(f"<{count}f", *(numbers.gauss(0, 0.02) for _ in range(count)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")


def write_transformers(folder):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.utils import logging
    logging.disable_progress_bar()
    torch.manual_seed(1)
    config = GPT2Config(**{k: v for k, v in CONFIG.items() if k not in ("model_type", "architectures")})
    GPT2LMHeadModel(config).save_pretrained(folder)


def make(folder):
    """Returns who wrote it."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    if importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"):
        write_transformers(folder)
        return "transformers"
    write_plain(folder)
    return "a plain writer (transformers is not installed)"


if __name__ == "__main__":
    print(make(sys.argv[1]))
