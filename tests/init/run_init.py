"""`tessera init`: drafts from small checkpoints pass `check`, say what is guessed, and with a second checkpoint convert bit for bit.

    python run_init.py build/release

Checkpoints are written by a few lines of plain Python; every element says where it came from.
"""
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
import small_gpt2  # noqa: E402

SIZES = {"F32": 4, "BF16": 2, "I64": 8, "F8_E4M3": 1}
H, F, V, N, G, D, E, M = 24, 44, 100, 6, 2, 4, 3, 12
CONFIG = {"model_type": "herd", "architectures": ["HerdForCausalLM"], "hidden_size": H, "intermediate_size": F, "vocab_size": V,
          "num_attention_heads": N, "num_key_value_heads": G, "num_hidden_layers": 6, "rms_norm_eps": 1e-5, "eos_token_id": 2}


def write(folder, tensors, config=None):
    """tensors: name -> shape, or (dtype, shape). Values count through all tensors."""
    folder.mkdir(parents=True)
    header, data, at = {}, bytearray(), 0
    for name, what in tensors.items():
        dtype, shape = what if what and isinstance(what[0], str) else ("F32", what)
        count = 1
        for size in shape:
            count *= size
        blob = struct.pack(f"<{count}f", *range(at, at + count)) if dtype == "F32" else bytes(count * SIZES[dtype])
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(blob)]}
        data += blob
        at += count
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True))
    return folder


def herd(layers=6, moe=()):
    """A decoder like many: `moe` says which layers have experts."""
    t = {"lm_head.weight": (V, H), "model.embed_tokens.weight": (V, H)}
    for l in range(layers):
        p = f"herd.layers.{l}."
        t[p + "input_layernorm.weight"] = (H,)
        kinds = [f"mlp.experts.{e}." for e in range(E)] if l in moe else ["mlp."]
        if l in moe:
            t[p + "mlp.gate.weight"] = (E, H)
        for kind in kinds:
            f = M if l in moe else F
            t |= {p + kind + "down_proj.weight": (H, f), p + kind + "gate_proj.weight": (f, H), p + kind + "up_proj.weight": (f, H)}
        t |= {p + "post_attention_layernorm.weight": (H,), p + "self_attn.k_proj.weight": (G * D, H), p + "self_attn.o_proj.weight": (H, N * D),
              p + "self_attn.q_proj.weight": (N * D, H), p + "self_attn.v_proj.weight": (G * D, H)}
    return t | {"model.norm.weight": (H,)}


# The other side of herd() as its author would write it: the witness of what `init` pairs. Plain joins, one transpose,
# experts in one tensor.
TRUTH = """
rules: 1
family: truth
match: { model_type: herd }
config: { hidden_size: hidden_size, intermediate_size: ffn_hidden_size, vocab_size: vocab_size, num_hidden_layers: num_layers,
          num_attention_heads: num_attention_heads, num_key_value_heads: num_query_groups, num_experts: num_experts, width: width }
axes: { l: num_hidden_layers, v: vocab_size, h: hidden_size, f: intermediate_size, q: hidden_size, k: num_key_value_heads * 4,
        e: num_experts, x: num_experts, m: width }
blocks:
  top:
    head:  { hf: lm_head.weight  v h, mcore: output_layer.weight  v h }
    words: { hf: model.embed_tokens.weight  v h, mcore: embedding.word_embeddings.weight  v h }
    norm:  { hf: model.norm.weight  h, mcore: decoder.final_layernorm.weight  h }
  layer:
    norm1: { hf: input_layernorm.weight  h, mcore: input_norm.weight  h }
    norm2: { hf: post_attention_layernorm.weight  h, mcore: post_attention_norm.weight  h }
    qkv:
      hf: { q: self_attn.q_proj.weight  q h, k: self_attn.k_proj.weight  k h, v: self_attn.v_proj.weight  k h }
      mcore: self_attention.linear_qkv.weight  q+k+v h
    proj:  { hf: self_attn.o_proj.weight  h q, mcore: self_attention.linear_proj.weight  h q }
  dense:
    fc1:
      hf: { gate: mlp.gate_proj.weight  f h, up: mlp.up_proj.weight  f h }
      mcore: mlp.linear_gate_up.weight  gate+up h
    down:  { hf: mlp.down_proj.weight  h f, mcore: mlp.linear_fc2.weight  f h }
  moe:
    router: { hf: mlp.gate.weight  x h, mcore: mlp.router.weight  x h }
    gate:   { hf: mlp.experts.<e>.gate_proj.weight  m h, mcore: mlp.experts.gate_proj  e m h }
    up:     { hf: mlp.experts.<e>.up_proj.weight  m h, mcore: mlp.experts.up_proj  e m h }
    down:   { hf: mlp.experts.<e>.down_proj.weight  h m, mcore: mlp.experts.down_proj  e h m }
model:
  - { use: top }
  - { use: layer, hf: herd.layers.<l>, mcore: decoder.layers.<l>, for: l in 0..num_hidden_layers }
  - { use: dense, hf: herd.layers.<l>, mcore: decoder.layers.<l>, for: l in 0..1 }
  - { use: moe, hf: herd.layers.<l>, mcore: decoder.layers.<l>, for: l in 1..num_hidden_layers }
"""

