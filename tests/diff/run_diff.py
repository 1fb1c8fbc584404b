"""`tessera diff`: checkpoints that are the same whatever their layouts, and such as differ where numpy says they do.

    python run_diff.py build/release

What must be found is put into the files by numpy and torch here; of the program only `convert` is used besides, whose bits the suites
of families judge. Needs torch.
"""
import json
import pathlib
import resource
import shutil
import struct
import subprocess
import sys

try:
    import torch
except ImportError:
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "families"), str(ROOT / "tests" / "tools")]
import bench  # noqa: E402
import named_tests  # noqa: E402
import sanitized  # noqa: E402
import small_gpt2  # noqa: E402

bench.DTYPES.update({torch.int64: "I64", torch.float64: "F64"})
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 4,
         "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 6, "vocab_size": 101, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
         "rope_theta": 10000.0, "hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True, "torch_dtype": "float32"}
QKV = "transformer.h.3.attn.c_attn.weight"  # [48, 144]: in, then q, k, v of 4 heads of 12


def gpt2(seed=1):
    torch.manual_seed(seed)
    return {name: torch.randn(shape) * 0.02 for name, shape in small_gpt2.shapes(small_gpt2.CONFIG)}


def llama(config=LLAMA, seed=2):
    torch.manual_seed(seed)
    c, h, d = config, config["hidden_size"], config["head_dim"]
    shapes = {"model.embed_tokens.weight": [c["vocab_size"], h], "model.norm.weight": [h]}
    for l in range(c["num_hidden_layers"]):
        p = f"model.layers.{l}."
        shapes |= {p + "input_layernorm.weight": [h], p + "post_attention_layernorm.weight": [h],
                   p + "self_attn.q_proj.weight": [c["num_attention_heads"] * d, h], p + "self_attn.k_proj.weight": [c["num_key_value_heads"] * d, h],
                   p + "self_attn.v_proj.weight": [c["num_key_value_heads"] * d, h], p + "self_attn.o_proj.weight": [h, c["num_attention_heads"] * d],
                   p + "mlp.gate_proj.weight": [c["intermediate_size"], h], p + "mlp.up_proj.weight": [c["intermediate_size"], h],
                   p + "mlp.down_proj.weight": [h, c["intermediate_size"]]}
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def element(site):
    """The bytes of one f32 where the report says that it stands."""
    blob = pathlib.Path(site["file"]).read_bytes()
    return struct.unpack_from("<f", blob, site["byte"])[0]


class Bench:
    def __init__(self, build, work):
        self.program, self.work, self.made = build / "tessera", work, 0
        self.limit = None  # bytes of address space

    def path(self):
        self.made += 1
        return self.work / str(self.made)

    def hf(self, tensors, config=small_gpt2.CONFIG):
        folder = self.path()
        bench.write_hf(folder, tensors, config)
        return folder

    def run(self, *words):
        def limit():
            if self.limit:
                resource.setrlimit(resource.RLIMIT_AS, (self.limit, self.limit))
        return subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, errors="replace", preexec_fn=limit)

    def convert(self, source, *words):
        target = self.path()
        done = self.run("convert", source, target, "--no-sync", "--quiet", *words)
        assert done.returncode == 0, done.stderr
        return target

    def diff(self, a, b, *words, status=1):
        done = self.run("diff", a, b, "--json", *words)
        assert done.returncode == status, f"exit {done.returncode}: {done.stderr[-800:]}"
        report = json.loads(done.stdout)
        assert report["same"] == (status == 0)
        return report

    def refused(self, *words, status, saying):
        done = self.run("diff", *words)
        assert done.returncode == status and saying in done.stderr, f"exit {done.returncode}: {done.stderr}"


def listed(report):
    """{name: item} of what is not equal."""
    return {item["name"]: item for item in report["tensors"]}


def only(report, name):
    found = listed(report)
    assert list(found) == [name], f"listed: {list(found)}"
    return found[name]


def counts(report, **wanted):
    found = {key: count for key, count in report["counts"].items() if count}
    assert found == wanted, f"{found}, not {wanted}"


def edit_rank(folder, rank, change):
    """Changes the state dict of one rank."""
    path = folder / "release" / rank / "model_optim_rng.pt"
    file = torch.load(path, weights_only=False)
    change(file["model"])
    torch.save(file, path)


