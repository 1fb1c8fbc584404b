"""What the suites of families and of mutants share: a case, how it is run, what it must give. Needs torch."""
import dataclasses
import json
import math
import pathlib
import pickle
import re
import shutil
import struct
import subprocess

import torch

DTYPES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float8_e4m3fn: "F8_E4M3", torch.uint8: "U8"}


@dataclasses.dataclass
class Case:
    name: str
    tensors: dict                # of the Hugging Face checkpoint
    config: dict
    there: list                  # options of the way to Megatron
    want: dict = None            # {folder of a rank: {tensor: values}}
    args: dict = None            # arguments that each rank must hold, and checkpoint_version; None: must be absent
    back: list = ()              # options of the way back
    returned: dict = None        # keys that config.json must then have; without it, `config`; None: must be absent
    lost: tuple = ()             # ends of names that do not come back
    decoded: dict = None         # what comes back instead of `tensors`, where those are encoded
    refused: str = None          # instead of all that: the id that must be said
    add: dict = None             # {folder of a rank: tensors, nested as in the file} put there before the way back; with `refused`,
                                 # that is what must be refused
    said: dict = None            # arguments changed in the Megatron files before the way back, as other software says them; None: it goes
    alone: bool = False          # config.json does not go along on the way back
    linear: tuple = ()           # beginnings of names of linear modules: beside each of their weights, and no other, Megatron wants an
                                 # `_extra_state` in its format torch_dist


def census(path, there=(), back=(), name="census", dtype=None, tensors="tensors", config=(), returned=None):
    """A checkpoint with the names, shapes, dtypes and config.json that transformers itself makes, there and back. Every element has
    bits of its own within its tensor. `dtype` (torch.float16, ...) stands for the file's bf16; `tensors` is the list to take;
    `config` changes keys (None: it goes)."""
    said = json.loads(path.read_text())
    dtypes = {word: dtype for dtype, word in DTYPES.items()}
    made = {}
    for title, shape, word in said[tensors]:
        type_ = dtype if dtype and word == "BF16" else dtypes[word]
        bits = torch.arange(math.prod(shape), dtype=torch.int32 if type_ == torch.float32 else torch.int16)
        for unfolded in unfold(title):
            made[unfolded] = bits.view(type_).reshape(shape)
    keys = {**said["config"], **({"dtype": str(dtype).removeprefix("torch.")} if dtype else {}), **dict(config)}
    keys = {key: value for key, value in keys.items() if value is not None}
    return Case(name, made, keys, list(there), back=list(back), returned={} if returned is None else returned)


def counted(path, tensors="tensors"):
    """(tensors, config) of a census, in f32: the values count on through all tensors, so that each says where it came from."""
    said = json.loads(path.read_text())
    made, at = {}, 1
    for title, shape, _ in said[tensors]:
        for name in unfold(title):
            count = math.prod(shape)
            made[name] = torch.arange(at, at + count, dtype=torch.float32).reshape(shape)
            at += count
    assert at < 1 << 24, "larger numbers are not exact in f32"
    return made, {**said["config"], "dtype": "float32"}


def unfold(name):
    """`h.<0..2>.w`: three names; `h.<0,2..3>.w`: three too."""
    folded = re.search(r"<([\d.,]+)>", name)
    if not folded:
        return [name]
    numbers = []
    for piece in folded[1].split(","):
        low, _, high = piece.partition("..")
        numbers += range(int(low), int(high or low) + 1)
    return [rest for n in numbers for rest in unfold(name[:folded.start()] + str(n) + name[folded.end():])]


def write_hf(folder, tensors, config):
    folder.mkdir(parents=True)
    header, data = {"__metadata__": {"format": "pt"}}, bytearray()
    for name, tensor in tensors.items():
        begin = len(data)
        data += bits(tensor).numpy().tobytes()
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps(config))