# A family that is there: herd() without experts.
PARENT = """
rules: 1
family: parent
match: { model_type: parent }
config: { hidden_size: hidden_size, intermediate_size: ffn_hidden_size, vocab_size: vocab_size, num_hidden_layers: num_layers,
          num_key_value_heads: num_query_groups, num_attention_heads: num_attention_heads, rms_norm_eps: norm_epsilon }
defaults: { head_dim: hidden_size // num_attention_heads }
fixed: { hf: { model_type: parent } }
axes:
  l: { size: num_hidden_layers, split: pp }
  v: { size: vocab_size, split: tp }
  h: hidden_size
  g: { size: num_key_value_heads, split: tp }
  r: num_attention_heads // num_key_value_heads
  d: head_dim
  f: { size: intermediate_size, split: tp }
blocks:
  top:
    head:  { hf: lm_head.weight  v h, mcore: output_layer.weight  v h }
    words: { hf: model.embed_tokens.weight  v h, mcore: embedding.word_embeddings.weight  v h }
    norm:  { hf: model.norm.weight  h, mcore: decoder.final_layernorm.weight  h }
  attention:
    norm1: { hf: input_layernorm.weight  h, mcore: self_attention.linear_qkv.layer_norm_weight  h }
    qkv:
      hf: { q: self_attn.q_proj.weight  (g r d) h, k: self_attn.k_proj.weight  (g d) h, v: self_attn.v_proj.weight  (g d) h }
      mcore: self_attention.linear_qkv.weight  (g q+k+v d) h
      in: h
    proj:  { hf: self_attn.o_proj.weight  h (g r d), mcore: self_attention.linear_proj.weight  h (g r d), in: g r d }
    norm2: { hf: post_attention_layernorm.weight  h, mcore: pre_mlp_layernorm.weight  h }
  mlp:
    fc1:
      hf: { gate: mlp.gate_proj.weight  f h, up: mlp.up_proj.weight  f h }
      mcore: mlp.linear_fc1.weight  (gate+up f) h
      in: h
    fc2:   { hf: mlp.down_proj.weight  h f, mcore: mlp.linear_fc2.weight  h f, in: f }
model:
  - { use: top }
  - { use: [attention, mlp], hf: herd.layers.<l>, mcore: decoder.layers.<l>, for: l in 0..num_hidden_layers }
"""


class Bench:
    def __init__(self, program, work):
        self.program, self.work = program, work
        self.rules = work / "rules"
        self.rules.mkdir()

    def tessera(self, *words, status=0):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == status, f"exit {done.returncode}, not {status}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def init(self, *words, status=0):
        return self.tessera("init", "--rules-dir", self.rules, *words, status=status)

    def draft(self, *words, status=0):
        """The text, and what was said; `check` alone agrees with what init said."""
        path = self.work / "draft.yaml"
        path.unlink(missing_ok=True)
        said = self.init(*words, "-o", path, status=status).stderr
        text = path.read_text()
        assert text.startswith("# yaml-language-server: $schema="), text[:200]
        assert all(len(line) <= 120 for line in text.splitlines()), "a line is longer than 120 columns"
        if status == 0:
            self.tessera("--rules-dir", self.rules, "check", path)
        return path, text, said

    def tensors(self, folder):
        found = json.loads(self.tessera("inspect", "--json", "--hash", folder).stdout)["tensors"]
        return {t["name"]: (t["dtype"], t["shape"], t["sha256"]) for t in found}

    def convert(self, source, rules, *words):
        target = self.work / f"out{len(list(self.work.iterdir()))}"
        self.tessera("--rules-dir", self.rules, "convert", source, target, "--rules", rules, *words)
        return target

    def there_and_back(self, source, rules):
        back = self.convert(self.convert(source, rules, "--to", "mcore"), rules, "--to", "hf")
        assert self.tensors(back) == self.tensors(source), "there and back changes something"


