"""Plans at the size of the field: how long and how much memory, from headers alone. Not part of the tests; a few minutes.

    python tests/bench/plans.py build/release --work DIR [--only NAME,...] [--json FILE]

Makes the headers of large checkpoints as sparse files (a few MiB on the disk, whatever they claim), plans them to one place and to
TP 8 x PP 16 x EP 32, and prints seconds, peak memory, bytes read, and what the program says of the graph's cost. Wants Linux and strace.
"""
import argparse
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys


def linear(prefix, rows, columns):
    return [(f"{prefix}.weight", "BF16", [rows, columns])]


def fp8(prefix, rows, columns):
    return [(f"{prefix}.weight", "F8_E4M3", [rows, columns]),
            (f"{prefix}.weight_scale_inv", "F32", [-(-rows // 128), -(-columns // 128)])]


def llama(layers, h, f, heads, kv, vocab):
    config = dict(model_type="llama", architectures=["LlamaForCausalLM"], hidden_size=h, intermediate_size=f, num_attention_heads=heads, num_key_value_heads=kv,
                  num_hidden_layers=layers, vocab_size=vocab, max_position_embeddings=131072, rms_norm_eps=1e-5, rope_theta=500000.0, hidden_act="silu", attention_bias=False,
                  mlp_bias=False, tie_word_embeddings=False, torch_dtype="bfloat16")
    d = h // heads
    tensors = linear("model.embed_tokens", vocab, h)
    for i in range(layers):
        at = f"model.layers.{i}"
        for name, rows, columns in [("self_attn.q_proj", h, h), ("self_attn.k_proj", kv * d, h), ("self_attn.v_proj", kv * d, h), ("self_attn.o_proj", h, h),
                                    ("mlp.gate_proj", f, h), ("mlp.up_proj", f, h), ("mlp.down_proj", h, f)]:
            tensors += linear(f"{at}.{name}", rows, columns)
        tensors += [(f"{at}.{name}.weight", "BF16", [h]) for name in ("input_layernorm", "post_attention_layernorm")]
    return config, tensors + [("model.norm.weight", "BF16", [h])] + linear("lm_head", vocab, h)


def deepseek(layers, experts, dense, heads, vocab, groups, make):
    h, f, wide, q, kv, nope, rope, v = 7168, 2048, 18432, 1536, 512, 128, 64, 128
    config = dict(model_type="deepseek_v3", architectures=["DeepseekV3ForCausalLM"], hidden_size=h, intermediate_size=wide, moe_intermediate_size=f, num_attention_heads=heads,
                  num_key_value_heads=heads, num_hidden_layers=layers, vocab_size=vocab, n_routed_experts=experts, n_shared_experts=1, num_experts_per_tok=8, first_k_dense_replace=dense,
                  moe_layer_freq=1, n_group=groups, topk_group=max(1, groups // 2), topk_method="noaux_tc", scoring_func="sigmoid", norm_topk_prob=True, routed_scaling_factor=2.5,
                  q_lora_rank=q, kv_lora_rank=kv, qk_nope_head_dim=nope, qk_rope_head_dim=rope, v_head_dim=v, max_position_embeddings=4096, rms_norm_eps=1e-6, rope_theta=10000.0,
                  hidden_act="silu", attention_bias=False, tie_word_embeddings=False, num_nextn_predict_layers=0, torch_dtype="bfloat16")
    if make is fp8:
        config["quantization_config"] = dict(activation_scheme="dynamic", fmt="e4m3", quant_method="fp8", weight_block_size=[128, 128])
    tensors = linear("model.embed_tokens", vocab, h)
    mlp = lambda at, width: make(f"{at}.gate_proj", width, h) + make(f"{at}.up_proj", width, h) + make(f"{at}.down_proj", h, width)
    for i in range(layers):
        at = f"model.layers.{i}"
        tensors += (make(f"{at}.self_attn.q_a_proj", q, h) + make(f"{at}.self_attn.q_b_proj", heads * (nope + rope), q) + make(f"{at}.self_attn.kv_a_proj_with_mqa", kv + rope, h) +
                    make(f"{at}.self_attn.kv_b_proj", heads * (nope + v), kv) + make(f"{at}.self_attn.o_proj", h, heads * v))
        tensors += [(f"{at}.self_attn.{n}_a_layernorm.weight", "BF16", [w]) for n, w in (("q", q), ("kv", kv))]
        tensors += [(f"{at}.{n}.weight", "BF16", [h]) for n in ("input_layernorm", "post_attention_layernorm")]
        if i < dense:
            tensors += mlp(f"{at}.mlp", wide)
            continue
        tensors += linear(f"{at}.mlp.gate", experts, h) + [(f"{at}.mlp.gate.e_score_correction_bias", "F32", [experts])] + mlp(f"{at}.mlp.shared_experts", f)
        for e in range(experts):
            tensors += mlp(f"{at}.mlp.experts.{e}", f)
    return config, tensors + [("model.norm.weight", "BF16", [h])] + linear("lm_head", vocab, h)


# name: (configuration and tensors, shards, options of the large mesh)
def stages(layers):
    few, more = divmod(layers, 16)
    return ",".join(str(few + (i < more)) for i in range(16))


BIG = ["--tp", "8", "--pp", "16", "--ep", "32"]
MODELS = {
    "many": (lambda: llama(11200, 1024, 2816, 16, 4, 16000), 200, ["--tp", "4", "--pp", "8"]),
    "llama_405b": (lambda: llama(126, 16384, 53248, 128, 8, 128256), 191, ["--tp", "8", "--pp", "16", "--place", "pp=" + stages(126)]),
    "deepseek_v3_bf16": (lambda: deepseek(61, 256, 3, 128, 129280, 8, linear), 163, BIG + ["--place", "pp=" + stages(61)]),
    "deepseek_v3_fp8": (lambda: deepseek(61, 256, 3, 128, 129280, 8, fp8), 163, BIG + ["--place", "pp=" + stages(61)]),
    "kimi_k2_fp8": (lambda: deepseek(61, 384, 1, 64, 163840, 1, fp8), 61, BIG + ["--place", "pp=" + stages(61)]),
}
BYTES = {"BF16": 2, "F32": 4, "F8_E4M3": 1}


def write_shard(path, tensors):
    header, at = {}, 0
    for name, dtype, shape in tensors:
        size = BYTES[dtype]
        for extent in shape:
            size *= extent
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    return at


def make(folder, config, tensors, shards):
    """Shards of equal numbers of tensors. Returns the bytes that the tensors claim."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    total, places, each = 0, {}, -(-len(tensors) // shards)
    for i in range(shards):
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = tensors[i * each:(i + 1) * each]
        total += write_shard(folder / file, part)
        places.update((name, file) for name, *_ in part)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}))
    return total


def measure(command):
    """(seconds, MiB, output)"""
    # A child of its own, so that its peak is not hidden by an earlier one's.
    text = subprocess.run([sys.executable, "-c", CHILD, *map(str, command)], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = json.loads(text)
    no_room = found["rc"] == 3 and "bytes are needed" in found["out"]  # a dry run says so at its end
    if found["rc"] != 0 and not no_room:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {found['rc']}\n{found['out'][-2000:]}")
    return found["seconds"], found["peak"] / 1024, found["out"]


# What it prints goes to a file: reading and decoding it is not the program's time.
CHILD = """
import json, resource, subprocess, sys, tempfile, time
with tempfile.TemporaryFile() as out:
    start = time.monotonic()
    rc = subprocess.call(sys.argv[1:], stdout=out, stderr=subprocess.STDOUT)
    seconds = time.monotonic() - start
    out.seek(0)
    text = out.read().decode()
print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, "rc": rc, "out": text[:2000] + text[-20000:]}))
"""


def bytes_read(command):
    trace = subprocess.run(["strace", "-f", "-qq", "-e", "trace=read,pread64,preadv,preadv2", "-e", "signal=none", *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return sum(int(n) for n in re.findall(r" = (\d+)$", trace.stderr, re.M))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    asked = parser.parse_args()
    program, rows = asked.build.resolve() / "tessera", []
    for name, (model, shards, mesh) in MODELS.items():
        if asked.only and name not in asked.only.split(","):
            continue
        folder = asked.work / name
        config, tensors = model()
        shutil.rmtree(folder, ignore_errors=True)
        total = make(folder, config, tensors, shards)
        missing = asked.work / "not-there"
        for title, command in [(name, ["plan", folder]), (f"{name}, dry run, {' '.join(mesh)}", ["convert", "--dry-run", folder, missing, *mesh])]:
            runs = [measure([program, *command]) for _ in range(asked.rounds)]
            seconds, peak = min(r[0] for r in runs), max(r[1] for r in runs)
            share = bytes_read([program, *command]) / total if title == name and shutil.which("strace") else None
            cost = next((line.strip() for line in runs[0][2].splitlines() if "requests" in line), "")
            rows.append(dict(title=title, tensors=len(tensors), claimed=total, seconds=seconds, mib=peak, share=share, cost=cost))
            print(f"{title}: {len(tensors)} tensors, {total / 1e9:.0f} GB: {seconds:.2f} s, {peak:.0f} MiB" + (f", read {share:.5%} of the bytes" if share is not None else "") + (f"; {cost}" if cost else ""), flush=True)
        shutil.rmtree(folder)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