def flat_of(model):
    return dict(bench.flat(model))


# --- tests: each takes the bench

def same_at_every_mesh(b):
    """gpt2: a folder, its ranks at several meshes, and these with one another."""
    hf = b.hf(gpt2())
    meshes = [b.convert(hf, *words) for words in ([], ["--tp", 2, "--pp", 2], ["--tp", 4], ["--pp", 2, "--vpp", 2], ["--tp", 2, "--dialect", "legacy"])]
    for there in meshes:
        report = b.diff(hf, there, status=0)
        counts(report, equal=len(gpt2()))
        assert report["by"] == "rules" and report["config"] == [] and report["within_b"] == []
    counts(b.diff(meshes[1], meshes[2], status=0), equal=len(gpt2()))
    assert len(b.diff(hf, meshes[0], "--all", status=0)["tensors"]) == len(gpt2())


def same_in_every_format(b):
    hf = b.hf(gpt2())
    ranks = b.convert(hf, "--tp", 2)
    for other in (b.convert(hf, "--format", "torch_dist"), b.convert(ranks, "--to", "hf", "--format", "bin"),
                  b.convert(ranks, "--to", "hf", "--max-shard-size", "100kB")):
        counts(b.diff(ranks, other, status=0), equal=len(gpt2()))


def same_llama(b):
    hf = b.hf(llama(), LLAMA)
    for words in (["--tp", 2, "--pp", 2], ["--tp", 4], ["--tp", 8]):  # 8: k and v stand twice
        counts(b.diff(hf, b.convert(hf, *words), status=0), equal=len(llama()))


def one_element_of_one_rank(b):
    """Found at its logical index, with both values, and the bytes of both files are those values."""
    tensors = gpt2()
    hf, ranks = b.hf(tensors), None
    ranks = b.convert(hf, "--tp", 2, "--pp", 2)
    # Rank tp 1 of the second stage: layer 3 is its second; k of head 3 (its second: rows 36 * 1 + 12 ...), d 7, column 5.
    row = 36 * 1 + 12 + 7
    was = []

    def change(model):
        weight = flat_of(model)["decoder.layers.1.self_attention.linear_qkv.weight"]
        was.append(weight[row, 5].item())
        weight[row, 5] = 0.5
    edit_rank(ranks, "mp_rank_01_001", change)
    logical = [5, 48 + 3 * 12 + 7]
    assert was[0] == tensors[QKV][tuple(logical)].item(), "the test's own index is wrong"
    item = only(b.diff(hf, ranks), QKV)
    found = item["difference"]
    assert item["status"] == "differs" and found["elements"] == found["beyond"] == 1
    assert found["first"]["index"] == logical == found["largest_at"]["index"]
    assert (found["first"]["a"], found["first"]["b"]) == (was[0], 0.5)
    assert found["largest"] == abs(was[0] - 0.5) and abs(found["relative"] - abs(was[0] - 0.5) / 0.5) < 1e-12
    assert element(found["first"]["source_a"]) == was[0] and element(found["first"]["source_b"]) == 0.5
    assert found["first"]["source_b"]["place"] == "mp_rank_01_001" and found["first"]["source_b"]["index"] == [row, 5]
    swapped = only(b.diff(ranks, hf), QKV)["difference"]["first"]
    assert swapped["index"] == logical and (swapped["a"], swapped["b"]) == (0.5, was[0])
    text = b.run("diff", hf, ranks).stdout
    assert f"first at [5, {logical[1]}]: " in text and "mp_rank_01_001:" in text and text.splitlines()[-1] == "different"


def first_and_largest(b):
    """Counts, the first by row-major index, the largest wherever it is; as numpy has them, in f64."""
    a, c = gpt2(), gpt2()
    torch.manual_seed(7)
    name = "transformer.wte.weight"
    mask = torch.rand(a[name].shape) < 0.01
    c[name] = torch.where(mask, a[name] + torch.randn(a[name].shape), a[name])
    apart = (a[name].double() - c[name].double()).abs()
    indices = (a[name] != c[name]).nonzero()
    ranks = b.convert(b.hf(c), "--tp", 2)
    found = only(b.diff(b.hf(a), ranks, "--memory", "1MB", "--threads", 1), name)["difference"]
    assert found["elements"] == len(indices) and found["first"]["index"] == indices[0].tolist()
    assert found["largest"] == apart.max().item()
    assert found["largest_at"]["index"] == (apart == apart.max()).nonzero()[0].tolist()
    wide = torch.maximum(a[name].double().abs(), c[name].double().abs())
    assert abs(found["relative"] - (apart / wide)[mask].max().item()) < 1e-12