def has(text, *wanted):
    for want in wanted:
        assert re.search(want, text), f"no `{want}` in:\n{text}"


# --- what names and sizes become ------------------------------------------------------------------------------------------

def test_plain_decoder(b):
    hf = write(b.work / "hf", herd(), CONFIG)
    rules, text, _ = b.draft("--plain", hf)
    has(text, r"family: herd\n", r"match:\n  model_type: herd\n", r"# guess: num_hidden_layers or num_attention_heads; numbers behind herd.layers.\n  l: \{ size: num_hidden_layers, split: pp \}",
        r"hf: herd.layers.<l>, mcore: herd.layers.<l>, for: l in 0..num_hidden_layers", r"h: hidden_size +# guess",
        r"vocab_size +# guess", r"down_proj: +\{ hf: mlp.down_proj.weight  h i,",
        r"dimensions of one size, which could be swapped\n +o_proj: .*h2 h,", r"h2: hidden_size +# guess: as large as h")
    assert text == b.init("--plain", hf).stdout, "two runs differ"
    b.there_and_back(hf, rules)


def test_products_of_keys(b):
    config = dict(CONFIG, head_dim=5)
    t = {f"layers.{l}.{n}.weight": s for l in range(6) for n, s in
         {"q": (N * 5, H), "k": (G * 5, H), "three": (3 * H, H), "odd": (77, H)}.items()}
    _, text, _ = b.draft("--plain", write(b.work / "hf", t, config))
    has(text, r"q: +\{ hf: q.weight  \(\w \w\) h,", r"head_dim +# guess", r"num_attention_heads +# guess", r"\w: 3 \* hidden_size\n",
        r"\w: 77\n")


def test_quotient_where_a_key_is_silent(b):
    _, text, _ = b.draft("--plain", write(b.work / "hf", herd(), CONFIG))
    has(text, r"k_proj: +\{ hf: self_attn.k_proj.weight  \(\w \w\) h", r"\w: hidden_size // num_attention_heads +# guess",
        r"\w: num_key_value_heads +# guess")
    assert "eos_token_id" not in text.split("blocks:")[0], "an id is no size"


def test_ties_are_told(b):
    _, text, _ = b.draft("--plain", write(b.work / "hf", herd(), dict(CONFIG, n_embd=H)))
    has(text, r"hidden_size +# guess: hidden_size or n_embd")


def test_experts(b):
    config = dict(CONFIG, num_experts=E, width=M)
    hf = write(b.work / "hf", herd(moe=range(1, 6)), config)
    rules, text, _ = b.draft("--plain", hf)
    has(text, r"e: +(\{ size: )?num_experts", r"mlp.experts.<e>.gate_proj.weight", r"for: l in 0..1 \}", r"for: l in 1..num_hidden_layers",
        r"mlp.gate.weight  (?!e)\w h")
    b.there_and_back(hf, rules)


def test_a_key_for_the_first_layers(b):
    config = dict(CONFIG, num_experts=E, width=M, first_dense=5)
    _, text, _ = b.draft("--plain", write(b.work / "hf", herd(moe=[5]), config))
    has(text, r"for: l in 0..5 \} +# at 0..4; 5 could be first_dense", r"for: l in 5..num_hidden_layers")


def test_every_third(b):
    hf = write(b.work / "hf", herd(layers=9, moe=[2, 5, 8]), dict(CONFIG, num_hidden_layers=9, num_experts=E, width=M))
    rules, text, _ = b.draft("--plain", hf)
    has(text, r"for: l in 0..num_hidden_layers where l % 3 == 2", r"for: l in 0..num_hidden_layers where l % 3 != 2", r"# at 2, 5, 8")
    b.there_and_back(hf, rules)


