#!/usr/bin/env python3
"""First inputs for every target: `seeds.py OUT` writes OUT/<target>/<name>, a few thousand small files.

They are made from what the tests have: the hostile fixtures (tests/hostile/make.py), the conformance cases, rule files and
dialects of the tree, and a few written here. `fuzz.py --minimise` keeps those of them that reach something new in
tests/fuzz/corpus.
"""
import hashlib
import io
import json
import pathlib
import pickle
import re
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
ROOT = TESTS.parent
LEGACY_MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
MOST = 16_000  # bytes of a seed
DIMS = ["tp", "pp", "vpp", "ep", "etp"]


def unsummed(blob):
    """The same zip archive with every CRC 0, which means "not computed": changes elsewhere are then not refused for it."""
    out = bytearray(blob)
    for magic, at in ((b"PK\3\4", 14), (b"PK\1\2", 16)):
        start = out.find(magic)
        while start >= 0:
            out[start + at:start + at + 4] = bytes(4)
            start = out.find(magic, start + 4)
    return bytes(out)


def member(blob, name):
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            return next((archive.read(n) for n in archive.namelist() if n.endswith("/" + name)), None)
    except Exception:  # whatever zipfile says of a broken archive
        return None


def from_hostile(folder):
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink() or path.stat().st_size > MOST:
            continue
        blob = path.read_bytes()
        if path.suffix == ".safetensors":
            yield "safetensors", blob
            yield from header_alone(blob)
        elif path.suffix in (".pt", ".bin"):
            yield from torch_file(blob)
        elif path.name.endswith(".index.json"):
            yield "index", blob
        elif path.name in ("config.json", "metadata.json"):
            yield "config", blob
        elif path.name == "latest_checkpointed_iteration.txt":
            yield "tracker", blob
        elif path.suffix == ".yaml":
            yield "rules", blob


def header_alone(blob):
    """See targets/safetensors.cc: the size of the data, marked, and the header."""
    length = int.from_bytes(blob[:8], "little")
    if 2 <= length <= len(blob) - 8:
        yield "safetensors", (len(blob) - 8 - length).to_bytes(7, "little") + b"\xff" + blob[8:8 + length]


def torch_file(blob):
    yield "torch", blob
    if blob.startswith(LEGACY_MAGIC):
        yield "legacy", blob[len(LEGACY_MAGIC):]
    if blob.startswith(b"PK"):
        yield "zip", blob
        yield "zip", unsummed(blob)
        yield "torch", unsummed(blob)
        data = member(blob, "data.pkl")
        if data and len(data) <= MOST:
            yield "pickle", data


def from_cases():
    for case in sorted((TESTS / "conformance" / "cases").glob("*/case.json")):
        about, rules = json.loads(case.read_text()), (case.parent / "rules.yaml").read_bytes()
        yield "rules", rules
        yield from words_of(rules.decode())
        for dialect in sorted(case.parent.glob("dialects/*.yaml")):
            yield "dialect", dialect.read_bytes()
        if "from" not in about:
            continue
        ends = {k: about[k] for k in ("from", "to")}
        for there, back in (("from", "to"), ("to", "from")):
            yield "plan", json.dumps(head(ends[there], ends[back], about)).encode() + b"\n" + rules


def head(source, target, about):
    mesh = [[end.get("mesh", {}).get(d, 1) for d in DIMS] for end in (source, target)]
    return {"from": source["side"], "to": target["side"], "mesh": {"from": mesh[0], "to": mesh[1]},
            "config": about.get("config", {}).get(source["side"], {}), "options": about.get("options", {})}


def words_of(text):
    """Layouts, names and expressions out of rule files, as far as a plain eye finds them."""
    for name, layout in re.findall(r"(?:hf|mcore|[a-z]+): ([\w.<>* +-]+\.[\w.<>*]+)  ([^,}\n|]+)", text):
        yield "layout", layout.strip().encode()
        yield "names", name.encode() + b"\n" + name.replace("<l>", "<m>").encode()
    for expr in re.findall(r"(?:when|where|size|for|default|let|require): *\"?([^,}\n\"]+)", text):
        yield "expression", expr.strip().encode()


def from_tree():
    for path in sorted((ROOT / "rules").glob("*.yaml")):
        if path.stat().st_size <= MOST:
            yield "rules", path.read_bytes()
        yield from words_of(path.read_text())
    for folder in ("dialects", "packings"):
        for path in sorted((ROOT / "rules" / folder).glob("*.yaml")):
            yield "dialect", path.read_bytes()


