"""Folders of checkpoints that contradict themselves, or whose few bytes ask for much (docs/security.md).

    python run_folders.py build/release

A folder of at most a megabyte is read or refused within ten seconds and 512 MiB, as the fixtures of run_all_verbs.py are.
"""
import itertools
import json
import os
import pathlib
import string
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
sys.path.insert(0, str(HERE))
import judge  # noqa: E402
from fixtures.megatron import megatron_args, rank_file, rank_tensors  # noqa: E402
import named_tests  # noqa: E402
import sanitized  # noqa: E402
import small_gpt2  # noqa: E402
from build import FALSE, NONE, STOP, dct, f, g, i, ints, lst, namespace, proto, pt, rebuild, su, u  # noqa: E402

TRACKER, RANK = "latest_checkpointed_iteration.txt", "model_optim_rng.pt"
W = rebuild("0", "F32", [1])


class Done:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


class Bench:
    def __init__(self, build, work):
        self.program, self.work, self.count = str(build / "tessera"), work, 0
        self.seconds, self.addresses, self.resident = (60, 0, 4096) if sanitized.is_sanitized(self.program) else (10, 4096, 512)  # MiB

    def folder(self, files):
        """A new folder with these files, by their paths in it."""
        self.count += 1
        top = self.work / f"folder{self.count}"
        top.mkdir()
        for name, content in files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return top

    def run(self, *words, status=0, cwd=None, says=()):
        code, out, err, _, kib, hung, _ = judge.run([self.program, *map(str, words)], cwd or self.work, self.seconds, self.addresses)
        text = err.decode(errors="replace")
        assert not hung, f"{words[0]}: still running after {self.seconds} s"
        assert kib < self.resident * 1024, f"{words[0]}: took {kib // 1024} MiB"
        assert code == status, f"{' '.join(map(str, words))}: exit {code}: {text[:600]}"
        assert all(word in text for word in says), f"not all of {says} in: {text[:600]}"
        return Done(code, out.decode(errors="replace"), text)


def keys(count, length=4):
    letters = itertools.product(string.ascii_letters + string.digits, repeat=length)
    return [key for key in map("".join, itertools.islice(letters, count + 99)) if key not in ("args", "size", "data")][:count]


def packed(pickle):
    return pt(pickle, {"0": b"\0" * 4}, lies={"data.pkl": {"method": 8, "descriptor": False}})


def rank(args=(), models=None, before=b""):
    """A pickle of one rank's file: its models are {key: dict}; `before` are pairs that stand in front."""
    body = u("args") + namespace([(u(key), value) for key, value in args]) + u("checkpoint_version") + f(3.0) + u("iteration") + i(5)
    for key, value in (models or {"model": dct([(u("w"), W)])}).items():
        body += u(key) + value
    return proto(4) + b"}(" + before + body + b"u."


def megatron(ranks):
    return {TRACKER: "5", **{f"iter_0000005/{name}/{RANK}": file for name, file in ranks.items()}}


# --- what .metadata of distributed checkpoints is made of

def of_class(name, state, module="torch.distributed.checkpoint.metadata"):
    return g(module, name) + b")\x81" + state + b"b"


def stored_at(offset, length, file="__0_0.distcp"):
    state = dct([(u("relative_path"), u(file)), (u("offset"), i(offset)), (u("length"), i(length))])
    return of_class("_StorageInfo", state, "torch.distributed.checkpoint.filesystem")


def metadata(entries, stored, before=b""):
    state = dct([(u("storage_data"), stored), (u("state_dict_metadata"), entries), (u("planner_data"), NONE)])
    return proto(4) + before + of_class("Metadata", state) + STOP


PROPERTIES = of_class("TensorProperties", b"(" + g("torch", "float32") + NONE + FALSE + NONE + FALSE + b"t")


# --- few bytes that ask for much

def a_long_name_in_many_places(b):
    for length, count, words in ((400_000, 15_000, "shared values"), (4100, 500, "1 to 4096 bytes")):
        b.run("inspect", b.folder(named_in_many_places(length, count)), status=3, says=[".metadata", words])