def test_lists_of_the_configuration(b):
    kinds = ["moe" if l in (0, 1, 4) else "dense" for l in range(6)]
    hf = write(b.work / "a", herd(moe=[0, 1, 4]), dict(CONFIG, num_experts=E, width=M, layer_kinds=kinds))
    rules, text, _ = b.draft("--plain", hf)
    has(text, r"""for: 'l in 0..num_hidden_layers where layer_kinds\[l\] == "moe"'""", r'layer_kinds\[l\] == "dense"', r"layer_kinds: layer_kinds")
    b.there_and_back(hf, rules)
    hf = write(b.work / "b", herd(moe=[0, 1, 4]), dict(CONFIG, num_experts=E, width=M, dense_layers=[2, 3, 5]))
    _, text, _ = b.draft("--plain", hf)
    has(text, r"where l in dense_layers", r"where l not in dense_layers")


def test_runs_of_layers(b):
    hf = write(b.work / "hf", herd(moe=[0, 1, 4]), dict(CONFIG, num_experts=E, width=M))
    rules, text, _ = b.draft("--plain", hf)
    has(text, r"for: l in 0..2 \}", r"for: l in 4..5 \}", r"for: l in 5..num_hidden_layers")
    b.there_and_back(hf, rules)


def test_glued_and_repeated_numbers(b):
    t = {f"layers.{l}.fc.weight{e}": (5, 7) for l in range(3) for e in range(4)}
    t |= {f"layers.{l}.w{k}.weight": (5, 7) for l in range(3) for k in (1, 2, 3)}
    t |= {f"twice.{l}.block.{l}.x": (7,) for l in range(4)}
    hf = write(b.work / "hf", t)
    rules, text, _ = b.draft("--plain", hf)
    has(text, r"fc.weight<e>", r" w1.weight", r"twice.<(\w)>, mcore: twice.<\1>", r" w3.weight", r"block.<(\w)>.x", r"\w: \{ size: 3, split: pp \}")
    b.there_and_back(hf, rules)


def test_without_configuration(b):
    hf = write(b.work / "hf", herd())
    rules, text, _ = b.draft("--plain", hf)
    has(text, r"family: hf\n", r"\w: 24\n", r"for: l in 0..6")
    b.there_and_back(hf, rules)
    (b.work / "config.json").write_text(json.dumps(CONFIG))
    has(b.draft("--plain", hf, "--config", b.work / "config.json", "--family", "mine")[1], r"family: mine\n", r"h: hidden_size")


# --- what is there already ------------------------------------------------------------------------------------------------

def test_nothing_to_do(b):
    hf = b.work / "hf"
    hf.mkdir()
    small_gpt2.write_plain(hf)
    done = b.init(hf)
    assert done.stdout == "", done.stdout
    has(done.stderr, r"gpt2.yaml already fits all 52 names; no new file is needed")


def test_nearly_a_family_that_is_there(b):
    hf = b.work / "hf"
    hf.mkdir()
    small_gpt2.write_plain(hf)
    config = json.loads((hf / "config.json").read_text()) | {"model_type": "gpt2_twin", "architectures": ["Twin"]}
    (hf / "config.json").write_text(json.dumps(config))
    rules, text, said = b.draft(hf)
    has(said, r"gpt2.yaml explains 52 of 52 names; the draft extends it")
    has(text, r"extends: gpt2\n", r"model_type: gpt2_twin")
    assert "blocks:" not in text and "axes:" not in text, text
    b.there_and_back(hf, rules)


def test_extends_with_experts(b):
    (b.rules / "parent.yaml").write_text(PARENT)
    hf = write(b.work / "hf", herd(moe=range(1, 6)), dict(CONFIG, num_experts=E, width=M))
    rules, text, said = b.draft(hf)
    has(text, r"extends: parent\n", r"use: attention, hf: herd.layers.<l>, mcore: decoder.layers.<l>, for: l in 0..num_hidden_layers",
        r"use: mlp, .*for: l in 0..1", r"mlp.experts.<e>.gate_proj.weight  \w h", r"mcore: decoder.layers.<l>, for: l in 1..num_hidden_layers")
    assert "q_proj" not in text, text
    b.there_and_back(hf, rules)
    out = b.tensors(b.convert(hf, rules, "--to", "mcore"))
    assert "mp_rank_00:decoder.layers.5.mlp.experts.2.gate_proj.weight" in out, sorted(out)


