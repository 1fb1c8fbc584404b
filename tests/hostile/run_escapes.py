"""Nothing that came from a file reaches the terminal as it is: every verb, over files whose every text is hostile.

    python run_escapes.py build/release

Each fixture has names, values, keys or texts with ESC, BEL, CR, DEL, C1 controls, bidi marks, line breaks and 3,000 letters. Of what
is printed it is asked: no character that moves the cursor, reorders or hides; no line begun by a text from a file; no text longer than
200 bytes; at most 20 diagnostics; and JSON that is JSON.
"""
import fcntl
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
sys.path.insert(0, str(HERE))
import build  # noqa: E402
from fixtures.megatron import megatron_args, rank_file, rank_tensors  # noqa: E402
import small_gpt2  # noqa: E402

LONG = "W" * 3000
EVIL = "\x1b[2J\x1b]0;owned\x07\rE\x7f\x85\x9b1m\u202eR\u200b\u2066x\ufeff\nFORGED: line"
CRUEL = [EVIL + LONG]
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
DIAGNOSTIC = re.compile(r"^(?:\S+: )?(?:error|warning)(?:\[|:)", re.M)


def faults(words, done, form):
    for stream, raw in (("stdout", done.stdout), ("stderr", done.stderr)):
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as wrong:
            yield f"{stream}: no UTF-8: {wrong}"
            continue
        if bad := HARMFUL.search(text):
            yield f"{stream}: {bad[0]!r} in {text[max(0, bad.start() - 60):bad.end() + 20]!r}"
        if re.search(r"^\W{0,4}FORGED", text, re.M):
            yield f"{stream}: a text from a file begins a line: {text[max(0, text.find('FORGED') - 80):][:120]!r}"
        if (stream, form) not in (("stdout", "json"), ("stdout", "html"), ("stdout", "data")) and (long := re.search("W{200}", text)):
            yield f"{stream}: a name of thousands of bytes is shown: {text[max(0, long.start() - 80):long.start() + 8]!r}"
        if stream == "stderr" and len(DIAGNOSTIC.findall(text)) > 21:
            yield f"{len(DIAGNOSTIC.findall(text))} diagnostics"
        if stream == "stderr" and len(raw) > 32768:
            yield f"{len(raw)} bytes on stderr"
    if done.returncode < 0 or done.returncode > 3:
        yield f"exit {done.returncode}"
    if form == "json" and done.returncode == 0:
        try:
            json.loads(done.stdout)
        except ValueError as wrong:
            yield f"no JSON: {wrong}"


class Bench:
    def __init__(self, program, work):
        self.program, self.work, self.passed, self.failed, self.ended = program, work, 0, 0, {}

    def run(self, *words, form="text"):
        out = self.work / "out"
        subprocess.run(["rm", "-rf", out], check=True)
        command = [self.program, *[os.fsencode(w) if isinstance(w, (str, pathlib.Path)) else str(w) for w in words]]
        try:
            done = subprocess.run(command, capture_output=True, cwd=self.work, timeout=120)
            found = list(faults(words, done, form))
        except subprocess.TimeoutExpired:
            done, found = subprocess.CompletedProcess(command, -1), ["not judged within two minutes"]
        self.ended[done.returncode] = self.ended.get(done.returncode, 0) + 1
        self.passed += not found
        self.failed += bool(found)
        for fault in found[:3]:
            shown = " ".join(ascii(str(w))[1:-1][:90] for w in words)
            print(f"failed  {shown} (exit {done.returncode}): {fault}", flush=True)
        return done

    # A checkpoint through every verb.
    def all_verbs(self, path, rules="gpt2", name="wte.weight"):
        out = self.work / "out"
        self.run("inspect", path)
        self.run("inspect", "--tree", path)
        self.run("inspect", "--json", path, form="json")
        self.run("verify", path)
        self.run("verify", "--json", path, form="json")
        self.run("plan", path)
        self.run("plan", path, "--rules", rules)
        self.run("explain", path, name, "--rules", rules)
        self.run("convert", "-v", path, out, "--rules", rules)
        self.run("plan", path, "--rules", rules, "--names", "hf")
        self.run("plan", path, "--rules", rules, "--json", form="json")
        for form in ("dot", "svg", "html"):
            self.run("plan", path, "--rules", rules, "--format", form, form=form if form == "html" else "text")
        self.run("explain", path, name, "--rules", rules, "--json", form="json")
        self.run("convert", "--json", "--rules", rules, path, out, form="json")
        self.run("init", path, form="data")
        self.run("init", "--json", "--plain", path, form="json")
        self.run("diff", path, self.work / "sound")
        self.run("diff", "--all", "--json", self.work / "sound", path, form="json")
        self.run("check", make_rules(self.work), "--checkpoint", path)


