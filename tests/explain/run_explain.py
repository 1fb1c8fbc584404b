"""`tessera explain` against bytes: elements of converted checkpoints are explained, and the very bytes are read at the offsets that
were told, in the source and in every target file.

    python run_explain.py build/release

Where torch is installed, the places in .pt and .bin files are compared with what torch.load makes of them too.
"""
import json
import pathlib
import random
import struct
import subprocess
import sys

try:
    import torch
except ImportError:
    torch = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tools"))
import named_tests  # noqa: E402

CASES = ROOT / "tests" / "conformance" / "cases"
H, N, D, F, L, P, V = 12, 6, 2, 10, 4, 7, 21  # every size differs, so that no transpose can hide
CONFIG = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": V, "n_positions": P, "n_embd": H, "n_layer": L,
          "n_head": N, "n_inner": F, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5}
TO_MCORE = ["--rules", "gpt2", "--set", "make_vocab_size_divisible_by=4"]
SIZE = {"F32": 4, "BF16": 2, "F16": 2, "F64": 8, "I64": 8, "I32": 4, "U8": 1}


def shapes():
    yield "transformer.wte.weight", [V, H]
    yield "transformer.wpe.weight", [P, H]
    for l in range(L):
        p = f"transformer.h.{l}."
        yield from [(p + "ln_1.weight", [H]), (p + "ln_1.bias", [H]), (p + "attn.c_attn.weight", [H, 3 * H]), (p + "attn.c_attn.bias", [3 * H]),
                    (p + "attn.c_proj.weight", [H, H]), (p + "attn.c_proj.bias", [H]), (p + "ln_2.weight", [H]), (p + "ln_2.bias", [H]),
                    (p + "mlp.c_fc.weight", [H, F]), (p + "mlp.c_fc.bias", [F]), (p + "mlp.c_proj.weight", [F, H]), (p + "mlp.c_proj.bias", [H]),
                    (p + "attn.bias", [1, 1, P, P])]  # ignored: the causal mask
    yield from [("transformer.ln_f.weight", [H]), ("transformer.ln_f.bias", [H])]


def count(shape):
    return shape[0] * count(shape[1:]) if shape else 1


def flat(index, shape):
    at = 0
    for i, n in zip(index, shape):
        at = at * n + i
    return at


def write_source(folder, value):
    """f32; value(k): of the k-th element of all."""
    folder.mkdir()
    header, data, k = {}, bytearray(), 0
    for name, shape in shapes():
        begin = len(data)
        data += struct.pack(f"<{count(shape)}f", *(value(k + i) for i in range(count(shape))))
        k += count(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps(CONFIG))


