"""The program gives up what no conversion needs before it reads the first byte of a file (docs/security.md).

    python run_confined.py build/release

What a confined process is refused is tested by tests/cli; here, that each verb is confined when it reads, and that it still can do
its work: through links of a download cache, from read-only folders, with rules and tokenizers elsewhere, to its last rename.
"""
import ctypes
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
import named_tests  # noqa: E402
import small_gpt2  # noqa: E402


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "tessera.json"}


class Bench:
    def __init__(self, build, work):
        self.program, self.work = str(build / "tessera"), work
        self.hf, self.secret = work / "models" / "hf", work / "secret"
        self.hf.mkdir(parents=True)
        small_gpt2.write_plain(self.hf)
        (self.hf / "tokenizer.json").write_text('{"a": 1}\n')
        self.secret.write_text("secret\n")
        self.place = work / "place"
        self.place.mkdir()
        self.mc = self.place / "mc"
        self.run("convert", "--rules", "gpt2", self.hf, self.mc, "--tp", 2, "--pp", 2)
        self.tries = work / "tries.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wno-unused-result", "-o", self.tries, HERE / "tries.c", "-ldl"], check=True)

    def run(self, *words, status=0, env=None, **more):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, env={**os.environ, **(env or {})}, **more)
        assert done.returncode == status, f"{' '.join(map(str, words))}: exit {done.returncode}: {done.stderr}"
        return done

    # What the verb was let do when it read its first byte.
    def let(self, *words, **more):
        made = self.work / "made"
        made.unlink(missing_ok=True)
        env = {"LD_PRELOAD": str(self.tries), "TRY_READ": str(self.secret), "TRY_MAKE": str(made), "TRY_WRITE": str(self.hf / "model.safetensors")}
        err = self.run(*words, env=env, **more).stderr
        assert "tried" in err, f"{words[0]}: nothing was tried: {err}"
        return {line[5:] for line in err.splitlines() if line.startswith("let: ")}

    def fresh(self):
        shutil.rmtree(self.place / "out", ignore_errors=True)
        return self.place / "out"


EVERYTHING = {"a process", "a socket", "a secret", "the source, to write", "a file elsewhere"}


def can_landlock():
    return ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) >= 1


def verbs(b):
    rules = pathlib.Path(__file__).resolve().parents[2] / "rules" / "gpt2.yaml"
    yield "convert", "--rules", "gpt2", b.hf, b.fresh()
    yield "convert", "--dry-run", "--rules", "gpt2", b.hf, b.fresh()
    yield "verify", b.hf
    yield "diff", b.hf, b.mc
    yield "inspect", b.hf
    yield "plan", b.hf, "--rules", "gpt2"
    yield "explain", b.hf, "transformer.wte.weight", "--rules", "gpt2"
    yield "check", rules
    yield "check", rules, "--config", b.hf / "config.json"
    yield "families",
    yield "init", b.hf, "--plain", "--family", "mine"


def every_verb_is_confined(b):
    left = EVERYTHING if not can_landlock() else set()
    for words in verbs(b):
        got = b.let(*words)
        assert got <= left - {"a process", "a socket"}, f"{words[0]} was let have {got}"


def no_sandbox_keeps_all_rights(b):
    for words in verbs(b):
        got = b.let("--no-sandbox", *words)
        assert got == EVERYTHING, f"{words[0]} was let have {got} only: the test above would see nothing"