def make_rules(work):
    path = work / "sound_rules.yaml"
    if not path.exists():
        shutil.copy(HERE.parents[1] / "rules" / "gpt2.yaml", path)
    return path


def header_of(path):
    blob = path.read_bytes()
    size = struct.unpack("<Q", blob[:8])[0]
    return json.loads(blob[8:8 + size]), blob[8 + size:]


def put_header(path, header, data):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def hf_copy(b, name):
    folder = b.work / name
    shutil.copytree(b.work / "sound", folder)
    return folder


def strange_tensors(b):
    for number, text in enumerate(CRUEL + [LONG]):
        folder = hf_copy(b, f"tensors{number}")
        header, data = header_of(folder / "model.safetensors")
        header["__metadata__"] = {text: text}
        for k in range(30):
            header[f"{text[:3900]}{k}"] = {"dtype": "F32", "shape": [0], "data_offsets": [len(data), len(data)]}
        put_header(folder / "model.safetensors", header, data)
        b.all_verbs(folder, name=text[:4000])
        b.run("inspect", "--tree", folder / "model.safetensors")


def strange_headers(b):
    folder = hf_copy(b, "headers")
    file = folder / "model.safetensors"
    header, data = header_of(file)
    name = next(k for k in header if k != "__metadata__")
    for text in CRUEL:
        for change in ({"dtype": text}, {text: 1}, {"shape": [text]}, {"shape": text}):
            put_header(file, {**header, text: {**header[name], **change}}, data)
            b.run("inspect", folder)
        put_header(file, {**header, text: header[name]}, data)
        b.run("inspect", folder)
    for raw in (b'{"\x1b[2J":1}', b'{"a\xff\xfe":1}', b'{"' + EVIL.encode() + b'":1}', b'\x1b\x07 not json'):
        file.write_bytes(struct.pack("<Q", len(raw)) + raw)
        b.run("inspect", folder)
        b.run("verify", folder)


def strange_configs(b):
    for number, text in enumerate(CRUEL):
        folder = hf_copy(b, f"config{number}")
        sound = json.loads((folder / "config.json").read_text())
        for key in ("model_type", "architectures", "n_head", "torch_dtype", "activation_function"):
            (folder / "config.json").write_text(json.dumps({**sound, key: text}))
            b.run("plan", folder)
            b.run("convert", folder, b.work / "out", "--rules", "gpt2")
            b.run("check", make_rules(b.work), "--config", folder / "config.json")
            b.run("init", folder, "--plain", form="data")
            b.run("diff", folder, b.work / "sound", "--strict")
        (folder / "config.json").write_text(json.dumps({**sound, text: text, "auto_map": {text: [text, {text: text}]}, f"{text}.{text}": 1, **{f"{text}{k}": k for k in range(30)}}))
        b.all_verbs(folder)
    folder = hf_copy(b, "no_json")
    for raw in (b'{"a": \x1b[2J}', b'{"\xff": 1}', EVIL.encode(), b'{"' + EVIL.encode() + b'": 1', b'{"a": 1, "a": "' + b"W" * 3000 + b'"}', b"[" * 100):
        (folder / "config.json").write_bytes(raw)
        b.run("inspect", folder)
        b.run("plan", "--rules", "gpt2", "--config", folder / "config.json")


