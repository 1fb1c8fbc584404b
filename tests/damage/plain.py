"""What checkpoints hold, read by Python alone: json, struct, zipfile and pickle's own machine, with globals that only record.

Each reader returns {name: (dtype, shape, sha256 of the contiguous little-endian bytes)}, or raises. They judge what the
library has accepted, and are no stricter than they have to be.
"""
import collections
import hashlib
import io
import itertools
import json
import pickle
import struct
import zipfile

BITS = dict(BOOL=8, U8=8, I8=8, F8_E4M3=8, F8_E5M2=8, F8_E8M0=8, F8_E4M3FNUZ=8, F8_E5M2FNUZ=8, I16=16, U16=16, F16=16, BF16=16,
            I32=32, U32=32, F32=32, C64=64, F64=64, I64=64, U64=64, C128=128, F4=4)
STORAGES = {"FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64",
            "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL",
            "ComplexFloatStorage": "C64", "ComplexDoubleStorage": "C128", "UntypedStorage": "U8"}
DTYPES = {"float32": "F32", "float64": "F64", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16",
          "int8": "I8", "uint8": "U8", "bool": "BOOL", "complex64": "C64", "complex128": "C128", "uint16": "U16", "uint32": "U32",
          "uint64": "U64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e4m3fnuz": "F8_E4M3FNUZ",
          "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0"}


class Malformed(Exception):
    pass


def require(condition, what):
    if not condition:
        raise Malformed(what)


def numel(shape):
    count = 1
    for n in shape:
        count *= n
    return count


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# --- JSON and safetensors

def unique(pairs):
    found = dict(pairs)
    require(len(found) == len(pairs), "a key twice")
    return found


def no_constant(word):
    raise Malformed(word)


def read_json(data):
    return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=no_constant)


def safetensors(data):
    size = struct.unpack("<Q", data[:8])[0]
    require(size <= len(data) - 8, "header longer than the file")
    header, body = read_json(data[8:8 + size]), data[8 + size:]
    header.pop("__metadata__", None)
    found, ranges = {}, []
    for name, entry in header.items():
        require(set(entry) == {"dtype", "shape", "data_offsets"}, "fields")
        begin, end = entry["data_offsets"]
        require(0 <= begin <= end <= len(body) and (end - begin) * 8 == numel(entry["shape"]) * BITS[entry["dtype"]], "offsets")
        ranges.append((begin, end))
        found[name] = entry["dtype"], entry["shape"], sha256(body[begin:end])
    at = 0
    for begin, end in sorted(ranges):
        require(begin == at, "hole or overlap")
        at = end
    require(at == len(body), "bytes remain")
    return found


def by_the_reference(data):
    """The same by the library of the format, where it is installed."""
    try:
        from safetensors import deserialize
    except ImportError:
        return safetensors(data)
    return {name: (t["dtype"], list(t["shape"]), sha256(bytes(t["data"]))) for name, t in deserialize(data)}


# --- pickles

class Record:
    """Stands for any object: what it was made of, and nothing happens."""
    def __new__(cls, *args):
        require(not any(isinstance(a, Storage) for a in args), f"{cls.__name__} of a storage")
        self = object.__new__(cls)
        self.args, self.state = args, {}
        return self

    def __init__(self, *args):
        pass

    def __setstate__(self, state):
        self.state = state

    def __getattr__(self, key):
        if key.startswith("__"):
            raise AttributeError(key)
        return self.state[key]


class Tensor:
    def __init__(self, dtype, key, offset, shape, strides):
        self.dtype, self.key, self.offset, self.shape, self.strides = dtype, key, offset, list(shape), list(strides)


class StorageType(str):
    pass


Storage = collections.namedtuple("Storage", "type key")


def rebuild(storage, offset, shape, strides, grad, hooks, metadata=None):
    return Tensor(STORAGES[storage.type], storage.key, offset, shape, strides)


def rebuild_v3(storage, offset, shape, strides, grad, hooks, dtype, metadata=None):
    return Tensor(dtype.args[0], storage.key, offset, shape, strides)


KNOWN = {("torch._utils", "_rebuild_tensor_v2"): rebuild, ("torch._utils", "_rebuild_tensor_v3"): rebuild_v3,
         ("torch._utils", "_rebuild_parameter"): lambda tensor, grad, hooks: tensor,
         ("collections", "OrderedDict"): collections.OrderedDict, ("torch", "Size"): tuple}


class Machine(pickle._Unpickler):
    """pickle's machine in Python; no global is ever looked up."""

    def __init__(self, file):
        super().__init__(file)
        self.stated = {}  # storage key -> (class, elements)

    def find_class(self, module, name):
        if (module, name) in KNOWN:
            return KNOWN[module, name]
        if module in ("torch", "torch.storage") and name in STORAGES:
            return StorageType(name)
        if module == "torch" and name in DTYPES:
            return Record(DTYPES[name])
        return type(name, (Record,), {"__module__": module})

    def persistent_load(self, pid):
        require(pid[0] == "storage" and isinstance(pid[1], StorageType), "persistent id")
        self.stated[pid[2]] = pid[1], pid[4]
        return Storage(pid[1], pid[2])


def machine(file):
    made = Machine(file)
    return made.load(), made.stated