# The kernel's own account of a process that waits, since nobody reads what it says.
def the_kernel_says_so(b):
    for options, expected in (([], {"NoNewPrivs": "1", "Seccomp": "2"}), (["--no-sandbox"], {"NoNewPrivs": "0", "Seccomp": "0"})):
        read, write = os.pipe()
        os.set_blocking(write, False)
        try:
            while True:
                os.write(write, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(write, True)
        run = subprocess.Popen([b.program, *options, "convert", "--rules", "gpt2", str(b.hf), str(b.fresh())], stdout=write, stderr=write)
        os.close(write)
        status = {}
        while "S" not in status.get("State", "") or status.get("wchan") != "waits":
            status = dict(line.split(":\t") for line in pathlib.Path(f"/proc/{run.pid}/status").read_text().splitlines() if ":\t" in line)
            status["wchan"] = "waits" if pathlib.Path(f"/proc/{run.pid}/syscall").read_text().split()[0] == WRITE else ""
            assert run.poll() is None
        with os.fdopen(read, "rb") as rest:
            rest.read()
        run.wait()
        inherited = dict(line.split(":\t") for line in pathlib.Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
        got = {key: status[key].strip() for key in expected}
        if options:
            expected = {key: inherited[key].strip() for key in expected}  # of a container that confines all of us
        assert got == expected, f"{options}: {got}"


WRITE = {"x86_64": "1", "aarch64": "64"}.get(os.uname().machine, "1")


# models/hub/models--X/snapshots/HASH/NAME -> ../../blobs/HASH
def download_cache(b):
    cache = b.work / "hub" / "models--x"
    blobs, snapshot = cache / "blobs", cache / "snapshots" / "0123"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for number, file in enumerate(sorted(b.hf.iterdir())):
        shutil.copy(file, blobs / str(number))
        (snapshot / file.name).symlink_to(f"../../blobs/{number}")
    return snapshot


def links_of_a_download_cache_are_followed(b):
    snapshot, out = download_cache(b), b.fresh()
    b.run("convert", "--rules", "gpt2", b.hf, out, "--tp", 2)
    plain = tree(out)
    out = b.fresh()
    b.run("convert", "--rules", "gpt2", snapshot, out, "--tp", 2)
    assert tree(out) == plain and "tokenizer.json" in plain
    b.run("verify", snapshot)
    b.run("diff", snapshot, b.hf)
    b.run("inspect", snapshot / "model.safetensors")
    away = b.work / "away"
    away.symlink_to(snapshot)
    b.run("inspect", away)


def links_to_folders_that_nobody_enters_are_not(b):
    for folder in (b.hf, b.mc):
        (folder / "link").symlink_to(b.work)
        (folder / "release").is_dir() and (folder / "release" / "link").symlink_to(b.work)
        got = b.let("inspect", folder)
        for link in (folder / "link", folder / "release" / "link"):
            link.unlink(missing_ok=True)
        assert not can_landlock() or "a secret" not in got, f"{folder.name}: what its link leads to was let be read"


def links_in_rank_folders_are_followed(b):
    linked, far = b.work / "linked", b.work / "far"
    shutil.copytree(b.mc, linked)
    far.mkdir()
    for number, rank in enumerate(sorted((linked / "release").iterdir())):
        if number % 2:
            shutil.move(rank, far / rank.name)
            rank.symlink_to(far / rank.name)
        else:
            file = rank / "model_optim_rng.pt"
            shutil.move(file, far / f"{number}.pt")
            file.symlink_to(far / f"{number}.pt")
    b.run("diff", linked, b.hf)
    b.run("verify", linked)
    b.run("convert", linked, b.fresh(), "--to", "hf")


def what_lies_above_is_read(b):
    b.run("verify", b.mc / "release")  # its manifest stands above
    b.run("verify", b.mc / "release" / "mp_rank_00_000" / "model_optim_rng.pt")
    b.run("convert", b.mc / "release", b.fresh(), "--to", "hf")
    assert (b.place / "out" / "tokenizer.json").exists()


def rules_and_tokenizers_elsewhere_are_read(b):
    rules, tokenizer = b.work / "my rules", b.work / "tokenizer"
    rules.mkdir()
    tokenizer.mkdir()
    (tokenizer / "real").write_text("words\n")
    (tokenizer / "vocab.json").symlink_to("real")
    (rules / "mine.yaml").write_text("rules: 1\nfamily: mine\nextends: gpt2\n")
    out = b.fresh()
    b.run("convert", "--rules", rules / "mine.yaml", b.hf, out, "--tokenizer", tokenizer, "--dialect", "legacy")
    assert (out / "vocab.json").read_text() == "words\n"
    out = b.fresh()
    b.run("convert", "--rules", "mine.yaml", b.hf, out, cwd=rules)
    b.run("families", "--rules-dir", rules)
    listed = b.work / "names"
    listed.write_text(b.run("plan", b.hf, "--rules", "gpt2", "--names", "mcore").stdout)
    b.run("plan", b.hf, "--rules", "gpt2", "--names", "mcore", "--against", listed)
    b.run("init", b.hf, "--family", "mine", "--plain", "-o", b.work / "drafts.yaml")
    assert (b.work / "drafts.yaml").read_text()


def outputs_are_replaced_and_gone_on_with(b):
    out = b.fresh()
    b.run("convert", "--rules", "gpt2", b.hf, out)
    b.run("convert", "--rules", "gpt2", b.hf, out, "--tp", 2, status=2)
    b.run("convert", "--rules", "gpt2", b.hf, out, "--tp", 2, "--overwrite", "--verify")
    b.run("convert", "--rules", "gpt2", b.hf, out, "--tp", 2, "--overwrite", "--resume")
    aside = b.work / "place" / "link"
    empty = b.work / "elsewhere" / "empty"
    empty.mkdir(parents=True)
    aside.symlink_to(empty)  # the output is where the link leads
    b.run("convert", "--rules", "gpt2", b.hf, aside)
    assert (empty / "tessera.json").exists()
    b.run("convert", "--rules", "gpt2", b.hf, "here", cwd=b.place)
    left = [p.name for p in b.place.iterdir() if p.name.startswith(".") or p.name.endswith(".lock")]
    assert not left, left
    aside.unlink()


# Rights that were not declared are not there, so a reader that came to open more would be noticed here.
def strace_finds_no_refusal(b):
    if not shutil.which("strace"):
        return
    log = b.work / "trace"
    for words in verbs(b):
        subprocess.run(["strace", "-f", "-o", log, "-e", "trace=all", b.program, *map(str, words)], capture_output=True)
        refused = [line for line in log.read_text().splitlines() if "= -1 EACCES" in line or "= -1 EPERM" in line]
        assert not refused, f"{words[0]}: {refused[:3]}"


TESTS = [every_verb_is_confined, no_sandbox_keeps_all_rights, the_kernel_says_so, links_of_a_download_cache_are_followed,
         links_to_folders_that_nobody_enters_are_not, links_in_rank_folders_are_followed, what_lies_above_is_read, rules_and_tokenizers_elsewhere_are_read,
         outputs_are_replaced_and_gone_on_with, strace_finds_no_refusal]

sys.exit(named_tests.run(TESTS, Bench))