def read_hf(folder):
    blob = (folder / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", blob[:8])[0]
    header, data = json.loads(blob[8:8 + size]), blob[8 + size:]
    header.pop("__metadata__", None)
    dtypes = {word: dtype for dtype, word in DTYPES.items()}
    return {name: torch.frombuffer(bytearray(data[slice(*e["data_offsets"])]), dtype=dtypes[e["dtype"]]).reshape(e["shape"])
            for name, e in header.items()}


def flat(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, prefix + str(key) + ".")
        elif isinstance(value, torch.Tensor):
            yield prefix + str(key), value


def weights_of(file):
    """Of a rank's file: `model`, or {`model0`: ..., `model1`: ...} where it has virtual stages."""
    return file["model"] if "model" in file else {key: value for key, value in file.items() if re.fullmatch(r"model\d+", key)}


def bits(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def same(want, got, what):
    assert want.keys() == got.keys(), f"{what}: {sorted(want.keys() ^ got.keys())[:4]}"
    for name in want:
        a, b = want[name], got[name]
        alike = a.dtype == b.dtype and a.shape == b.shape
        assert alike and torch.equal(bits(a), bits(b)), f"{what}: {name}"


def same_keys(want, got, what):
    for key, value in want.items():
        found = got.get(key)
        assert type(found) is type(value) and found == value, f"{what}: {key} is {found!r}, not {value!r}"


def merge(tree, more):
    """Nested dicts, key by key."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            merge(tree[key], value)
        else:
            tree[key] = value


class Bench:
    """Runs cases with the rules of a folder, which are found as a user's are: by `match`."""

    def __init__(self, program, rules, work):
        self.program, self.rules, self.work = program, rules, pathlib.Path(work)

    def convert(self, source, target, words, refused=None):
        done = subprocess.run([self.program, "convert", "--quiet", "--no-sync", "--threads", "1", "--rules-dir", self.rules,
                               *map(str, words), source, target], capture_output=True, text=True, errors="replace")
        if refused:
            assert done.returncode == 1 and f"error[{refused}]" in done.stderr, f"is not refused by {refused}: exit {done.returncode}\n{done.stderr}"
        else:
            assert done.returncode == 0, f"convert {' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr}"

    def source(self, case):
        folder = self.work / "sources" / case.name
        if not folder.exists():
            write_hf(folder, case.tensors, case.config)
        return folder

    def check(self, case):
        """Raises AssertionError, with the reason."""
        out = self.work / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        if case.refused and not case.add and not case.said:
            return self.convert(self.source(case), out / "mc", case.there, case.refused)
        self.convert(self.source(case), out / "mc", case.there)
        if case.linear:
            self.convert(self.source(case), out / "dist", [*case.there, "--format", "torch_dist"])
            self.check_extra_states(case, out / "dist" / "release" / ".metadata")
        self.check_megatron(case, out / "mc" / "release")
        if case.alone:
            (out / "mc" / "config.json").unlink()
        self.convert(out / "mc", out / "back", ["--to", "hf", *case.back], case.refused)
        if case.refused:
            return None
        tensors = case.tensors if case.decoded is None else case.decoded
        same({name: t for name, t in tensors.items() if not name.endswith(tuple(case.lost))}, read_hf(out / "back"), "back")
        config = json.loads((out / "back" / "config.json").read_text())
        same_keys(case.config if case.returned is None else case.returned, config, "back, config.json")

    def check_megatron(self, case, folder):
        found = {path.name for path in folder.iterdir()}
        assert case.want is None or found == set(case.want), f"ranks: {sorted(found)}"
        for rank in sorted(found):
            path = folder / rank / "model_optim_rng.pt"
            file = torch.load(path, weights_only=False)
            if case.want is not None:
                same(case.want[rank], dict(flat(weights_of(file))), rank)
            said = {**vars(file["args"]), "checkpoint_version": file.get("checkpoint_version")}
            same_keys(case.args or {}, said, rank + ", args")
            if case.said or rank in (case.add or {}):
                self.alter(case, rank, file)
                torch.save(file, path)

    def alter(self, case, rank, file):
        if case.add:
            merge(file["model"], case.add.get(rank, {}))
        for key, value in (case.said or {}).items():
            if value is None:
                vars(file["args"]).pop(key, None)
            else:
                vars(file["args"])[key] = value

    def check_extra_states(self, case, path):
        keys = pickle.loads(path.read_bytes()).state_dict_metadata
        stems = {key.removesuffix(".weight") for key in keys if key.endswith(".weight")}
        want = {stem for stem in stems if stem.split(".")[-1].startswith(case.linear)}
        found = {key.split("._extra_state")[0] for key in keys if "._extra_state" in key}
        assert want == found, f"_extra_state: {sorted(want ^ found)[:4]}"