def independent_of_threads_and_memory(b):
    a, c = b.hf(gpt2(1)), b.convert(b.hf(gpt2(2)), "--tp", 2)
    reports = []
    for words in ((), ("--threads", 1), ("--threads", 7, "--memory", "200kB"), ("--memory", "70kB")):
        report = b.diff(a, c, *words)
        reports.append({key: report[key] for key in ("counts", "tensors", "config")})
    assert all(report == reports[0] for report in reports) and reports[0]["counts"]["differs"] == len(gpt2())


def dtypes(b):
    """A cast to bf16: every tensor differs in dtype, by what rounding costs; values that bf16 holds are equal."""
    tensors = gpt2()
    tensors["transformer.ln_f.weight"] = torch.ones(48)
    tensors["transformer.ln_f.bias"] = torch.arange(48.0)
    hf = b.hf(tensors)
    cast = b.convert(hf, "--tp", 2, "--dtype", "bf16")
    report = b.diff(hf, cast)
    found = listed(report)
    assert len(found) == len(tensors)
    for name in ("transformer.ln_f.weight", "transformer.ln_f.bias"):
        assert found[name]["status"] == "dtype" and found[name]["difference"]["elements"] == 0
        assert (found[name]["a"]["dtype"], found[name]["b"]["dtype"]) == ("F32", "BF16")
    apart = (tensors[QKV].double() - tensors[QKV].bfloat16().double()).abs()
    assert found[QKV]["difference"]["elements"] == (apart > 0).sum().item()
    assert found[QKV]["difference"]["largest"] == apart.max().item()
    text = b.run("diff", hf, cast).stdout
    assert "transformer.ln_f.weight: dtype differs, f32 in A, bf16 in B; values equal" in text
    counts(b.diff(hf, cast, "--tolerance", 0.01, status=0), within=len(tensors))
    report = b.diff(hf, cast, "--tolerance", 0)
    assert {listed(report)[n]["status"] for n in ("transformer.ln_f.weight", QKV)} == {"within", "differs"}
    counts(b.diff(cast, b.hf({name: t.bfloat16() for name, t in tensors.items()}), status=0), equal=len(tensors))


def tolerance(b):
    a, c = gpt2(), gpt2()
    c[QKV][1, 2] += 0.25
    c[QKV][3, 4] += 4
    left, right = b.hf(a), b.hf(c)
    found = only(b.diff(left, right, "--tolerance", 1), QKV)["difference"]
    assert (found["elements"], found["beyond"], found["first"]["index"]) == (2, 1, [3, 4])
    counts(b.diff(left, right, "--tolerance", 5, status=0), equal=len(a) - 1, within=1)
    exact = abs(a[QKV][3, 4].double() - c[QKV][3, 4].double()).item()
    counts(b.diff(left, right, "--tolerance", repr(exact), status=0), equal=len(a) - 1, within=1)
    b.refused(left, right, "--tolerance", "-1", status=2, saying="--tolerance")


def nan_zero_infinity(b):
    """NaN of the same bits is equal; else each kind is counted by itself, and none spoils the largest difference."""
    nan, other = torch.tensor([0x7FC00000, 0x7FC00001], dtype=torch.int32).view(torch.float32)
    a, c = gpt2(), gpt2()
    for tensors in (a, c):
        tensors["transformer.ln_f.weight"][0] = nan
        tensors["transformer.ln_f.weight"][1] = float("inf")
    equal = (b.hf(a), b.convert(b.hf(c), "--tp", 2))
    counts(b.diff(*equal, status=0), equal=len(a))
    x, y = a["transformer.ln_f.bias"], c["transformer.ln_f.bias"]
    pairs = [(nan, 1.0), (nan, nan), (2.0, nan), (nan, other), (0.0, -0.0), (0.0, 0.0), (float("inf"), 3.0), (float("inf"), -float("inf")),
             (float("inf"), float("inf")), (3e38, -3e38), (nan, float("inf"))]
    for i, (left, right) in enumerate(pairs):
        x[i], y[i] = left, right
    hf, ranks = b.hf(a), b.convert(b.hf(c), "--pp", 2)
    found = only(b.diff(hf, ranks), "transformer.ln_f.bias")["difference"]
    assert [found[key] for key in ("elements", "nan_a", "nan_b", "nan_both", "infinite", "zeros")] == [8, 2, 1, 1, 2, 1], found
    assert found["largest"] == 2 * float(torch.tensor(3e38).double()) and found["relative"] == 2
    assert found["first"]["index"] == [0] and (found["first"]["a"], found["first"]["b"]) == ("nan", 1.0)
    beyond = only(b.diff(hf, ranks, "--tolerance", 1), "transformer.ln_f.bias")["difference"]
    assert beyond["beyond"] == 6  # all but the two NaNs and the zeros
    y[:] = x
    y[4], y[3] = -0.0, other
    counts(b.diff(hf, b.hf(c)), equal=len(a) - 1, differs=1)
    counts(b.diff(hf, b.hf(c), "--tolerance", 0, status=0), equal=len(a) - 1, within=1)