def named_in_many_places(length, count):
    before = u("f" * length) + b"q\x010" + stored_at(0, 4) + b"q\x020" + g("torch.distributed.checkpoint.metadata", "MetadataIndex") + b"q\x030"
    places = b"".join(b"h\x03)\x81" + dct([(u("fqn"), b"h\x01"), (u("offset"), ints([n]))]) + b"bh\x02" for n in range(count))
    return {".metadata": metadata(b"}", b"}(" + places + b"u", before), "__0_0.distcp": b"x"}


def many_keys_beside_a_model(b):
    junk = b"".join(su(key) + NONE for key in keys(145_000))
    b.run("inspect", b.folder(megatron({"mp_rank_00": packed(rank(before=junk))})))


def many_virtual_stages(b):
    models = {f"model{n}": b"h\x01" if n else dct([(u("x"), W)]) + b"q\x01" for n in range(50_000)}
    b.run("inspect", b.folder(megatron({"mp_rank_00": packed(rank([("pipeline_model_parallel_size", i(1))], models))})), status=3, says=["mp_rank_00", "more than 1000 virtual stages"])


def many_keys_that_ranks_say_differently(b):
    ranks = {f"mp_rank_{n:02}": packed(rank([("tensor_model_parallel_size", i(2))], before=b"".join(su(key) + i(n) for key in keys(56_000)))) for n in range(2)}
    b.run("inspect", b.folder(megatron(ranks)))


def a_layout_that_only_opens(b):
    models = {f"model{n}": dct([(u("w"), W)]) for n in range(2)}
    ranks = {"mp_rank_00": packed(rank([("pipeline_model_parallel_layout", u("(" * 15_000_000))], models))}
    b.run("inspect", b.folder(megatron(ranks)))


def many_stages_with_a_tensor_each(b):
    shared = dct([(u("x"), W), (u("y"), W), (u("z"), W)]) + b"q\x01"
    models = {f"model{n}": b"h\x01" if n else shared for n in range(1000)}
    file = packed(rank([("pipeline_model_parallel_size", i(60))], models))
    b.run("inspect", b.folder(megatron({f"mp_rank_00_{n:03}": file for n in range(60)})))


# Each cut takes one slab off: the proof of a tiling is at its longest.
def a_spiral_of_slabs(b):
    top = left = 0
    size, slabs = 12_000, []
    for n in range(size - 1):
        slabs.append(([top, left], [1, size - left] if n % 2 == 0 else [size - top, 1]))
        top, left = top + (n % 2 == 0), left + n % 2
    slabs.append(([top, left], [size - top, size - left]))
    before = stored_at(0, 1) + b"q\x010" + u("w") + b"q\x020"
    stored = b"".join(of_class("MetadataIndex", dct([(u("fqn"), b"h\x02"), (u("offset"), ints(at))])) + b"h\x01" for at, _ in slabs)
    chunks = lst(*[of_class("ChunkStorageMetadata", dct([(u("offsets"), ints(at)), (u("sizes"), ints(shape))])) for at, shape in slabs])
    tensor = of_class("TensorStorageMetadata", dct([(u("properties"), PROPERTIES), (u("size"), ints([size, size])), (u("chunks"), chunks)]))
    file = {".metadata": metadata(dct([(u("w"), tensor)]), b"}(" + stored + b"u", before), "__0_0.distcp": b"x"}
    b.run("inspect", b.folder(file), status=3, says=[".metadata", "`w`: its slabs lie too irregularly"])


# --- iterations

ONE = megatron_args(tensor_model_parallel_size=1, bias_gelu_fusion=True, layernorm_epsilon=1e-5)


def of_iteration(said, folder="iter_0000005", tracker="5"):
    named = {TRACKER: tracker} if tracker else {}
    return {**named, f"{folder}/mp_rank_00/{RANK}": rank_file(rank_tensors(0, 1), ONE, iteration=said)}