def test_a_block_that_would_clash_is_left_out(b):
    """The parent's dense layers are a list of the configuration, here empty: nothing would prove its rules apart from ours."""
    b.rules.joinpath("parent.yaml").write_text(
        PARENT.replace("defaults: {", "defaults: { dense: '[]', ").replace("[attention, mlp]", "attention") +
        "  - { use: mlp, hf: herd.layers.<l>, mcore: decoder.layers.<l>, for: l in 0..num_hidden_layers where l in dense }\n")
    hf = write(b.work / "hf", herd(), CONFIG)
    rules, text, _ = b.draft(hf)
    has(text, r"extends: parent\n", r"\n  mlp: ~\n", r"gate_proj: +\{ hf: mlp.gate_proj.weight  f h", r"mcore: decoder.layers.<l>, for: l in 0..num_hidden_layers \}")
    b.there_and_back(hf, rules)


def test_extends_and_deletes(b):
    (b.rules / "parent.yaml").write_text(PARENT)
    t = {n.replace("post_attention_layernorm", "second_norm"): s for n, s in herd().items()}
    rules, text, _ = b.draft(write(b.work / "hf", t, CONFIG))
    has(text, r"attention:\n    norm2: ~\n", r"second_norm:? +\{ hf: second_norm.weight  h, +mcore: second_norm.weight  h \}")


# --- with the other side --------------------------------------------------------------------------------------------------

def test_pairs_convert_bit_for_bit(b):
    config = dict(CONFIG, num_experts=E, width=M)
    hf = write(b.work / "hf", herd(moe=range(1, 6)), config)
    truth = b.work / "truth.yaml"
    truth.write_text(TRUTH)
    mcore = b.convert(hf, truth, "--to", "mcore")
    rules, text, _ = b.draft("--plain", hf, mcore)
    has(text, r"q_proj\+k_proj\+v_proj h", r"gate_proj\+up_proj h", r"guess: which parts, their order",
        r"hf: mlp.down_proj.weight  h (\w), +mcore: mlp.linear_fc2.weight  \1 h \}\n",
        r"hf: mlp.experts.<e>.down_proj.weight  (\w h|h \w), +mcore: mlp.experts.down_proj  e ", r"num_key_value_heads: num_query_groups",
        r"mcore: decoder.layers.<l>")
    assert "without a partner" not in text, text
    assert b.tensors(b.convert(hf, rules, "--to", "mcore")) == b.tensors(mcore), "the other software's bits are not these"
    assert b.tensors(b.convert(mcore, rules, "--to", "hf")) == b.tensors(hf)
    assert b.draft("--plain", mcore, hf)[1] == text, "the order of the two matters"


def test_what_has_no_partner(b):
    hf = write(b.work / "hf", herd() | {"extra.weight": (11, 13)}, CONFIG)
    truth = b.work / "truth.yaml"
    truth.write_text(TRUTH.replace("for: l in 0..1 }", "for: l in 0..num_hidden_layers }").replace(
        "  - { use: moe, hf: herd.layers.<l>, mcore: decoder.layers.<l>, for: l in 1..num_hidden_layers }\n", "")
        .replace(", num_experts: num_experts, width: width", "").replace(", e: num_experts, x: num_experts, m: width", "")
        .replace("\n        e: num_experts, x: num_experts, m: width", "\n        y: 11, z: 13")
        .replace("  layer:\n", "    extra: { hf: extra.weight  y z, mcore: z.weight  (y z) }\n  layer:\n")
        .replace(re.search(r"  moe:\n(    .*\n)+", TRUTH)[0], ""))
    mcore = b.convert(hf, truth, "--to", "mcore")
    _, text, said = b.draft("--plain", hf, mcore, status=1)
    has(text, r"# without a partner, hf side:\n#   extra.weight  \[11, 13\] f32\n", r"# without a partner, mcore side:\n#   z.weight  \[143\] f32")
    has(said, r"error\[V01\]: no rule names `extra.weight`")


def test_from_the_other_side_alone(b):
    hf = write(b.work / "hf", herd(), CONFIG)
    rules, _, _ = b.draft("--plain", hf)
    mcore = b.convert(hf, rules, "--to", "mcore")
    _, text, _ = b.draft("--plain", mcore)
    has(text, r"sides: \[mcore, hf\]", r"mcore: herd.layers.<l>, hf: herd.layers.<l>")


# --- what is no weight of the usual kind ------------------------------------------------------------------------------------