def huge_values(b):
    """f64 beyond all others: the difference is bounded by the largest f64, and whole numbers beyond 2^53 are told apart."""
    a = {"w": torch.tensor([1.7e308, 1.0], dtype=torch.float64), "n": torch.tensor([2**60, 5])}
    c = {"w": torch.tensor([-1.7e308, 1.0], dtype=torch.float64), "n": torch.tensor([2**60 + 1, 5])}
    config = {"model_type": "of no family"}
    found = listed(b.diff(b.hf(a, config), b.hf(c, config)))
    assert found["w"]["difference"]["largest"] == sys.float_info.max and found["w"]["difference"]["elements"] == 1
    assert found["n"]["difference"]["elements"] == 1 and found["n"]["difference"]["largest"] == 1
    counts(b.diff(b.hf(a, config), b.hf(c, config), "--tolerance", 0), differs=2)


def missing_and_renamed(b):
    """What stands on one side alone, in a folder and on a rank; the rest is compared all the same."""
    whole = gpt2()
    hf = b.hf(whole)
    renamed = {name.replace("h.1.mlp.c_fc.bias", "h.1.mlp.c_fc.offset"): t for name, t in whole.items()}
    found = listed(b.diff(hf, b.hf(renamed)))
    assert {n: i["status"] for n, i in found.items()} == {"transformer.h.1.mlp.c_fc.bias": "only_a", "transformer.h.1.mlp.c_fc.offset": "only_b"}
    assert found["transformer.h.1.mlp.c_fc.bias"]["a"] == {"dtype": "F32", "shape": [160]}
    less = dict(whole)
    del less["transformer.h.2.ln_1.bias"]
    assert only(b.diff(hf, b.hf(less)), "transformer.h.2.ln_1.bias")["status"] == "only_a"
    ranks = b.convert(hf, "--tp", 2)
    counts(b.diff(b.hf(less), ranks), equal=len(whole) - 1, only_b=1)

    def drop(model):
        del model["decoder.layers.0.self_attention.linear_proj.weight"]
    edit_rank(ranks, "mp_rank_01", drop)
    b.refused(hf, ranks, status=3, saying="linear_proj")  # ranks that do not agree are no sound checkpoint
    edit_rank(ranks, "mp_rank_00", drop)
    assert only(b.diff(hf, ranks), "transformer.h.0.attn.c_proj.weight")["status"] == "only_a"


def an_unknown_tensor(b):
    """One that no rule names is compared by its name."""
    extra = {**gpt2(), "adapter.weight": torch.ones(3, 4)}
    hf = b.hf(extra)
    counts(b.diff(hf, b.hf(extra), status=0), equal=len(extra))
    other = {**extra, "adapter.weight": torch.zeros(3, 4)}
    assert only(b.diff(hf, b.hf(other)), "adapter.weight")["difference"]["elements"] == 12


def replicas_within(b):
    """A rank that holds another layer norm than the rest: said of B, and a difference though what is read first is equal."""
    hf = b.hf(gpt2())
    ranks = b.convert(hf, "--tp", 2)

    def change(model):
        flat_of(model)["decoder.layers.2.mlp.linear_fc1.layer_norm_weight"][3] += 1
    edit_rank(ranks, "mp_rank_01", change)
    report = b.diff(hf, ranks)
    counts(report, equal=len(gpt2()))
    assert report["within_a"] == [] and len(report["within_b"]) == 1
    said = report["within_b"][0]
    assert "decoder.layers.2.mlp.linear_fc1.layer_norm_weight" in said and "mp_rank_01" in said and "[3]" in said, said
    assert len(b.diff(ranks, hf)["within_a"]) == 1