def written_here():
    hash_ = "0123456789abcdef" * 2
    for expr in ("a + b * 3 - 7 // 2 % 5", "-9223372036854775807 - 1", "[i * 2 for i in 0..a where i != 1]", "l[1] + len(l)",
                 "m.x or \"z\"", "i in 0..a where i % 2 == 0", "not t and (a < b or x >= 0.5)", "s in [\"glu\", \"b\"]",
                 "2 ** 10", "min(a, b)", "n or 4", "\"a\\\"b\" == s", "put(l, [0], 1)", "ceil(a / 2)", "sum(l) / 3"):
        yield "expression", expr.encode()
    for names in ("a.<l>.w\na.<m>.w", "a.*.w\na.**", "x<a>y<b>\nx1<c>", "<a>0\n1<b>", "a.<p:word>.<r:rest>\na.b.c.d", "**.w\n*.w"):
        yield "names", names.encode()
    for layout in ("(g q+k+v d) h", "v h", "x* (a b) 1", "p:(a b)+q:1", "(a (b p+q)+r c) (d e)", "z o v", ""):
        yield "layout", layout.encode()
    for tracker in (b"5", b"5\n", b"release\n", b"00000000000000005", b"latest", b"-5", b"99999999999999999999"):
        yield "tracker", tracker
    key = f"tessera-resume 1 {hash_} {hash_}\n"
    for text in ("", key, key + f"0 {hash_}\n\n17 {hash_}\n4294967296 {hash_}\n12 " + hash_[:9]):
        yield "resume", text.encode()
    yield from manifests(hash_)
    yield from metadata()


def manifests(hash_):
    for hashed in (False, True):
        def hashes(key):
            return f', "{key}": "{hash_}"' if hashed else ""
        text = (f'{{\n  "manifest": 1,\n  "tessera": "0.1.0",\n  "plan": "{hash_}",\n'
                f'  "sources": [\n    {{"file": "model.safetensors", "bytes": 9{hashes("headers")}}}\n  ],\n'
                f'  "files": [\n    {{"file": "a/b.pt", "bytes": 64{hashes("outside")}}},\n    {{"file": "c", "bytes": 8{hashes("outside")}}}\n  ],\n'
                f'  "tensors": [\n    {{"name": "w", "file": "a/b.pt", "offset": 0, "bytes": 16{hashes("hash")}}},\n'
                f'    {{"name": "v\\u00e9", "file": "a/b.pt", "offset": 16, "bytes": 48{hashes("hash")}}}\n  ]')
        yield "manifest", (text + (f',\n  "self": "{hash_}"\n}}\n' if hashed else "\n}\n")).encode()


def metadata():
    """`.metadata` as torch writes it, without torch: classes of these names are made here."""
    import types
    names = {"torch.distributed.checkpoint.metadata": ["Metadata", "TensorStorageMetadata", "BytesStorageMetadata", "ChunkStorageMetadata",
                                                       "MetadataIndex", "TensorProperties", "_MEM_FORMAT_ENCODING"],
             "torch.distributed.checkpoint.filesystem": ["_StorageInfo"], "torch.serialization": ["_get_layout"], "torch": ["Size", "float32"]}
    saved = {name: sys.modules.get(name) for name in [*names, "torch.distributed", "torch.distributed.checkpoint"]}
    made = {}
    for module, words in names.items():
        sys.modules[module] = types.ModuleType(module)
        for word in words:
            made[word] = type(word, (), {"__module__": module})
            setattr(sys.modules[module], word, made[word])
    try:
        yield from metadata_of(made)
    finally:
        for name, module in saved.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


def metadata_of(made):
    def obj(name, **state):
        one = made[name]()
        one.__dict__.update(state)
        return one

    class Called:
        def __init__(self, callee, *args):
            self.callee, self.args = callee, args

        def __reduce__(self):
            return made[self.callee], self.args

    properties = (made["float32"], Called("_get_layout", "torch.strided"), False, Called("_MEM_FORMAT_ENCODING", 0), False)
    made["TensorProperties"].__getstate__ = lambda self: properties

    def size(*n):
        return Called("Size", n)

    def tensor(shape, *slabs):
        chunks = [obj("ChunkStorageMetadata", offsets=size(*at), sizes=size(*of)) for at, of in slabs]
        return obj("TensorStorageMetadata", properties=made["TensorProperties"](), size=size(*shape), chunks=chunks)

    def place(name, offset, start):
        index = obj("MetadataIndex", fqn=name, offset=None if offset is None else size(*offset), index=None)
        return index, obj("_StorageInfo", relative_path="__0_0.distcp", offset=start, length=100)

    whole = {"w": tensor([4, 6], ([0, 0], [2, 6]), ([2, 0], [2, 6])), "s": tensor([], ([], [])), "o": obj("BytesStorageMetadata")}
    places = dict([place("w", [0, 0], 0), place("w", [2, 0], 100), place("s", [], 200), place("o", None, 300)])
    for protocol in (2, 4):
        yield "dcp", pickle.dumps(obj("Metadata", state_dict_metadata=whole, storage_data=places, planner_data=None, storage_meta=None), protocol)


def main():
    out = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        hostile = pathlib.Path(scratch) / "hostile"
        subprocess.run([sys.executable, str(TESTS / "hostile" / "make.py"), str(hostile)], check=True, stdout=subprocess.DEVNULL)
        seeds = [*from_hostile(hostile), *from_cases(), *from_tree(), *written_here()]
    for target, blob in seeds:
        (out / target).mkdir(parents=True, exist_ok=True)
        (out / target / hashlib.sha1(blob).hexdigest()[:16]).write_bytes(blob)


main()