def an_iteration_that_its_folder_contradicts(b):
    folder = b.folder(of_iteration(5, "iter_0000007", "7"))
    b.run("inspect", folder, status=3, says=["mp_rank_00", "iteration is 5", "says 7"])
    b.run("verify", folder / "iter_0000007", status=3, says=["iteration is 5", "says 7"])
    b.run("inspect", b.folder(of_iteration(5, "release", "release")))
    b.run("inspect", b.folder(of_iteration(None, "iter_0000007", "7")))
    common = pt(proto(4) + dct([(u("args"), namespace([])), (u("iteration"), i(5))]) + STOP, {})
    dist = {"metadata.json": '{"sharded_backend": "torch_dist"}', ".metadata": metadata(b"}", b"}"), "common.pt": common}
    b.run("inspect", b.folder({TRACKER: "7", **{f"iter_0000007/{name}": file for name, file in dist.items()}}), status=3, says=["common.pt", "iteration is 5", "says 7"])


def written_as(b, source, cwd=None):
    b.count += 1
    out = b.work / f"out{b.count}"
    b.run("convert", source, out, "--rules", "gpt2", "--to", "mcore", cwd=cwd)
    return (out / TRACKER).read_text()


def an_iteration_is_kept_however_its_folder_is_named(b):
    folder = b.folder(of_iteration(5))
    rank = folder / "iter_0000005"
    for source, cwd in ((rank, None), (".", rank), ("./", rank), ("..", rank / "mp_rank_00"), (f"{rank}/mp_rank_00/..", None), ("iter_0000005", folder), ("iter_0000005/", folder)):
        assert written_as(b, source, cwd) == "5", f"{source} in {cwd}"
    (folder / "generation_config.json").write_text("{}")
    b.run("convert", "iter_0000005", b.work / "beside", "--rules", "gpt2", "--to", "mcore", cwd=folder)
    assert (b.work / "beside" / "generation_config.json").exists()
    assert written_as(b, b.folder(of_iteration(5, "renamed", None)) / "renamed") == "5"
    assert written_as(b, b.folder(of_iteration(None, "renamed", None)) / "renamed") == "release"
    assert written_as(b, b.folder(of_iteration(5, "release", "release"))) == "release"
    assert written_as(b, b.folder(of_iteration(5, "release", "release")) / "release") == "release"


# --- long answers

def many_iterations_and_no_tracker(b):
    folder = b.folder({})
    for n in range(3000):
        (folder / f"iter_{n:07}").mkdir()
    said = b.run("inspect", folder, status=3, says=["iter_0000004", "and 2995 more"])
    assert len(said.err) < 1000, said.err


def many_stages_that_arguments_say_differently(b):
    layout = "E" + "|".join(["tt", ""] * 500) + "L"
    models = {f"model{n}": dct([(u("layers.0.w"), W)]) for n in range(1000)}
    said = b.run("inspect", b.folder(megatron({"mp_rank_00": packed(rank([("pipeline_model_parallel_layout", u(layout))], models))})), status=3, says=["stage 0 holds 2 layers, in the files it holds 1"])
    assert len(said.err) < 1000, said.err


# --- Hugging Face folders

def huggingface(b, shard=None, more=""):
    """A model, whole or as one shard with an index that has more keys."""
    folder = b.folder({})
    small_gpt2.write_plain(folder)
    if not shard:
        return folder
    whole = folder / "model.safetensors"
    head = whole.read_bytes()
    names = json.loads(head[8:8 + struct.unpack("<Q", head[:8])[0]])
    whole.rename(folder / shard)
    weights = json.dumps({name: shard for name in names if name != "__metadata__"})
    (folder / "model.safetensors.index.json").write_text(f'{{"weight_map": {weights}{more}}}')
    return folder


def the_depth_of_an_index(b):
    for depth, status in ((63, 0), (64, 3)):  # the index itself is one more
        b.run("inspect", huggingface(b, "model-1.safetensors", f', "x": {"[" * depth + "]" * depth}'), status=status)


def names_of_shards_are_plain_text(b):
    b.run("inspect", huggingface(b, "m\u00f6del \u6a21 1.safetensors"))
    for name in ("a\u0085b.safetensors", "a\u202eb.safetensors", "a\u200bb.safetensors", "a\x7fb.safetensors"):
        b.run("inspect", huggingface(b, name), status=3, says=["index.json", "plain name"])