def bf16(four):
    """The two bytes of an f32 rounded to nearest even."""
    bits = struct.unpack("<I", four)[0]
    return struct.pack("<H", (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)


class Program:
    def __init__(self, build):
        self.path = build / "tessera"

    def run(self, *words, status=0):
        done = subprocess.run([self.path, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == status, f"{' '.join(map(str, words))}: exit {done.returncode}: {done.stderr}"
        return done

    def explain(self, source, name, *options):
        return json.loads(self.run("explain", source, name, *options, "--json").stdout)


def subject(report, end):
    """The explanation of the tensor that stands at this end."""
    found = [one for one in report["explained"] if one["tensors"][0]["end"] == end]
    assert found, f"{report['asked']}: not explained at the {end} end"
    return found[0]


class Bytes:
    """Told offsets, looked up in the files; and the independent readings of the same files."""

    def __init__(self, source, target):
        self.target, self.cache, self.loaded = target, {}, {}

    def path(self, one, end):
        return self.target / one["file"] if end == "to" else pathlib.Path(one["file"])

    def at(self, explained, site):
        tensor = explained["tensors"][site["tensor"]]
        path = self.path(site["bytes"], tensor["end"])
        if path not in self.cache:
            self.cache[path] = path.read_bytes()
        begin, end = site["bytes"]["begin"], site["bytes"]["end"]
        assert end - begin == SIZE[tensor["dtype"]], f"{end - begin} bytes of {tensor['dtype']}"
        found = self.cache[path][begin:end]
        self.check_independently(path, tensor, site["index"], begin, found)
        return found

    def check_independently(self, path, tensor, index, begin, found):
        if path.suffix == ".safetensors":
            blob = self.cache[path]
            size = struct.unpack("<Q", blob[:8])[0]
            entry = json.loads(blob[8:8 + size])[tensor["name"]]
            assert entry["shape"] == tensor["shape"]
            assert begin == 8 + size + entry["data_offsets"][0] + flat(index, entry["shape"]) * SIZE[tensor["dtype"]], "another byte"
        elif torch:
            if path not in self.loaded:
                self.loaded[path] = torch.load(path, weights_only=False)
            value, words = self.loaded[path], tensor["name"].split(".")
            if path.suffix == ".pt":
                value = value["model"] if "model" in value else value[f"model{tensor['place']['vpp']}"]
            while isinstance(value, dict):
                value = step(value, words)
            assert list(value.shape) == tensor["shape"]
            assert value[tuple(index)].reshape(1).view(torch.uint8).numpy().tobytes() == found, "torch reads something else there"


def step(value, words):
    """Into a nested dict by the longest key that the remaining words spell."""
    for n in range(len(words), 0, -1):
        key = ".".join(words[:n])
        if key in value:
            del words[:n]
            return value[key]
    raise AssertionError(f"no {'.'.join(words)}")


def elements(numbers, shape, n):
    return [[numbers.randrange(extent) for extent in shape] for _ in range(n)]


def named(name, index):
    return f"{name}[{','.join(map(str, index))}]"


def check_element(program, files, source, name, index, options, end, convert=lambda b: b):
    """One element; returns what was told of it."""
    one = subject(program.explain(source, named(name, index), *options), end)
    told = one["element"]
    assert told["asked"]["index"] == index
    asked = files.at(one, told["asked"])
    if told["read"] is None:
        if one["left_out"]:
            assert not told["written"]
            return one
        assert told["value"] is not None and told["written"], "neither source nor value"
        for site in told["written"]:
            assert struct.unpack("<f", files.at(one, site).rjust(4, b"\0"))[0] == float(told["value"])
        return one
    value = files.at(one, told["read"])
    for site in told["compared"]:
        assert files.at(one, site) == value, "a replica holds something else"
    assert told["written"], "written nowhere"
    for site in told["written"]:
        assert files.at(one, site) == convert(value), f"{one['tensors'][site['tensor']]['name']}{site['index']} holds something else"
    sites = told["written"] if end == "to" else [told["read"], *told["compared"]]
    assert any(site["tensor"] == 0 and site["index"] == index for site in sites), "the element that was asked for is not in its own story"
    assert asked == (convert(value) if end == "to" else value)
    if not told["pad"]:  # a part and its indices are the same on every end
        same = [told["asked"], told["read"], *told["compared"], *(s for s in told["written"] if not is_pad(one, s))]
        assert all((s["part"], s["axes"]) == (same[0]["part"], same[0]["axes"]) for s in same), f"other indices: {same}"
    return one


def is_pad(one, site):
    return any(v is None for v in site["axes"].values())


def check_both_ends(program, work, source, target, options, numbers, convert=lambda b: b, tensors=10, each=2):
    """Random elements of random tensors of both ends. Returns how many."""
    files, done = Bytes(source, target), 0
    for end, folder in (("from", source), ("to", target)):
        listed = json.loads(program.run("inspect", folder, "--json").stdout)["tensors"]
        for tensor in numbers.sample(listed, min(tensors, len(listed))):
            for index in elements(numbers, tensor["shape"], each):
                check_element(program, files, source, tensor["name"], index, options, end, convert)
                done += 1
    return done


class Tests:
    def __init__(self, program, work):
        self.program, self.work, self.numbers = program, work, random.Random(7)
        self.hf = work / "hf"
        write_source(self.hf, float)  # each value says which element it is
        self.megatron = work / "tp2pp2"
        self.options = [*TO_MCORE, "--tp", 2, "--pp", 2]
        program.run("convert", self.hf, self.megatron, *self.options)
        self.files = Bytes(self.hf, self.megatron)

    def element(self, name, index, end="from"):
        return check_element(self.program, self.files, self.hf, name, index, self.options, end)

    def convert(self, source, *options, **more):
        target = self.work / f"out{len(list(self.work.iterdir()))}"
        self.program.run("convert", source, target, *options)
        return check_both_ends(self.program, self.work, source, target, options, self.numbers, **more)

    def test_hf_to_ranks(self):
        assert check_both_ends(self.program, self.work, self.hf, self.megatron, self.options, self.numbers, tensors=20) > 60

    def test_ranks_to_hf_in_shards(self):
        self.convert(self.megatron, "--rules", "gpt2", "--to", "hf", "--max-shard-size", "3KB")

    def test_ranks_to_bin(self):
        self.convert(self.megatron, "--rules", "gpt2", "--to", "hf", "--format", "bin")

    def test_reshard(self):
        self.convert(self.megatron, *TO_MCORE, "--to", "mcore", "--tp", 1, "--pp", 4)
        self.convert(self.megatron, *TO_MCORE, "--to", "mcore", "--tp", 2, "--pp", 2, "--place", "pp=1,3")

    def test_cast(self):
        hf = self.work / "wild"
        wild = random.Random(3)
        write_source(hf, lambda k: wild.choice([-1, 1]) * wild.uniform(1, 2) * 2.0 ** wild.randrange(-60, 60))
        self.convert(hf, *self.options, "--dtype", "bf16", convert=bf16)

    def test_legacy_names_and_virtual_stages(self):
        self.convert(self.hf, *self.options, "--dialect", "legacy")
        self.convert(self.hf, *self.options, "--vpp", 2)

    def test_repeated_pads(self):
        options = [*self.options, "--pad-fill", "repeat"]
        target = self.work / "repeated"
        self.program.run("convert", self.hf, target, *options)
        files = Bytes(self.hf, target)
        one = check_element(self.program, files, self.hf, "transformer.wte.weight", [V - 1, 5], options, "from")
        pads = [s for s in one["element"]["written"] if is_pad(one, s)]
        assert len(pads) == 2 * (24 - V), f"{len(pads)} pads"  # on the first stage, and of the tied copy on the last
        one = check_element(self.program, files, self.hf, "mp_rank_01_000:embedding.word_embeddings.weight", [11, 5], options, "to")
        assert one["element"]["pad"] and one["element"]["read"]["index"] == [V - 1, 5]

    def test_fused_qkv_indices(self):
        """Conv1D [h, 3 n d] to rows (n qkv d) of the rank that has the head."""
        for h, column in elements(self.numbers, [H, 3 * H], 12):
            part, n, d = column // H, column % H // D, column % D
            one = self.element("transformer.h.2.attn.c_attn.weight", [h, column])
            assert one["element"]["asked"]["part"] == "qkv"[part]
            assert one["element"]["asked"]["axes"] == {"l": 2, "h": h, "n": n, "d": d}
            [site] = one["element"]["written"]
            tensor = one["tensors"][site["tensor"]]
            assert tensor["name"] == "decoder.layers.0.self_attention.linear_qkv.weight"
            assert (tensor["place"]["tp"], tensor["place"]["pp"]) == (n // 3, 1)
            assert site["index"] == [n % 3 * 3 * D + part * D + d, h]

    def test_replicas_and_tied_copies(self):
        one = self.element("transformer.h.1.ln_1.bias", [3])
        assert [one["tensors"][s["tensor"]]["place"]["label"] for s in one["element"]["written"]] == ["mp_rank_00_000", "mp_rank_01_000"]
        one = self.element("transformer.wte.weight", [13, 4])
        names = sorted((one["tensors"][s["tensor"]]["name"], one["tensors"][s["tensor"]]["place"]["label"]) for s in one["element"]["written"])
        assert names == [("embedding.word_embeddings.weight", "mp_rank_01_000"), ("output_layer.weight", "mp_rank_01_001")], names
        files = Bytes(self.megatron, self.work)
        back = subject(self.program.explain(self.megatron, "mp_rank_01_000:decoder.layers.0.mlp.linear_fc2.bias[7]", "--rules", "gpt2"), "from")
        assert back["element"]["asked"]["tensor"] == 0 and back["tensors"][0]["place"]["tp"] == 1
        read, [compared] = back["element"]["read"], back["element"]["compared"]
        assert back["tensors"][read["tensor"]]["place"]["tp"] == 0 and compared["tensor"] == 0
        assert files.at(back, read) == files.at(back, compared)

    def test_pads(self):
        one = self.element("mp_rank_01_000:embedding.word_embeddings.weight", [11, 0], "to")
        assert one["element"]["pad"] and one["element"]["value"] == "0" and one["element"]["read"] is None
        back = subject(self.program.explain(self.megatron, "mp_rank_01_000:embedding.word_embeddings.weight[11,0]", "--rules", "gpt2"), "from")
        assert [gap["kind"] for gap in back["left_out"]] == ["pad"] and not back["element"]["written"]

    def test_ignored(self):
        for name in ("transformer.h.1.attn.bias", "transformer.h.1.attn.bias[0,0,2,3]"):
            [one] = self.program.explain(self.hf, name, *self.options)["explained"]
            [gap] = one["left_out"]
            assert gap["kind"] == "ignored" and gap["reason"] == "the causal mask" and "gpt2.yaml:" in gap["at"]
        said = self.program.run("explain", self.hf, "transformer.h.1.attn.bias", *self.options).stdout
        assert "left out  the causal mask" in said, said

    def test_whole_tensor(self):
        """Ranges of bytes, and boxes carried out by hand, give the target's bytes."""
        one = subject(self.program.explain(self.hf, "mp_rank_01_001:decoder.layers.1.self_attention.linear_qkv.weight", *self.options), "to")
        [told] = one["tensors"][0]["bytes"]
        target = (self.megatron / told["file"]).read_bytes()[told["begin"]:told["end"]]
        made = bytearray(len(target))
        for move in one["moves"]:
            assert move["op"] == "copy" and move["to"] == 0
            [read] = one["tensors"][move["from"]]["bytes"]
            data = pathlib.Path(read["file"]).read_bytes()[read["begin"]:read["end"]]
            for a, b in walk(move["box"]):
                made[4 * b:4 * b + 4] = data[4 * a:4 * a + 4]
        assert bytes(made) == target
        [rule] = one["rules"]
        lines = (ROOT / "rules" / "gpt2.yaml").read_text().splitlines()
        for line in rule["lines"]:
            assert lines[int(line["at"].rpartition(":")[2]) - 1].strip() == line["text"]
        text = " ".join(line["text"] for line in rule["lines"])
        assert "attn.c_attn.weight  h q:(n d)+k:(n d)+v:(n d)" in text and "(n q+k+v d) h" in text
        axes = {a["axis"]: a for a in one["tensors"][0]["addresses"][0]["parts"][0]["axes"]}
        assert axes["n"]["held"] == [{"slot": 0, "index": 3, "length": 3}] and axes["n"]["split"] == "tp" and axes["l"]["given"] == [3]

    def test_spellings(self):
        legacy = [*self.options, "--dialect", "legacy"]
        file_name = "mp_rank_00_000:language_model.encoder.layers.0.self_attention.query_key_value.weight"
        rule_name = "mp_rank_00_000:decoder.layers.0.self_attention.linear_qkv.weight"
        a, b = (subject(self.program.explain(self.hf, name, *legacy), "to") for name in (file_name, rule_name))
        assert a == b and a["tensors"][0]["renamed_by"][0]["from"].startswith("decoder.layers.<l>")
        folded = self.program.explain(self.hf, "transformer.h.<1..3>.mlp.c_fc.weight", *self.options)
        assert folded["explained"][0]["tensors"][0]["name"] == "transformer.h.1.mlp.c_fc.weight"
        by_rule = self.program.explain(self.hf, "layer.fc1", *self.options)
        assert by_rule["explained"][0]["tensors"][0]["name"] == "decoder.layers.0.mlp.linear_fc1.weight" and by_rule["notes"]
        second = self.program.explain(self.hf, "tp1:pp1:decoder.layers.0.mlp.linear_fc1.weight", *self.options)
        assert second["explained"][0]["tensors"][0]["place"]["label"] == "mp_rank_01_001"
        several = self.program.explain(self.hf, "decoder.layers.0.mlp.linear_fc1.weight", *self.options)
        assert "mp_rank_01_000" in several["notes"][0]
        both = self.program.explain(self.megatron, "mp_rank_01_001:decoder.layers.0.mlp.linear_fc1.weight", *TO_MCORE, "--to", "mcore", "--tp", 2, "--pp", 2)
        assert [one["tensors"][0]["end"] for one in both["explained"]] == ["from", "to"]

    def test_without_a_checkpoint(self):
        report = json.loads(self.program.run("explain", "transformer.wte.weight[20,1]", "--rules", "gpt2", "--config", self.hf / "config.json",
                                             "--set", "make_vocab_size_divisible_by=4", "--tp", 2, "--json").stdout)
        [one] = report["explained"]
        assert one["element"]["written"][0]["index"] == [8, 1] and one["element"]["read"]["bytes"] is None
        assert all(tensor["bytes"] == [] for tensor in one["tensors"])

    def test_value_steps_and_constants(self):
        scaled = CASES / "52-scaled-embedding"
        config = self.work / "scaled.json"
        config.write_text("{}")
        said = self.program.run("explain", "--rules", scaled / "rules.yaml", "--config", config, "b.words").stdout
        assert " | times(" in said, said
        masks = ["--rules", "gpt2", "--to", "hf", "--set", "causal_masks=present"]
        target = self.work / "masks"
        self.program.run("convert", self.megatron, target, *masks)
        files = Bytes(self.megatron, target)
        for i, j in elements(self.numbers, [P, P], 6):
            one = check_element(self.program, files, self.megatron, "transformer.h.2.attn.bias", [0, 0, i, j], masks, "to")
            assert float(one["element"]["value"]) == float(j <= i) and one["element"]["asked"]["axes"] == {"l": 2, "p": i, "k": j}
        checked = subject(self.program.explain(target, "transformer.h.2.attn.bias[0,0,1,0]", *self.options, "--set", "causal_masks=present"), "from")
        assert checked["element"]["value"] == "1.0" and checked["moves"][0]["op"] == "compare_fill" and not checked["element"]["written"]

    def test_copies_along_an_axis(self):
        case = CASES / "20-kv-replication"
        options = ["--rules", case / "rules.yaml", "--from", "hf", "--to", "mcore", "--set", "kv_copies=3", "--tp", 2]
        source, target = case / "in" / "hf.safetensors", self.work / "copies"
        self.program.run("convert", source, target, *options)
        files = Bytes(source, target)
        one = check_star(self.program, files, source, options)
        assert len(one["element"]["written"]) == 3

    def test_refusals(self):
        def refused(name, *words):
            said = self.program.run("explain", self.hf, name, *self.options, status=2).stderr
            assert all(word in said for word in words), said
        refused("transformer.h.1.mlp.c_fx.weight", "did you mean", "`transformer.h.1.mlp.c_fc.weight` (source)")
        refused("layer.fc9", "`layer.fc1` (rule)")
        refused("transformer.wte.weight[-1,0]", "negative")
        refused("transformer.wte.weight[1]", "wants 2 indices, not 1")
        refused("transformer.wte.weight[21,0]", "[21, 12]", "no index 21 in dimension 0")
        refused("transformer.wte.weight[x,0]", "numbers")
        refused("transformer.wte.weight[]", "wants 2 indices, not 0")
        refused("mp_rank_07_000:embedding.word_embeddings.weight", "mp_rank_07_000")
        assert sorted(p.name for p in self.hf.iterdir()) == ["config.json", "model.safetensors"]
        self.program.run("explain", self.hf, status=2)

    def test_nothing_is_written(self):
        before = sorted(self.work.rglob("*"))
        here = self.work / "here"
        here.mkdir()
        done = subprocess.run([self.program.path.resolve(), "explain", self.hf, "layer.qkv", *map(str, self.options)], cwd=here, capture_output=True)
        assert done.returncode == 0 and not list(here.iterdir())
        here.rmdir()
        assert sorted(self.work.rglob("*")) == before


def check_star(program, files, source, options):
    one = subject(program.explain(source, "k_proj.weight[1,2]", *options), "from")
    value = files.at(one, one["element"]["read"])
    for site in one["element"]["written"]:
        assert files.at(one, site) == value
    return one


def walk(box):
    """(from, to) of each element of a box."""
    pairs = [(box["from"]["offset"], box["to"]["offset"])]
    for n, a, b in zip(box["shape"], box["from"]["strides"], box["to"]["strides"]):
        pairs = [(x + i * a, y + i * b) for x, y in pairs for i in range(n)]
    return pairs


if __name__ == "__main__":
    tests = [getattr(Tests, name) for name in sorted(dir(Tests)) if name.startswith("test_")]
    sys.exit(named_tests.run(tests, lambda build, work: Tests(Program(build), work)))