def strange_indices(b):
    folder = hf_copy(b, "index")
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    header, _ = header_of(folder / "model-1.safetensors")
    sound = {name: "model-1.safetensors" for name in header if name != "__metadata__"}
    for text in CRUEL:
        for index in ({**sound, text: "model-1.safetensors"}, {**sound, text: text}, {**sound, text: text + ".safetensors"}, {**sound, text: {text: text}}):
            (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 1, text: text}, "weight_map": index}))
            b.run("inspect", folder)
            b.run("verify", folder)
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": text}, "weight_map": sound}))
        b.run("inspect", folder)


def strange_file_names(b):
    folder = hf_copy(b, "files")
    for name in (EVIL.encode(), b"tokenizer\x1b[2J\r.json", b"vocab\xff\xfe.txt", b"\nFORGED.safetensors", b"extra\x9b.bin", "pytorch_model\u202e.bin".encode(), b"w\xff.safetensors"):
        with open(os.path.join(os.fsencode(folder), name.replace(b"/", b"")), "wb") as file:
            file.write(b"{}")
    b.all_verbs(folder)
    b.run("convert", "--tokenizer", folder, "--rules", "gpt2", b.work / "sound", b.work / "out")
    inside = os.path.join(os.fsencode(b.work), b"folder\x1b[2J\r\xff\n")
    shutil.copytree(os.fsencode(b.work / "sound"), inside)
    b.all_verbs(os.fsdecode(inside))
    b.run("convert", "--rules", "gpt2", b.work / "sound", os.fsdecode(inside) + "-out")
    b.run("verify", os.fsdecode(inside) + "-out")
    b.run("inspect", b.work / "no\x1b[2J\nFORGED such")


def strange_archives(b):
    folder = hf_copy(b, "archive")
    (folder / "model.safetensors").unlink()
    file = folder / "pytorch_model.bin"
    plain = [build.T("a", "F32", [2])]
    def put(pickle, **more):
        file.write_bytes(build.pt(pickle, {"0": plain[0].data}, **more))
    for text in CRUEL:
        text = text[:4000]
        file.write_bytes(build.pt_of([build.T(f"{text[:1300]}{k}", "F32", [1]) for k in range(25)]))
        b.all_verbs(folder)
        tensor = build.rebuild("0", "F32", [2])
        word = text.replace("\n", "")
        for value in (build.g(word, "x"), build.g("x", word), build.red(build.g("other", word), build.u(text)), build.g("torch", word), build.red(build.g("torch", word)), build.u(text), build.lst(build.u(text))):
            for body in (build.dct([(build.u(text), tensor), (build.u("b"), value)]), build.dct([(build.u("a"), value)]), build.dct([(value, tensor)])):
                put(build.proto(2) + body + build.STOP)
                b.run("inspect", folder)
                b.run("inspect", "--json", folder, form="json")
        put(build.proto(2) + build.dct([(build.u("a"), build.red(build.g("torch._utils", "_rebuild_tensor_v2"), build.pid(text, loc=text), build.i(0), build.ints([2]), build.ints([1]), build.FALSE, build.odict([])))]) + build.STOP)
        b.run("inspect", folder)
        for member in (text, "archive/" + text, f"archive/data/{text}"):
            put(build.proto(2) + build.dct([(build.u("a"), tensor)]) + build.STOP, extra=[build.Rec(member[:3000], b"x")])
            b.run("inspect", folder)
            b.run("verify", folder)
        for short in ("version", "byteorder"):
            put(build.proto(2) + build.dct([(build.u("a"), tensor)]) + build.STOP, **{short: text.encode()})
            b.run("inspect", folder)