def tied_copies(b):
    """An optional copy in one folder alone is no difference; one that disagrees is."""
    hf = b.hf(llama(), LLAMA)
    copied = {**llama(), "lm_head.weight": llama()["model.embed_tokens.weight"]}
    counts(b.diff(hf, b.hf(copied, LLAMA), status=0), equal=len(llama()))
    copied["lm_head.weight"] = copied["lm_head.weight"] + 1
    report = b.diff(hf, b.hf(copied, LLAMA))
    assert len(report["within_b"]) == 1 and "lm_head.weight" in report["within_b"][0]
    untied = {**LLAMA, "tie_word_embeddings": False}
    report = b.diff(hf, b.hf(copied, untied))
    assert only(report, "lm_head.weight")["status"] == "only_b"
    assert [c["key"] for c in report["config"]] == ["tie_word_embeddings"]


def configurations(b):
    """Keys are listed under their canonical names from either side; they count with --strict."""
    hf = b.hf(gpt2())
    other = {**small_gpt2.CONFIG, "layer_norm_epsilon": 1e-6}
    for there in (b.hf(gpt2(), other), b.convert(b.hf(gpt2(), other), "--tp", 2)):
        assert b.diff(hf, there, status=0)["config"] == [{"key": "layer_norm_epsilon", "a": 1e-5, "b": 1e-6}]
        b.diff(hf, there, "--strict")
    b.diff(hf, b.convert(hf, "--tp", 2), "--strict", status=0)


def other_spellings(b):
    """Names without their prefix are those of the same tensors; the causal masks are left out, and that is said."""
    bare = {name.removeprefix("transformer."): t for name, t in gpt2().items()}
    masks = {**gpt2(), **{f"transformer.h.{l}.attn.bias": torch.ones(64, 64).tril().reshape(1, 1, 64, 64) for l in range(4)}}
    report = b.diff(b.hf(bare), b.hf(masks), status=0)
    counts(report, equal=len(bare))
    assert report["a"]["left_out"] == [] and report["b"]["left_out"], report["b"]


def by_names(b):
    """Folders of no known family, and ranks without arguments that any rules fit, need none."""
    config = {"model_type": "of no family", "hidden": 3}
    a = {"x": torch.ones(3, 2), "y": torch.zeros(5), "empty": torch.zeros(0, 4), "s": torch.tensor(3.0)}
    c = {"x": torch.ones(2, 3), "z": torch.zeros(5), "empty": torch.zeros(0, 4), "s": torch.tensor(4.0)}
    hf = b.hf(a, config)
    counts(b.diff(hf, b.hf(a, config), status=0), equal=4)
    report = b.diff(hf, b.hf(c, {**config, "hidden": 4}))
    assert report["by"] == "names" and report["a"]["family"] is None
    assert {n: i["status"] for n, i in listed(report).items()} == {"x": "shape", "y": "only_a", "z": "only_b", "s": "differs"}
    assert listed(report)["s"]["difference"]["first"]["index"] == []
    assert report["config"] == [{"key": "hidden", "a": 3, "b": 4}]
    file = b.path()
    shutil.copy(hf / "model.safetensors", file.with_suffix(".safetensors"))
    counts(b.diff(hf, file.with_suffix(".safetensors"), status=0), equal=4)
    b.refused(hf, b.convert(b.hf(gpt2()), "--tp", 2), "--rules", "llama", status=1, saying="error")


def names_and_rules(b):
    hf = b.hf(gpt2())
    ranks = b.convert(hf, "--tp", 2)
    (ranks / "config.json").unlink(missing_ok=True)  # then the arguments alone must do, or the other's rules
    counts(b.diff(hf, ranks, status=0), equal=len(gpt2()))
    counts(b.diff(hf, ranks, "--name", "*.h.3.*", status=0), equal=12)
    counts(b.diff(hf, ranks, "--rules", "gpt2", "--name", QKV, status=0), equal=1)
    b.refused(hf, ranks, "--rules", "gpt22", status=2, saying="gpt2")
    b.refused(hf, ranks / "nothing", status=3, saying="nothing")
    b.refused(hf, status=2, saying="b")


