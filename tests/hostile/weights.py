"""More fixtures of torch files: a few bytes that ask for much work or memory, and bytes that two readers read as two things."""
import io
import struct
import tarfile
import zlib

from build import *

FULL, OTHER = fill(48, 5), fill(48, 6)
X = [T("x", "F32", [12], FULL)]
TV2 = g("torch._utils", "_rebuild_tensor_v2")
DEFLATED = dict(method=8, flags=0, descriptor=False)


def x(key="0"):
    return rebuild(key, "F32", [12])


def put(k):
    return b"q" + bytes([k]) + b"0"


def get(k):
    return b"h" + bytes([k])


def root(*pairs, **kw):
    return pt(proto(2) + dct([*pairs, (u("x"), x())]) + STOP, {"0": FULL}, **kw)


def tar_header(data):
    """`data`, beginning as a tar archive does for Python's tarfile: with the sum of its first 512 bytes."""
    out = bytearray(data)
    out[148:156] = b" " * 8
    out[100:148] = out[100:148] if out[100:148].strip(b"0") == b"" else b"0" * 48  # mode, owner, size, time
    out[148:156] = b"%06o\0 " % sum(out[:512])
    tarfile.open(fileobj=io.BytesIO(out), mode="r:").close()
    return bytes(out)


def tensor(storage, shape, stride, *more):
    return red(TV2, storage, i(0), ints(shape), ints(stride), FALSE, odict([]), *more)