def strange_ranks(b):
    folder = b.work / "ranks"
    tensors = rank_tensors(0, 1)
    (folder / "iter_0000005" / "mp_rank_00").mkdir(parents=True)
    file, tracker = folder / "iter_0000005" / "mp_rank_00" / "model_optim_rng.pt", folder / "latest_checkpointed_iteration.txt"
    sound = megatron_args(tensor_model_parallel_size=1)
    for text in CRUEL:
        text = text[:2000]
        tracker.write_text("5")
        for args in ({**sound, text: text}, {**sound, "num_layers": text}, {**sound, "params_dtype": text}, {**sound, "position_embedding_type": text}):
            file.write_bytes(rank_file(tensors, args, extra=[(build.u(text), build.u(text))]))
            b.run("inspect", folder)
            b.run("convert", "--rules", "gpt2", folder, b.work / "out")
        file.write_bytes(rank_file(tensors + [build.T(f"{text[:900]}{k}", "F32", [1]) for k in range(25)], {**sound, text: [text, {text: text}]}, extra=[(build.u(text + "2"), build.u(text))]))
        b.all_verbs(folder)
        tracker.write_text(text[:60])
        b.run("inspect", folder)
    tracker.write_text("5")
    for name in (b"mp_rank_\x1b[2J", b"mp_rank_00\xff", b"mp_rank_0\n1", "mp_rank_\u202e".encode()):
        os.mkdir(os.path.join(os.fsencode(folder), b"iter_0000005", name))
        b.run("inspect", folder)
        os.rmdir(os.path.join(os.fsencode(folder), b"iter_0000005", name))
    tracker.unlink()
    for name in (b"iter_\x1b[2J", b"iter_7\xff"):
        os.mkdir(os.path.join(os.fsencode(folder), name))
    b.run("inspect", folder)


def strange_manifests(b):
    out = b.work / "converted"
    b.run("convert", "--no-hash", "--rules", "gpt2", b.work / "sound", out)
    path = out / "tessera.json"
    sound = json.loads(path.read_text())
    for text in CRUEL:
        for change in ({"tessera": text}, {text: text}, {"plan": text}, {"files": sound["files"] + [{"file": text[:200].replace("/", ""), "bytes": 1}]},
                       {"files": [{"file": text, "bytes": text}]}, {"tensors": [{**sound["tensors"][0], "name": text, "bytes": 1 << 60}]}, {"tensors": [{**sound["tensors"][0], "file": text}]}):
            path.write_text(json.dumps({**sound, **change}))
            b.run("verify", out)
            b.run("verify", "--json", out, form="data")
    path.write_bytes(b'{"\xff\x1b[2J"')
    b.run("verify", out)


def yaml_text(text):
    return json.dumps(text)  # every escape of JSON is one of YAML


def strange_rules(b):
    folder = b.work / "rules"
    folder.mkdir()
    sound = (HERE.parents[1] / "rules" / "gpt2.yaml").read_text()
    for number, text in enumerate(CRUEL):
        said = yaml_text(text[:4000])
        plain = text[:4000].replace("\n", " ")
        changes = [sound.replace("family: gpt2", f"family: {said}"), sound + f"\n{said}: {said}\n", sound + f"\nnotes:\n  - {said}\n", sound.replace("gpt2", said, 1),
                   sound + f"\nignore:\n  hf: {{ {said}: {said} }}\n", sound + f"\nrules:\n  {said}: {said}\n", f"rules: {said}\n", f"rules: 1\nfamily: x\nextends: {said}\n", f"rules: 1\nfamily: x\n{plain}\n",
                   re.sub(r"(?m)^(  \w+: )(\d+)", lambda m: m[1] + said, sound, count=1), sound.replace("h: hidden_size", f"h: {said}"), sound.replace("mcore:", f"{said}:"), sound.replace("wte.weight", plain[:800]),
                   *[sound.replace(line, line + " " + said, 1) for line in sound.splitlines() if ":" in line and not line.strip().startswith("#")][::9]]
        for k, changed in enumerate(changes):
            path = folder / f"r{number}_{k}.yaml"
            path.write_bytes(changed.encode("utf-8", "surrogatepass"))
            done = b.run("check", "--json", path, form="json")
            if done.returncode == 0:
                b.run("check", "--flat", path, form="data")
                b.run("plan", b.work / "sound", "--rules", path)
        b.run("check", *sorted(folder.glob(f"r{number}_*.yaml")))
    (folder / "bytes.yaml").write_bytes(sound.encode() + b"\n\xff\x1b[2J: 1\n")
    (folder / "x\x1b[2J.yaml").write_text("rules: 1\n")
    b.run("check", folder / "bytes.yaml")
    b.run("check", folder / "x\x1b[2J.yaml")
    b.run("families", "--rules-dir", folder)
    b.run("families", "--rules-dir", folder, "--json", form="json")
    (folder / "dialects").mkdir()
    for number, text in enumerate(CRUEL):
        said = yaml_text(text[:4000])
        for k, body in enumerate((f"dialect: {said}\nside: mcore\n", f"dialect: d\nside: {said}\n", f"dialect: d\nside: mcore\nrename: {{ {said}: {said} }}\n", f"{said}: {said}\n", f"packing: {said}\nside: {said}\n")):
            path = folder / "dialects" / f"d{number}_{k}.yaml"
            path.write_text(body)
            b.run("check", path)
    b.run("plan", b.work / "sound", "--rules", "gpt2", "--rules-dir", folder)
    # a sound family whose every free text is hostile, so that verbs that succeed show it
    notes = folder / "noted.yaml"
    notes.write_text(sound.replace("family: gpt2", "family: noted") + f"\nnotes:\n  - {yaml_text(EVIL)}\n  - {yaml_text(LONG)}\n")
    b.run("check", notes)
    b.run("plan", b.work / "sound", "--rules", notes)
    b.run("convert", b.work / "sound", b.work / "out", "--rules", notes)


