"""Only regular files are read, nothing is waited for, no name inside a file leads out of its folder, and what is written has names that
every reader takes (docs/security.md).

    python run_paths.py build/release
"""
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
sys.path.insert(0, str(HERE))
import build  # noqa: E402
from fixtures.megatron import megatron_args, rank_file, rank_tensors  # noqa: E402
import named_tests  # noqa: E402
import small_gpt2  # noqa: E402


class Bench:
    def __init__(self, program, work):
        self.program, self.work, self.count = program, work, 0
        self.hf, self.place = work / "hf", work / "place"
        self.place.mkdir()
        self.hf.mkdir()
        small_gpt2.write_plain(self.hf)
        self.mc = work / "mc"
        self.run("convert", "--rules", "gpt2", self.hf, self.mc, status=0)

    # At once: nothing here is larger than a megabyte.
    def run(self, *words, status=None):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, errors="replace", timeout=10)
        statuses = status if isinstance(status, tuple) else (status,)
        assert status is None or done.returncode in statuses, f"{' '.join(map(str, words))}: exit {done.returncode}: {done.stderr}"
        return done

    def copy(self, of):
        self.count += 1
        return pathlib.Path(shutil.copytree(of, self.work / f"copy{self.count}", symlinks=True))

    def out(self):
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        return self.place / "out"


def put_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(path.parent)  # names of sockets are short
        one.bind(path.name)
        os.chdir(here)


THINGS = {"a FIFO": os.mkfifo, "a socket": put_socket, "a directory": os.mkdir, "a device": lambda p: p.symlink_to("/dev/zero"),
          "a device that never ends": lambda p: p.symlink_to("/dev/random"), "a terminal": lambda p: p.symlink_to("/dev/tty"),
          "a link to nothing": lambda p: p.symlink_to("nothing"), "a link to itself": lambda p: p.symlink_to(p.name),
          "a FIFO behind a link": lambda p: (os.mkfifo(p.parent / ".fifo"), p.symlink_to(".fifo"))}
SOME = {what: THINGS[what] for what in ("a FIFO", "a directory", "a device")}


# Each file that a reader opens, replaced by each thing that is no file.
def only_regular_files_are_read(b):
    b.run("convert", "--rules", "gpt2", "--max-shard-size", "200KB", "--to", "hf", b.hf, b.work / "shards", status=0)
    b.run("convert", "--rules", "gpt2", "--format", "torch_dist", b.hf, b.work / "dist", status=0)
    shard = sorted((b.work / "shards").glob("model-*.safetensors"))[0].name
    files = [(b.hf, "model.safetensors"), (b.hf, "config.json"), (b.work / "shards", shard), (b.work / "shards", "model.safetensors.index.json"),
             (b.mc, "latest_checkpointed_iteration.txt"), (b.mc, "release/mp_rank_00/model_optim_rng.pt"),
             (b.work / "dist", "release/.metadata"), (b.work / "dist", "release/common.pt"), (b.work / "dist", "release/metadata.json"), (b.work / "dist", "release/__0_0.distcp")]
    for source, name in files:
        for what, put in (THINGS if name == "model.safetensors" else SOME).items():
            folder = b.copy(source)
            (folder / name).unlink()
            put(folder / name)
            for words in (["verify", folder], ["convert", folder, b.out(), "--rules", "gpt2"]):
                done = b.run(*words, status=(1, 3) if words[0] == "verify" else 3)
                assert pathlib.Path(name).name in done.stderr, f"{name} as {what}: not named: {done.stderr}"
            assert not list(b.place.iterdir()), f"{name} as {what}: left {list(b.place.iterdir())}"
            shutil.rmtree(folder)


def files_that_the_user_names(b):
    for what, put in SOME.items():
        folder = b.copy(b.hf)
        thing = folder / "thing.yaml"
        put(thing)
        for words in (["check", thing], ["plan", b.hf, "--rules", thing], ["plan", "--rules", "gpt2", "--config", thing], ["plan", b.hf, "--rules", "gpt2", "--names", "hf", "--against", thing],
                      ["check", HERE.parents[1] / "rules" / "gpt2.yaml", "--config", thing], ["diff", b.hf, thing], ["init", b.hf, "--plain", "--config", thing]):
            done = b.run(*words)
            assert done.returncode in (1, 2, 3) and done.stderr, f"{words[0]} with {what}: exit {done.returncode} {done.stderr}"
        b.run("families", "--rules-dir", folder)
        b.run("convert", "--rules", "gpt2", b.hf, b.out(), "--tokenizer", folder)
        shutil.rmtree(folder)