def words(length, count):
    """Distinct texts as SHORT_BINUNICODE."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz-_"
    for k in range(count):
        yield b"\x8c" + bytes([length]) + bytes(letters[k >> 6 * (length - 1 - n) & 63] for n in range(length))


def meeting_integers(count):
    """That one well-known mixing of 64 bits takes to multiples of two primes."""
    def unshift(v, by):
        out = v
        for _ in range(64 // by + 1):
            out = v ^ (out >> by)
        return out

    def undo(v):
        v = unshift(v, 31) * pow(0x94D049BB133111EB, -1, 2**64) % 2**64
        v = unshift(v, 27) * pow(0xBF58476D1CE4E5B9, -1, 2**64) % 2**64
        return ((unshift(v, 30) - 1) * pow(0x9E3779B97F4A7C15, -1, 2**64) - 1) % 2**64
    return [b"\x8a\x08" + struct.pack("<Q", undo(85229 * 172933 * k)) for k in range(1, count + 1)]


def costly(c):
    def bad(name, blob, why, **kw):
        c.add(f"costly/{name}.pt", blob, "torch", "reject", why, **kw)

    def ok(name, blob, why, tensors=X, **kw):
        c.add(f"costly/{name}.pt", blob, "torch", "accept", why, tensors, **kw)

    def again(name, setup, call, count, why, **kw):
        bad(name, pt(proto(2) + setup + (call + b"0") * count + dct([(u("x"), x())]) + STOP, {"0": FULL}, **kw), why)

    def packed(name, body, why, add=bad):
        add(name, pt(proto(2) + body + dct([(u("x"), x())]) + STOP, {"0": FULL}, lies={"data.pkl": DEFLATED}), why)

    # calls of arguments that are remembered copy them
    many = b"](" + b"K\x01" * 100_000 + b"e"
    reduce1 = get(0) + get(1) + b"\x85R"
    reduce = get(0) + get(1) + b"R"
    again("copies_list", g("builtins", "list") + put(0) + many + put(1), reduce1, 100_000, "a list of 100,000 copied 100,000 times")
    again("copies_size", g("torch", "Size") + put(0) + many + put(1), reduce1, 100_000, "the same by torch.Size")
    again("copies_opaque", g("foo.bar", "Baz") + put(0) + b"(" + b"K\x01" * 100_000 + b"t" + put(1), reduce, 120_000, "arguments of an unknown class")
    again("copies_encode", g("_codecs", "encode") + put(0) + u("a" * 400_000) + u("latin1") + b"\x86" + put(1), reduce, 100_000, "a text encoded again and again")
    again("copies_getattr", g("builtins", "getattr") + put(0) + g("foo", "A") + u("a" * 500_000) + b"\x86" + put(1), reduce, 80_000, "a long member's name")
    again("copies_build", g("argparse", "Namespace") + b")R" + put(0) + dct([(u("k%05d" % k), i(1)) for k in range(40_000)]) + put(1), get(0) + get(1) + b"b", 60_000, "BUILD with one state")
    again("names_of_globals", u("a" * 400_000) + put(0), b"".join((get(0) + w + b"\x930") for w in words(3, 50_000)) + b"N", 1, "50,000 globals of a module with 400,000 letters")
    ok("copies_once", root((u("b"), red(g("_codecs", "encode"), u("\u00e9" * 200_000), u("latin1"))), (u("d"), red(g("collections", "OrderedDict"), lst(*[tup(i(k), i(k)) for k in range(20_000)])))), "large arguments, each used once")
    # values that stand in many places
    row = b"}(" + b"".join(b"\x8c\x03%03d" % k + get(1) for k in range(1000)) + b"u"
    r64 = tensor(pid("0", "FloatStorage", 12), [1] * 63 + [12], [1] * 64)
    bad("unfolds_tensors", pt(proto(2) + r64 + put(1) + row + put(2) + b"}(" + b"".join(b"\x8c\x03%03d" % k + get(2) for k in range(480)) + b"u" + STOP, {"0": FULL}), "480,000 tensors of rank 64 in 12 kB")
    bad("unfolds_names", pt(proto(2) + x() + put(1) + row + put(2) + dct([(u("p" * 4000), b"}(" + b"".join(b"\x8c\x03%03d" % k + get(2) for k in range(120)) + b"u")]) + STOP, {"0": FULL}), "120,000 names of 4,000 bytes in 13 kB")
    bad("unfolds_text", pt(proto(2) + u("t" * 400_000) + put(0) + dct([(u("args"), dct([(u("k"), b"](" + get(0) * 200_000 + b"e")])), (u("checkpoint_version"), f(3.0)), (u("model"), dct([(u("x"), x())]))]) + STOP, {"0": FULL}), "a text of 400,000 bytes in 200,000 places of the arguments")
    # what is looked at again for each use
    again("long_key", tup(u("storage"), g("torch", "FloatStorage"), u("k" * 500_000), u("cpu"), i(12)) + put(1), get(1) + b"Q", 120_000, "a storage's key of 500,000 bytes")
    packed("long_global", u("a" * 1_000_000) + put(0) + u("b") + put(1) + (get(0) + get(1) + b"\x930") * 2_000_000, "a global's name of a million bytes")
    again("metadata", TV2 + put(0) + tup(pid("0", "FloatStorage", 12), i(0), ints([12]), ints([1]), FALSE, odict([]), b"}(" + b"".join(w + b"N" for w in words(4, 60_000)) + b"u") + put(1), reduce, 90_000, "a tensor's metadata of 60,000 entries")
    c.add("costly/long_prefix.pt", pt(proto(2) + dct([(u("p" * 8_000_000), b"}(" + b"".join(w + b"N" for w in words(4, 120_000)) + b"u"), (u("x"), x())]) + STOP, {"0": FULL}, lies={"data.pkl": DEFLATED}), "torch", "either", "a prefix of 8 MB before 120,000 entries that are None")
    n = 16 << 20
    empty = zlib.compressobj(9, zlib.DEFLATED, -15)
    comp = empty.compress(bytes(n)) + empty.flush()
    kinds = {"Byte": 1, "Char": 1, "Bool": 1, "Half": 2, "BFloat16": 2, "Short": 2, "Float": 4, "Int": 4, "Double": 8, "Long": 8}
    pairs = [(u(f"{k}{kind}"), tensor(pid(str(k), kind + "Storage", n // width), [1], [1])) for k in range(58) for kind, width in kinds.items()]
    recs = [Rec("archive/data.pkl", proto(2) + dct(pairs) + STOP, **DEFLATED), Rec("archive/version", b"3\n", descriptor=False)]
    recs += [Rec(f"archive/data/{k}", b"", comp=comp, usize=n, csize=len(comp), crc=zlib.crc32(bytes(n)), **DEFLATED) for k in range(58)]
    bad("many_classes", zipped(recs, align=0, end64=False), "58 deflated storages under ten classes each", names=["classes"])
    # tables whose places are chosen
    items = b"".join(meeting_integers(100_000))
    ok("meeting_integers", root((u("s"), b"\x8f(" + items + b"\x90")), "a set of integers that one known hash takes to one place")
    # more values than so few bytes speak for
    noise = bytes(33 + k * 7919 % 90 for k in range(600_000))
    for name, ops in (("lists", b"]0" * 24_900_000), ("tuples", b"))\x860" * 12_000_000), ("dicts", b"(N" + b"}" * 9_000_000 + b"t0")):
        packed(f"values_{name}", ops + b"X" + struct.pack("<I", len(noise)) + noise + b"0", "tens of millions of values in a deflated pickle")
    for name, head in (("length", b"\x8d" + struct.pack("<Q", 2**40)), ("line", b"I")):
        def sparse(path, head=head):
            with open(path, "wb") as h:
                h.write(MAGIC + proto(2) + head)
                h.truncate(2**31)
        bad(f"legacy_sparse_{name}", sparse, "2 GiB of zeros where a number is wanted")

    def wide(path, size=257 << 20):
        with open(path, "wb") as h:
            h.write(b"PK\3\4")
            h.seek(30 + size)
            h.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1000, 1000, size, 30, 0))
    bad("directory_of_257_mib", wide, "a directory of zeros, in a sparse file", names=["directory of"])


def differing(c):
    def bad(name, blob, why, **kw):
        c.add(f"differing/{name}.pt", blob, "torch", "reject", why, **kw)

    def ok(name, blob, why, tensors=X, **kw):
        c.add(f"differing/{name}.pt", blob, "torch", "accept", why, tensors, **kw)

    P = proto(2) + dct([(u("x"), x())]) + STOP
    for n in (65_537, 65_636, 65_736, 131_149):
        z = [T("x", "U8", [n], bytes(n))]
        ok(f"ok_deflate_{n}", pt(proto(2) + dct([(u("x"), rebuild("0", "U8", [n]))]) + STOP, {"0": bytes(n)}, lies={"data/0": DEFLATED}), "zlib holds back results when it has taken the last byte", z)
    # torch finds members without regard to case
    evil = Rec("archive/DATA.PKL", proto(2) + dct([(u("evil"), x())]) + STOP)
    bad("case_pickle", pt(P, {"0": FULL}, extra=[evil]), "data.pkl and DATA.PKL", names=["DATA.PKL"])
    bad("case_storage", pt(proto(2) + dct([(u("x"), x("a"))]) + STOP, {"a": FULL, "A": OTHER}), "data/a and data/A", names=["data/A"])
    bad("case_byteorder", pt(P, {"0": FULL}, byteorder=None, extra=[Rec("archive/BYTEORDER", b"big")]), "BYTEORDER alone, which torch obeys", names=["BYTEORDER"])
    bad("case_version", pt(P, {"0": FULL}, extra=[Rec("archive/.DATA/VERSION", b"99\n")]), ".DATA/VERSION, which torch obeys", names=[".DATA/VERSION"])
    bad("drive_in_prefix", pt(P, {"0": FULL}, prefix="C:x"), "a prefix that begins with a drive")
    bad("c1_in_name", pt(P, {"0": FULL}, extra=[Rec("archive/a\u009b31mb\u0085", b"x")]), "control characters beyond ASCII in a member's name")
    # NEWOBJ does not call __init__
    pairs = lst(tup(u("evil"), x()))
    for name, value in (("odict", g("collections", "OrderedDict") + tup(pairs) + b"\x81"), ("dict", g("builtins", "dict") + tup(dct([(u("evil"), x())])) + b"\x81"),
                        ("list", g("builtins", "list") + tup(lst(i(1))) + b"\x81"), ("ex", g("collections", "OrderedDict") + tup(pairs) + b"}\x92"),
                        ("function", TV2 + tup(pid("0", "FloatStorage", 12), i(0), ints([12]), ints([1]), FALSE, odict([])) + b"\x81")):
        bad("newobj_" + name, root((u("m"), value)), "an object made without __init__ would be empty; a function makes none")
    ok("ok_newobj_empty", root((u("m"), g("collections", "OrderedDict") + b")\x81")), "without arguments both ways make the same")

    def two_fields(first):
        """A zip64 field for each of two members of one name: one reader takes the first, another the last."""
        recs = [Rec("archive/data.pkl", P, crc=0), Rec("archive/version", b"3\n", crc=0), Rec("archive/data/0", FULL, descriptor=False, crc=0),
                Rec("archive/data/0", OTHER, descriptor=False, unlisted=True, crc=0)]
        b = zipped(recs, align=0, end64=False)
        at = [b.find(data) - 30 - len("archive/data/0") for data in (FULL, OTHER)][::1 if first else -1]
        extra = b"".join(struct.pack("<HHQ", 1, 8, o) for o in at)
        entry_at = b.find(b"archive/data/0", b.find(b"PK\1\2")) - 46
        entry = bytearray(b[entry_at:entry_at + 46])
        struct.pack_into("<H", entry, 30, len(extra))
        struct.pack_into("<I", entry, 42, 0xFFFFFFFF)
        b = b[:entry_at] + bytes(entry) + b"archive/data/0" + extra + b[entry_at + 60:]
        end = bytearray(b[-22:])
        struct.pack_into("<I", end, 12, struct.unpack_from("<I", end, 12)[0] + len(extra))
        return b[:-22] + bytes(end)
    bad("two_zip64_fields", two_fields(True), "two zip64 fields in one entry", names=["data/0"])
    # the legacy stream
    big = [T("a.weight", "F32", [2, 3]), T("b.weight", "BF16", [4])]
    ok("ok_legacy_big", legacy(big, little=False), "torch writes little-endian data on every machine", big)

    def view(key, first, count, cls="FloatStorage", n=12, module="torch", size=3):
        p = tup(u("storage"), g(module, cls), u("0"), u("cpu"), i(n), tup(key, i(first), i(count))) + b"Q"
        if cls == "FloatStorage":
            return tensor(p, [size], [1])
        return red(g("torch._utils", "_rebuild_tensor_v3"), p, i(0), ints([size]), ints([1]), FALSE, odict([]), g("torch", "uint16"))

    def stream(*pairs, n=12):
        return legacy([T("x", "F32", [12], FULL)], body=dct(list(pairs)), counts=[n])
    ok("ok_legacy_view", stream((u("x"), view(u("v"), 4, 3))), "a view of a storage", [T("x", "F32", [3], FULL[16:28])])
    bad("legacy_view_root_key", stream((u("x"), view(u("0"), 4, 3))), "a view with the key of its storage: torch reads the whole")
    bad("legacy_view_number", stream((u("x"), view(i(1), 4, 3))), "a view whose key is no text")
    bad("legacy_view_two", stream((u("x"), view(u("v"), 4, 3)), (u("y"), view(u("v"), 8, 3))), "one key for two windows: torch gives both the first")
    bad("legacy_view_untyped", stream((u("x"), view(u("v"), 4, 8, "UntypedStorage", 48, "torch.storage")), n=48), "a view of an untyped storage")
    # as each protocol of pickle writes the number in front: 0 and 1, 3, 4, 5
    number = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    for protocol, front in ((1, b"L119547037146038801333356L\n."), (3, b"\x80\x03" + number), (4, b"\x80\x04\x95\r\0\0\0\0\0\0\0" + number),
                            (5, b"\x80\x05\x95\r\0\0\0\0\0\0\0" + number)):
        ok(f"ok_legacy_protocol_{protocol}", legacy(big, magic=front), f"stream format, protocol {protocol}", big)
    bad("legacy_protocol_6", legacy(big, magic=b"\x80\x06" + number), "stream format of a protocol that there is not")
    bad("legacy_frame_short", legacy(big, magic=b"\x80\x04\x95\x0c\0\0\0\0\0\0\0" + number), "the number in front does not end with its frame")
    # archives of tar, which torch looks for before the stream
    bad("tar_v7", tar_header(b"sys_info".ljust(512, b"\0")) + bytes(1024), "the tar format of PyTorch 0.1, without a magic number", names=["tar"])
    pad = dct([(u("pad"), u("0" * 600)), (u("protocol_version"), i(1001)), (u("little_endian"), TRUE), (u("type_sizes"), dct([]))])
    both = legacy(big, sysinfo=pad)
    bad("legacy_and_tar", tar_header(both), "a stream that is a tar archive too, which torch takes it for", names=["tar"])
    ok("ok_legacy_near_tar", both, "a stream whose bytes are digits where an archive has its sum", big)
    # every checksum is checked by verify, also of what nothing refers to
    bad("crc_unreferenced", pt(P, {"0": FULL, "7": OTHER}, lies={"data/7": dict(crc=1)}), "a wrong checksum of a storage that nothing refers to", verb="verify", names=["data/7"])
    bad("crc_serialization_id", pt(P, {"0": FULL}, lies={".data/serialization_id": dict(crc=1)}), "a wrong checksum of a record that is not read", verb="verify", names=["serialization_id"])
    bad("deflate_unreferenced", pt(P, {"0": FULL, "7": OTHER}, lies={"data/7": dict(comp=b"\xff" * 20, **DEFLATED)}), "no deflate stream in a storage that nothing refers to", verb="verify", names=["data/7"])
    # end records, descriptors, ratio
    for which in ("all", "offset"):
        b = bytearray(root())
        if which == "all":
            struct.pack_into("<HHI", b, len(b) - 14, 0xFFFF, 0xFFFF, 0xFFFFFFFF)
        struct.pack_into("<I", b, len(b) - 6, 0xFFFFFFFF)
        ok(f"ok_end_saturated_{which}", bytes(b), "the old end record leaves all to the zip64 record")
    b = root()
    at = b.find(FULL) + 48
    ok("ok_descriptor_bare", b[:at] + b[at + 4:at + 16] + bytes(4) + b[at + 16:], "a descriptor without its signature, which is optional")
    for n in range(20_000_000, 20_001_000, 200):
        z = zlib.compressobj(9, zlib.DEFLATED, -15)
        front = z.compress(bytes(n)) + z.flush(zlib.Z_FULL_FLUSH)
        if (n // 200 - len(front) - 2) % 5 == 0:
            comp = front + b"\0\0\0\xff\xff" * ((n // 200 - len(front) - 2) // 5) + b"\3\0"  # empty blocks
            break
    ratio = proto(2) + dct([(u("x"), rebuild("0", "U8", [n]))]) + STOP
    ok("ok_ratio_200", pt(ratio, {"0": bytes(n)}, lies={"data/0": dict(comp=comp, **DEFLATED)}), "exactly the limit of 200:1", [T("x", "U8", [n], bytes(n))])
    large = bytearray(140_000_000)
    for k in range(0, len(large), 999_983):
        struct.pack_into("<I", large, k, k)
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    front = z.compress(bytes(large)) + z.flush(zlib.Z_FULL_FLUSH)
    comp = front + b"\0\0\0\xff\xff" * ((len(large) // 190 - len(front)) // 5) + b"\3\0"
    large = [T("x", "I32", [1000, 35_000], bytes(large))]
    ok("ok_large_deflated", pt(proto(2) + dct([(u("x"), rebuild("0", "I32", [1000, 35_000]))]) + STOP, {"0": large[0].data}, lies={"data/0": dict(comp=comp, **DEFLATED)}), "a deflated storage that is larger than what is kept of such", large)
    # literals, keys, names
    ok("ok_reconstructor", root((u("args"), b"ccopy_reg\n_reconstructor\n(cargparse\nNamespace\nc__builtin__\nobject\nNtR}" + u("a") + i(1) + b"sb")), "a Namespace as protocols 0 and 1 write it")
    bad("numpy_object_by_name", root((u("o"), red(g("numpy", "dtype"), u("object"), FALSE, TRUE))), "a numpy array of objects")
    bad("key_float_and_integer", root((u("d"), dct([(f(1e20), i(1)), (i(10**20), i(2))]))), "1e20 and 10**20 are one key", names=["twice"])
    bad("key_two_names", root((u("d"), dct([(g("builtins", "set"), i(1)), (g("__builtin__", "set"), i(2))]))), "one class under two names", names=["twice"])
    bad("digits_2550", root((u("n"), b"L" + b"9" * 2550 + b"L\n")), "an integer of 1,059 bytes in digits", names=["limit"])
    bad("minus_zero", root((u("n"), b"I-0\n")), "-0, which Python's machines read as two things")
    bad("nan_of_one", root((u("n"), b"Fnan(1)\n")), "a number that Python does not read")
    text = b"(dVa\\\\u0041\n" + x() + b"s."
    ok("ok_two_backslashes", pt(text, {"0": FULL}), "two backslashes stand for themselves", [T("a\\\\u0041", "F32", [12], FULL)])
    for name, value in (("set", b"\x8f(" + x() + b"\x90"), ("key", dct([(x(), i(1))])), ("state", odict([]) + dct([(u("t"), x())]) + b"b")):
        ok(f"ok_tensor_in_{name}", root((u("s"), value)), "a tensor without a name is told", warn="have no name")
    ok("ok_many_unnamed", root(*[(u("l%d" % k), lst(x())) for k in range(300)]), "300 tensors without a name are told in a few lines", warn="295 more")
    short = st_text(st_entries(X)).encode()
    for n in (640, 1408):  # 0x80 0x02 and 0x80 0x05 in front
        c.add(f"differing/ok_length_{n}.bin", struct.pack("<Q", n) + short + b" " * (n - len(short)) + FULL, "safetensors", "accept", "a length that looks like a pickle, under another extension", X)


def unlike(c):
    """Arguments, keys and records of another kind than the one that is read."""
    def bad(name, blob, why, **kw):
        c.add(f"unlike/{name}.pt", blob, "torch", "reject", why, **kw)

    def call(module, function, *args):
        return root((u("y"), red(g(module, function), *args)))

    P = proto(2) + dct([(u("x"), x())]) + STOP
    v3 = g("torch._utils", "_rebuild_tensor_v3")
    bad("keywords", root((u("y"), g("collections", "OrderedDict") + b")" + dct([(u("a"), i(1))]) + b"\x92")), "keywords for a dict", names=["OrderedDict"])
    bad("factory", call("collections", "defaultdict", i(3)), "a factory that is a number", names=["defaultdict"])
    bad("namespace_of_dict", call("argparse", "Namespace", dct([])), "a Namespace of a dict", names=["Namespace"])
    bad("list_of_two", call("builtins", "list", lst(), lst()), "a list of two lists", names=["builtins.list"])
    bad("list_of_number", call("builtins", "list", i(3)), "a list of a number", names=["builtins.list"])
    bad("bytes_of_text", call("builtins", "bytes", u("a"), u("latin1")), "bytes of a text", names=["builtins.bytes"])
    bad("encode_beyond", call("_codecs", "encode", u("\u4e00"), u("latin1")), "a letter beyond latin1", names=["latin1"])
    bad("parameter_of_number", call("torch._utils", "_rebuild_parameter", i(3), TRUE, odict([])), "a parameter of a number", names=["_rebuild_parameter"])
    bad("made_by_a_class", call("torch._tensor", "_rebuild_from_type_v2", g("collections", "OrderedDict"), g("torch", "Tensor"), tup(), dct([])), "a tensor made by OrderedDict", names=["OrderedDict"])
    bad("two_dtypes", root((u("y"), red(v3, pid("0", "FloatStorage", 12), i(0), ints([3]), ints([1]), FALSE, odict([]), g("torch", "int32")))), "a tensor of int32 over a storage of floats", names=["data/0"])
    sizes = [red(v3, pid("0", "UntypedStorage", 48, module="torch.storage"), i(0), ints([3]), ints([1]), FALSE, odict([]), g("torch", dtype)) for dtype in ("uint16", "uint32")]
    bad("two_sizes_big_endian", pt(proto(2) + dct([(u("x"), sizes[0]), (u("y"), sizes[1])]) + STOP, {"0": FULL}, byteorder=b"big"), "big-endian elements of two sizes over one storage", names=["data/0"])
    bad("long_prefix", pt(proto(2) + dct([(u("p" * 5000), dct([(u("x"), x())]))]) + STOP, {"0": FULL}), "a tensor below a prefix of 5,000 bytes", names=["4096 bytes"])
    bad("many_members", pt(P, {"0": FULL}, count=1_000_001), "an archive that speaks of 1,000,001 members", names=["limit 1000000"])
    bad("bytes_in_front", pt(P, {"0": FULL}, head=b"PK\3\4more"), "bytes before the first member", names=["first member"])

    def stored(key, view=NONE):
        return tensor(tup(u("storage"), g("torch", "FloatStorage"), u(key), u("cpu"), i(12), view) + b"Q", [3], [1])
    bad("legacy_key_of_a_view", legacy([T("x", "F32", [12], FULL)], body=dct([(u("x"), stored("0", tup(u("v"), i(4), i(3)))), (u("y"), stored("v"))])), "a storage with the key of a view", names=["storage v"])
    bad("legacy_key_number", MAGIC + proto(2) + i(1001) + STOP + proto(2) + dct([(u("protocol_version"), i(1001)), (u("little_endian"), TRUE), (u("type_sizes"), dct([]))]) + STOP
        + proto(2) + dct([(u("x"), stored("0"))]) + STOP + proto(2) + lst(i(0)) + STOP + struct.pack("<Q", 12) + FULL, "a number among the keys", names=["no text"])