ENCODED = """rules: 1
family: enc
match: { model_type: enc }
config: { layers: num_layers }
axes: { o: { size: 256, split: tp }, i: 384 }
blocks:
  top:
    w: { hf: w.weight  o i, mcore: w.weight  o i }
encodings:
  fp8: { kind: fp8_block, block: [128, 128], on: { hf: <name>_scale_inv, mcore: <name>_scale_inv } }
model: [{ use: top }]
companions:
  exp_avg: { hf: exp_avg.<name>, mcore: optimizer.state.exp_avg.<name> }
"""


def encoded(b):
    """fp8 blocks: fields where both have them, values where one has not; a moment is compared like a weight."""
    rules = b.path().with_suffix(".yaml")
    rules.write_text(ENCODED)
    rule = ["--rules", rules]
    torch.manual_seed(5)
    values = torch.randn(256, 384).to(torch.float8_e4m3fn)
    scales = torch.tensor([[1.0, 2.0, 0.5], [3.0, 0.25, 1.0]])
    plain = (values.float() * scales.repeat_interleave(128, 0).repeat_interleave(128, 1)).bfloat16()
    config = {"model_type": "enc", "layers": 1, "torch_dtype": "bfloat16"}
    bench.DTYPES[torch.float8_e4m3fn] = "F8_E4M3"
    hf = b.hf({"w.weight": values, "w.weight_scale_inv": scales}, config)
    decoded = b.hf({"w.weight": plain}, config)
    counts(b.diff(hf, b.convert(hf, *rule, "--tp", 2), *rule, status=0), equal=2)
    counts(b.diff(hf, decoded, *rule, status=0), equal=1)
    counts(b.diff(b.convert(decoded, *rule, "--tp", 2), hf, *rule, status=0), equal=1)
    other = scales.clone()
    other[1, 2] = 2.0
    scaled = b.hf({"w.weight": values, "w.weight_scale_inv": other}, config)
    assert only(b.diff(hf, scaled, *rule), "w.weight_scale_inv")["difference"]["first"]["index"] == [1, 2]
    found = only(b.diff(decoded, scaled, *rule), "w.weight")["difference"]
    assert found["elements"] == (plain[128:, 256:] != 0).sum().item() and found["first"]["source_b"]["file"] is None
    moment = b.hf({"w.weight": plain, "exp_avg.w.weight": plain + 1}, config)
    assert only(b.diff(decoded, moment, *rule), "exp_avg.w.weight")["status"] == "only_b"
    counts(b.diff(b.convert(moment, *rule, "--tp", 2), moment, *rule, status=0), equal=2)


def bounded_memory(b):
    """A pair of 190 MB each in 64 MiB of buffers and 300 MiB of address space; each is read about once. A sanitizer takes time and
    memory of its own."""
    alone = not sanitized.is_sanitized(b.program)
    config = {**LLAMA, "hidden_size": 1024, "intermediate_size": 2752, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 64,
              "vocab_size": 2003}
    tensors = llama(config)
    size = sum(t.numel() * 4 for t in tensors.values())
    hf = b.hf(tensors, config)
    ranks = b.convert(hf, "--tp", 2)
    b.limit = 300 << 20 if alone else None
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = b.diff(hf, ranks, "--memory", "64MiB", status=0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert report["peak_memory"] < 110 << 20 or not alone, report["peak_memory"]
    assert report["bytes_read"] < 2.2 * size, f"{report['bytes_read']} of {2 * size}"
    print(f"  {2 * size / 1e6:.0f} MB in {seconds:.2f} s of processor time, peak {report['peak_memory'] / 1e6:.0f} MB")
    assert seconds < 3 or not alone  # reading and comparing take 0.3


TESTS = [same_at_every_mesh, same_in_every_format, same_llama, one_element_of_one_rank, first_and_largest, independent_of_threads_and_memory, dtypes,
         tolerance, nan_zero_infinity, huge_values, missing_and_renamed, an_unknown_tensor, replicas_within, tied_copies, configurations, other_spellings,
         by_names, names_and_rules, encoded, bounded_memory]


if __name__ == "__main__":
    sys.exit(named_tests.run(TESTS, Bench, apart=True))