def a_manifest_that_is_no_file(b):
    for what, put in THINGS.items():
        folder = b.copy(b.mc)
        (folder / "tessera.json").unlink()
        put(folder / "tessera.json")
        b.run("verify", folder, status=(0, 1, 3))
        shutil.rmtree(folder)


# Of links, a manifest's names follow the last, and those that a reader follows into the folders of ranks.
def a_manifest_leads_through_no_link(b):
    outside = b.work / "outside"
    outside.mkdir()
    (outside / "config.json").write_text("not the program's to read\n")
    folder = b.copy(b.mc)
    (folder / "link").symlink_to(outside)
    manifest = json.loads((folder / "tessera.json").read_text())
    manifest["files"].append({"file": "link/config.json", "bytes": 26})
    unhashed = {"files": [{k: v for k, v in one.items() if k != "outside"} for one in manifest["files"]],
                "sources": [{k: v for k, v in one.items() if k != "headers"} for one in manifest["sources"]],
                "tensors": [{k: v for k, v in one.items() if k != "hash"} for one in manifest["tensors"]]}
    (folder / "tessera.json").write_text(json.dumps({k: v for k, v in {**manifest, **unhashed}.items() if k != "self"}))
    for switch in ([], ["--no-sandbox"]):
        done = b.run(*switch, "verify", folder, status=1)
        assert "link/config.json: stands behind a link" in done.stderr + done.stdout, done.stderr + done.stdout


# What stands in the way of an output is not followed, waited for or removed.
def things_in_the_way_of_an_output(b):
    secret = b.work / "precious"
    for name in (".out.partial", "out.lock", "out"):
        for what, put in {**SOME, "a link to a file": lambda p: p.symlink_to(secret), "a link to a folder": lambda p: p.symlink_to(b.work / "folder")}.items():
            secret.write_text("precious\n")
            (b.work / "folder").mkdir(exist_ok=True)
            (b.work / "folder" / "kept").write_text("kept\n")
            out = b.out()
            put(b.place / name)
            b.run("convert", "--rules", "gpt2", b.hf, out, status=(0, 2, 3))
            b.run("convert", "--rules", "gpt2", b.hf, out, "--overwrite", "--resume", status=(0, 2, 3))
            assert secret.read_text() == "precious\n", f"{name} as {what}: the file that it led to was written"
            assert (b.work / "folder" / "kept").exists() or name == "out", f"{name} as {what}: the folder that it led to was emptied"


# Names that an index may not have, each with a file where it would lead.
def an_index_leads_nowhere(b):
    (b.work / "outside.safetensors").write_bytes((b.hf / "model.safetensors").read_bytes())
    names = ["../outside.safetensors", str(b.work / "outside.safetensors"), "sub/model.safetensors", "./model.safetensors", "..", ".", "", "a\\model.safetensors", "C:model.safetensors", "model.safetensors\0.safetensors", "model.safetensors/", "//model.safetensors", "config.json", "a\nb.safetensors", "x" * 300 + ".safetensors"]
    tensors = json.loads((b.hf / "model.safetensors").read_bytes()[8:][:struct.unpack("<Q", (b.hf / "model.safetensors").read_bytes()[:8])[0]])
    for name in names:
        folder = b.copy(b.hf)
        (folder / "sub").mkdir()
        shutil.copy(folder / "model.safetensors", folder / "sub")
        (folder / "model.safetensors").rename(folder / "model-1.safetensors")
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {t: name for t in tensors if t != "__metadata__"}}))
        done = b.run("convert", "--rules", "gpt2", folder, b.out(), status=3)
        assert "index.json" in done.stderr, done.stderr
        shutil.rmtree(folder)


def parents_of_rules_lead_nowhere(b):
    rules = b.work / "rules"
    (rules / "sub").mkdir(parents=True)
    shutil.copy(HERE.parents[1] / "rules" / "gpt2.yaml", rules / "outside.yaml")
    for name in ("../outside", str(rules / "outside"), "..", "outside.yaml", "./outside", '"outside\\0"', "~", "''"):
        (rules / "sub" / "mine.yaml").write_text(f"rules: 1\nfamily: mine\nextends: {name}\n")
        b.run("check", rules / "sub" / "mine.yaml", status=1)