def contiguous(tensor, storage, swap=False):
    size = BITS[tensor.dtype] // 8
    out = bytearray()
    for index in itertools.product(*map(range, tensor.shape)):
        at = (tensor.offset + sum(i * s for i, s in zip(index, tensor.strides))) * size
        require(0 <= at <= len(storage) - size, "element outside of its storage")
        element = storage[at:at + size]
        out += element[::-1] if swap else element
    return bytes(out)


def flatten(value, prefix=""):
    for key, inner in (value.state if isinstance(value, Record) else value).items():
        if isinstance(inner, Tensor):
            yield prefix + key, inner
        elif isinstance(inner, dict):
            yield from flatten(inner, prefix + key + ".")


def listing(value, storages, swap=False):
    found = {}
    for name, tensor in flatten(value):
        require(name not in found, "a name twice")
        found[name] = tensor.dtype, tensor.shape, sha256(contiguous(tensor, storages[tensor.key], swap))
    return found


# --- what torch writes

def archive(data):
    """(value, storages, swapped) of a zip archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        names = file.namelist()
        require(len(set(names)) == len(names), "a member twice")
        prefix = names[0].split("/")[0]
        value, stated = machine(io.BytesIO(file.read(prefix + "/data.pkl")))
        storages = {name.split("/", 2)[2]: file.read(name) for name in names if name.startswith(prefix + "/data/")}
        order = file.read(prefix + "/byteorder") if prefix + "/byteorder" in names else b"little"
        require(order in (b"little", b"big"), "byteorder")
        int(file.read(prefix + ("/version" if prefix + "/version" in names else "/.format_version")))
    for key, (kind, count) in stated.items():
        require(len(storages[key]) == count * BITS[STORAGES[kind]] // 8, "length of a storage")
    return value, storages, order == b"big"


def torch_zip(data):
    value, storages, swap = archive(data)
    return listing(value, storages, swap)


def legacy(data):
    file = io.BytesIO(data)
    magic, _ = machine(file)
    version, _ = machine(file)
    machine(file)
    require(magic == 0x1950a86a20f9469cfc6c and version == 1001, "magic or version")
    value, stated = machine(file)
    keys, _ = machine(file)
    require(sorted(keys) == sorted(stated), "keys of storages")
    storages = {}
    for key in keys:
        count = struct.unpack("<q", file.read(8))[0]
        size = BITS[STORAGES[stated[key][0]]] // 8
        require(count == stated[key][1] or size == 1, "stated count")
        storages[key] = file.read(count * size)
        require(len(storages[key]) == count * size, "ends early")
    require(file.read() == b"", "bytes remain")
    return listing(value, storages, False)  # the data are little-endian, whatever `little_endian` says


def is_a(record, name):
    return type(record).__name__ == name and type(record).__module__.startswith("torch.distributed.")


def distributed(folder):
    """A folder with `.metadata`: slabs of each tensor, wherever they stand."""
    metadata, _ = machine(io.BytesIO((folder / ".metadata").read_bytes()))
    require(is_a(metadata, "Metadata"), "no Metadata")
    found = {}
    for name, about in metadata.state_dict_metadata.items():
        if is_a(about, "BytesStorageMetadata"):
            continue
        require(is_a(about, "TensorStorageMetadata"), "neither tensor nor bytes")
        shape = list(about.size)
        elements, dtype = {}, None
        for index, info in metadata.storage_data.items():
            require(is_a(index, "MetadataIndex") and is_a(info, "_StorageInfo"), "place")
            if index.fqn != name:
                continue
            data = (folder / info.relative_path).read_bytes()[info.offset:info.offset + info.length]
            tensor, storages, swap = archive(data)
            dtype, size = tensor.dtype, BITS[tensor.dtype] // 8
            values = contiguous(tensor, storages[tensor.key], swap)
            offset = index.offset or [0] * len(shape)
            for i, at in enumerate(itertools.product(*map(range, tensor.shape))):
                elements[tuple(o + a for o, a in zip(offset, at))] = values[i * size:(i + 1) * size]
        inside = list(itertools.product(*map(range, shape)))
        require(set(elements) == set(inside), f"{name}: elements")
        found[name] = dtype, shape, sha256(b"".join(elements[i] for i in inside))
    return found


# --- folders

def sharded(folder):
    """Shards of safetensors by the index beside them."""
    found, index = {}, read_json((folder / "model.safetensors.index.json").read_bytes())
    for shard in sorted(set(index["weight_map"].values())):
        found.update(by_the_reference((folder / shard).read_bytes()))
    named = index["weight_map"]
    require(set(named) == set(found), "names of the index")
    for name, shard in named.items():
        require(name in by_the_reference((folder / shard).read_bytes()), "a name in another shard")
    return found


def megatron(root):
    """Weights of the only rank of the iteration that the tracker names."""
    tracker = (root / "latest_checkpointed_iteration.txt").read_text().strip()
    folder = root / ("release" if tracker == "release" else f"iter_{int(tracker):07}")
    value, storages, swap = archive((folder / "mp_rank_00" / "model_optim_rng.pt").read_bytes())
    return {"mp_rank_00:" + name: one for name, one in listing(value["model"], storages, swap).items()}