def what_is_no_file_is_no_tokenizer(b):
    for put in (os.mkfifo, os.mkdir, lambda p: p.symlink_to("nothing"), lambda p: p.symlink_to(p.name)):
        folder = huggingface(b)
        put(folder / "tokenizer.json")
        b.run("inspect", folder)
        b.run("convert", folder, b.work / f"out{b.count}", "--rules", "gpt2")
        assert not os.path.lexists(b.work / f"out{b.count}" / "tokenizer.json")


# --- folders of another kind than they seem

def described(entries, **more):
    """A distributed checkpoint of one object `x`, with these entries; `more` says where its bytes are."""
    state = dct([(u("relative_path"), u("__0_0.distcp")), (u("offset"), i(0)), (u("length"), i(1)), *[(u(key), value) for key, value in more.items()]])
    stored = of_class("MetadataIndex", dct([(u("fqn"), u("x")), (u("offset"), NONE)])) + of_class("_StorageInfo", state, "torch.distributed.checkpoint.filesystem")
    return {".metadata": metadata(dct([(u("x"), entry) for entry in entries]), b"}(" + stored + b"u"), "__0_0.distcp": b"x"}


def descriptions_that_are_not_read(b):
    single = of_class("BytesStorageMetadata", dct([]))
    b.run("inspect", b.folder(described([single])))
    b.run("inspect", b.folder(described([single], transform_descriptors=lst())))
    b.run("inspect", b.folder(described([single], transform_descriptors=lst(u("zstd")))), status=3, says=["`x`", "are transformed"])
    b.run("inspect", b.folder(described([i(1)])), status=3, says=["`x`", "of kind integer"])
    tensor = of_class("TensorStorageMetadata", dct([(u("properties"), PROPERTIES), (u("size"), ints([1] * 65)), (u("chunks"), lst())]))
    b.run("inspect", b.folder(described([tensor])), status=3, says=["`x`", "65 dimensions (limit 64)"])


def folders_of_two_kinds(b):
    both = b.folder(megatron({"mp_rank_00": packed(rank())}))
    small_gpt2.write_plain(both)
    b.run("inspect", both, status=3, says=["a Hugging Face checkpoint and a Megatron one"])
    b.run("inspect", both / "iter_0000005")


def ranks_that_are_none(b):
    b.run("inspect", b.folder(megatron({"mp_rank_00_000_000_000": packed(rank())})), status=3, says=["mp_rank_00_000_000_000", "more numbers"])
    b.run("inspect", b.folder(megatron({"mp_rank_00": packed(proto(4) + lst() + STOP)})), status=3, says=["mp_rank_00", "of kind list"])
    one = b.folder(megatron({"mp_rank_00": packed(rank([("tensor_model_parallel_size", i(2))]))}))
    b.run("inspect", one / "iter_0000005" / "mp_rank_00" / RANK, status=3, says=["name its folder"])


def a_manifest_without_lists(b):
    out = b.work / "manifest"
    b.run("convert", huggingface(b), out, "--rules", "gpt2", "--no-hash")
    whole = json.loads((out / "tessera.json").read_text())
    for key in ("sources", "files", "tensors"):
        (out / "tessera.json").write_text(json.dumps({**whole, key: {}}))
        b.run("verify", out, status=1, says=["tessera.json", f"`{key}` is not a list"])


TESTS = [a_long_name_in_many_places, many_keys_beside_a_model, many_virtual_stages,
         many_keys_that_ranks_say_differently, a_layout_that_only_opens, many_stages_with_a_tensor_each,
         a_spiral_of_slabs, an_iteration_that_its_folder_contradicts, an_iteration_is_kept_however_its_folder_is_named,
         many_iterations_and_no_tracker, many_stages_that_arguments_say_differently, the_depth_of_an_index,
         names_of_shards_are_plain_text, what_is_no_file_is_no_tokenizer, descriptions_that_are_not_read, folders_of_two_kinds,
         ranks_that_are_none, a_manifest_without_lists]

sys.exit(named_tests.run(TESTS, Bench))