# Tensor names are text: none becomes a path, in any format.
def tensor_names_are_no_paths(b):
    names = ["../../escaped", "/tmp/escaped-absolute", "a/../../b", ".", "..", "C:\\x", "a" * 300]
    tensors = [build.T(name, "F32", [1]) for name in names]
    blob, data = build.st(tensors), b.copy(b.hf)
    (data / "model.safetensors").write_bytes(blob)
    before = sorted(p for p in b.work.rglob("*"))
    for words in (["inspect", "--tree", data], ["verify", data], ["convert", "--rules", "gpt2", data, b.out()], ["init", data, "--plain"], ["diff", data, data]):
        b.run(*words)
    (data / "model.safetensors").unlink()
    (data / "pytorch_model.bin").write_bytes(build.pt_of(tensors))
    b.run("inspect", data)
    b.run("convert", "--rules", "gpt2", data, b.out())
    after = sorted(p for p in b.work.rglob("*") if p.name != "pytorch_model.bin")
    assert set(after) <= set(before) and not os.path.exists("/tmp/escaped-absolute"), set(after) - set(before)


# A folder of somebody else's tokenizer has files by which a reader would take the output for something else.
def side_files_do_not_pose_as_the_checkpoint(b):
    tokenizer = b.work / "tokenizer"
    tokenizer.mkdir()
    posing = ["latest_checkpointed_iteration.txt", ".metadata", "release", "iter_0000007", "mp_rank_00", "tessera.json", ".tessera-resume", "config.json", "model.safetensors.index.json", "metadata.json"]
    for name in posing + ["words.txt"]:
        (tokenizer / name).write_text("7\n")
    for options in (["--to", "mcore"], ["--to", "mcore", "--format", "torch_dist"], ["--to", "hf"], ["--to", "hf", "--format", "bin"]):
        out = b.out()
        b.run("convert", "--rules", "gpt2", b.hf, out, "--tokenizer", tokenizer, *options, status=0)
        assert (out / "words.txt").read_text() == "7\n"
        done = b.run("verify", out, status=0)
        b.run("diff", out, b.hf, status=0)
        assert not (out / ".tessera-resume").exists()


def side_files_have_names_that_can_be_written_down(b):
    for name in (b"tokenizer\xff.json", b"tokenizer\n.json", b"tokenizer\x1b[2J.json", "tokenizer\u202e.json".encode()):
        folder = b.copy(b.hf)
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(b"{}")
        for to in ("hf", "mcore"):
            done = b.run("convert", "--rules", "gpt2", folder, b.out(), "--to", to, status=3)  # before anything is made
            assert "rename or remove it" in done.stderr and not list(b.place.iterdir()), done.stderr


def rules_write_names_that_can_be_read(b):
    sound = (HERE.parents[1] / "rules" / "gpt2.yaml").read_text()
    line = next(l for l in sound.splitlines() if "wte.weight" in l and "hf:" in l)
    for name in ('"__metadata__"', '"a\\0b"', '""', "x" * 5000):
        path = b.work / "named.yaml"
        path.write_text(sound.replace(line, line.replace("word_embeddings.weight", name)).replace("family: gpt2", "family: named"))
        out = b.out()
        done = b.run("convert", "--rules", path, b.hf, out)
        assert done.returncode in (1, 2, 3) or b.run("inspect", out).returncode == 0, f"{name[:20]}: was written, and cannot be read: {b.run('inspect', out).stderr}"


# An iteration is Megatron's to say, and a number that its folder's name can hold.
def iterations_are_numbers_of_folders(b):
    for value in (-5, 5, 10**18, "x"):
        folder = b.copy(b.hf)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "iteration": value}))
        out = b.out()
        b.run("convert", "--rules", "gpt2", folder, out, status=0)
        assert (out / "latest_checkpointed_iteration.txt").read_text() == "release", value
    tensors = rank_tensors(0, 1)
    args = megatron_args(tensor_model_parallel_size=1)
    for value, status in ((5, 0), (-5, 3), (10**18 - 1, 0), (10**18, 3), (2**63 - 1, 3)):
        folder = b.work / f"iteration{value}"
        rank = folder / "mp_rank_00"
        rank.mkdir(parents=True)
        (rank / "model_optim_rng.pt").write_bytes(rank_file(tensors, args, iteration=value))
        b.run("inspect", folder, status=status)


TESTS = [only_regular_files_are_read, files_that_the_user_names, a_manifest_that_is_no_file, a_manifest_leads_through_no_link, things_in_the_way_of_an_output, an_index_leads_nowhere, parents_of_rules_lead_nowhere,
         tensor_names_are_no_paths, side_files_do_not_pose_as_the_checkpoint, side_files_have_names_that_can_be_written_down, rules_write_names_that_can_be_read, iterations_are_numbers_of_folders]

sys.exit(named_tests.run(TESTS, lambda build, work: Bench(str(build / "tessera"), work)))