def test_buffers_and_scales_are_told(b):
    t = {f"layers.{l}.w.weight": ("F8_E4M3", (256, 384)) for l in range(3)}
    t |= {f"layers.{l}.w.weight_scale_inv": (2, 3) for l in range(3)}
    t |= {"lone": ("F8_E4M3", (8, 8)), "position_ids": ("I64", (1, 64))}
    hf = write(b.work / "hf", t)
    done = subprocess.run([b.program, "init", "--plain", str(hf)], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    has(done.stdout, r"encodings:\n  # guess: by the scales' shapes\n  fp8: \{ kind: fp8_block, block: \[128, 128\], on: \{ hf: <name>_scale_inv \}, write: never \}",
        r"position_ids: .*# guess; i64: a buffer", r"# fp8, and no scales of its blocks were recognised: lone")
    assert not re.search(r"hf: \S*weight_scale_inv  ", done.stdout), "a scale is no weight of its own"


# --- hostile and wrong ------------------------------------------------------------------------------------------------------

def test_names_that_yaml_could_misread(b):
    t = {"a: b": (2,), 'quo"te': (2,), "new\nline": (2,), "it's": (2,), "# no": (2,), "[x]": (2,), "é": (2,), "\u202eevil": (2,), "null": (3,),
         "true.weight": (3, 2), "-": (4,), "$/x": (5,), "constant": (6,), "for.weight": (7,)}
    path, text, said = b.draft("--plain", write(b.work / "hf", t, dict(CONFIG, model_type="x: {y}\n", architectures=["a\"b"])), status=1)
    has(text, r"# no address can spell this name: new\\nline|# no address can spell this name: new\\x0aline", r"hf: null  ", r"hf: \$/x  ")
    assert "\u202e" not in text
    has(said, r"error\[V01\]")
    done = b.tessera("check", path)
    has(done.stdout, r"ok ")


def test_hundred_thousand_names(b):
    t = {f"layers.{l}.experts.{e}.w{k}": (1, 1) for l in range(50) for e in range(1000) for k in (1, 2)}
    hf = write(b.work / "hf", t)
    start = time.monotonic()
    text = b.init("--plain", hf).stdout
    assert time.monotonic() - start < 60, "slow"
    assert len(text.splitlines()) < 60, "not folded"
    wild = write(b.work / "wild", {f"n{(i * 7919) % 100003}x{i * i % 1009}.y{chr(97 + i % 26)}": (1,) for i in range(100000)})
    start = time.monotonic()
    done = subprocess.run([b.program, "init", "--plain", str(wild)], capture_output=True, text=True)
    assert done.returncode in (0, 1, 3), done.stderr[-2000:]
    assert time.monotonic() - start < 60, "slow"


def test_refusals(b):
    hf = write(b.work / "hf", herd(), CONFIG)
    out = b.work / "x.yaml"
    out.write_text("mine")
    has(b.init("--plain", hf, "-o", out, status=2).stderr, r"is there already; --overwrite replaces it")
    assert out.read_text() == "mine"
    b.init("--plain", hf, "-o", out, "--overwrite")
    assert out.read_text().startswith("# yaml")
    assert not list(b.work.glob(".*partial"))
    has(b.init("--plain", hf, hf, status=2).stderr, r"are both hf")
    has(b.init(write(b.work / "none", {}), status=3).stderr, r"holds no tensor")
    has(b.init(b.work / "absent", status=3).stderr, r"absent")
    ranks = b.convert(hf, b.draft("--plain", hf)[0], "--to", "mcore", "--pp", 2)
    has(b.init(ranks, status=2).stderr, r"is cut over ranks")


def test_json(b):
    hf = write(b.work / "hf", herd(), CONFIG)
    report = json.loads(b.init("--plain", "--json", hf).stdout)
    assert report["ok"] is True and report["family"] == "herd" and report["text"].startswith("# yaml"), report


def main():
    program = pathlib.Path(sys.argv[1]).resolve() / "tessera"
    failed = passed = 0
    for name, test in sorted((n, t) for n, t in globals().items() if n.startswith("test_")):
        with tempfile.TemporaryDirectory() as work:
            try:
                test(Bench(program, pathlib.Path(work)))
                passed += 1
            except Exception as error:  # noqa: BLE001: one test's failure is told, the others go on
                failed += 1
                print(f"{name}: {type(error).__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