def strange_words(b):
    listed, out = b.work / "list", b.work / "out"
    listed.write_bytes(EVIL.encode() + b"\n" + LONG.encode() + b"\n\xff\xfe\n")
    sound = b.work / "sound"
    b.run("plan", sound, "--rules", "gpt2", "--names", "hf", "--against", listed)
    for text in (EVIL, LONG):
        for words in (["plan", sound, "--rules", text], ["plan", sound, "--from", text], ["plan", sound, "--to", text], ["plan", sound, "--dialect", text], ["plan", sound, "--dtype", text],
                      ["plan", sound, "--set", f"{text}={text}"], ["plan", sound, "--set", text], ["plan", sound, "--place", f"{text}={text}"], ["plan", sound, "--place", f"pp={text}"], ["plan", sound, "--name", text],
                      ["plan", sound, "--names", text], ["plan", sound, "--format", text], ["explain", sound, text], ["check", "--explain", text], ["check", f"--schema={text}"], [text], ["convert", sound, out, "--memory", text],
                      ["convert", sound, out, "--tokenizer", text[:100]], ["convert", sound, out, "--format", text], ["convert", sound, out, "--device", text], ["diff", sound, sound, "--set", f"{text}=1"], ["--" + text]):
            b.run(*words)


def strange_locks(b):
    lock = b.work / "held.lock"
    for text in (EVIL, "tessera 1\x1b[2J host\x07\n", "tessera " + LONG, "tessera 1 \u202ehost"):
        lock.write_text(text)
        with open(lock) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            b.run("convert", "--rules", "gpt2", b.work / "sound", b.work / "held")
        lock.unlink(missing_ok=True)


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve() / "tessera")
    wanted = sys.argv[2:]
    tests = [strange_tensors, strange_headers, strange_configs, strange_indices, strange_file_names, strange_archives, strange_ranks, strange_manifests, strange_rules, strange_words, strange_locks]
    with tempfile.TemporaryDirectory() as work:
        b = Bench(program, pathlib.Path(work))
        (b.work / "sound").mkdir()
        small_gpt2.write_plain(b.work / "sound")
        for test in tests:
            if not wanted or test.__name__ in wanted:
                test(b)
    print("exit codes: " + ", ".join(f"{code}: {count}" for code, count in sorted(b.ended.items())))
    print(f"{b.passed} passed, {b.failed} failed")
    sys.exit(1 if b.failed or not b.passed else 0)


if __name__ == "__main__":
    main()
