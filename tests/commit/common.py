"""What the tests of the commit protocol share: a checkpoint, the shim that makes faults, and looking at what stands where."""
import contextlib
import hashlib
import os
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
import named_tests  # noqa: E402
import sanitized  # noqa: E402
import small_gpt2  # noqa: E402

# Ways to write: every format, in one file and in several.
WAYS = {
    "torch": ("--tp", "2", "--pp", "2"),
    "torch_dist": ("--format", "torch_dist", "--max-shard-size", "200KB"),
    "safetensors": ("--to", "hf", "--max-shard-size", "200KB"),
    "bin": ("--to", "hf", "--format", "bin", "--max-shard-size", "200KB"),
}


@contextlib.contextmanager
def sizes(**config):
    """Of the checkpoints that small_gpt2 makes."""
    before = dict(small_gpt2.CONFIG)
    small_gpt2.CONFIG.update(config)
    try:
        yield
    finally:
        small_gpt2.CONFIG.update(before)


def as_at_a_terminal():
    """What a shell or a service in the background ignores, a program that it starts would ignore too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Bench:
    def __init__(self, build, work):
        self.program, self.work = build / "tessera", work
        self.source, self.place = work / "hf", work / "place"  # nothing but the output may be left in `place`
        self.out = self.place / "out"
        self.partial = self.place / ".out.partial"
        self.source.mkdir()
        small_gpt2.write_plain(self.source)
        (self.source / "tokenizer.json").write_text('{"a": 1}\n')
        self.shim = work / "faults.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.shim, HERE / "faults.c", "-ldl"], check=True)
        self.references = {}
        self.fresh()

    def fresh(self):
        subprocess.run(["rm", "-rf", self.place], check=True)
        self.place.mkdir()

    def command(self, way, *options, source=None, out=None):
        return [self.program, "convert", "--rules", "gpt2", source or self.source, out or self.out, *WAYS[way], *options]

    def convert(self, way, *options, faults=None, check=None, **more):
        limits = more.pop("limits", None)
        env = dict(os.environ, **({"LD_PRELOAD": self.preload(), **faults} if faults else {}))
        done = subprocess.run(list(map(str, self.command(way, *options, **more))), capture_output=True, text=True, env=env, preexec_fn=limits)
        assert check is None or done.returncode == check, f"exit {done.returncode}: {done.stderr}"
        return done

    def start(self, way, *options, faults=None, **more):
        """A run that goes on beside the test."""
        env = dict(os.environ, **({"LD_PRELOAD": self.preload(), **faults} if faults else {}))
        command = list(map(str, self.command(way, *options, **{k: more.pop(k) for k in ("source", "out") if k in more})))
        return subprocess.Popen(command, env=env, **{"preexec_fn": as_at_a_terminal, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more})

    def preload(self):
        return sanitized.preload(self.program, self.shim)

    def verify(self, path, *options):
        return subprocess.run([str(self.program), "verify", str(path), *options], capture_output=True, text=True)

    def reference(self, way):
        """(files of an undisturbed output with their hashes, how often a file was written)"""
        if way not in self.references:
            self.fresh()
            count = self.work / f"writes-{way}"
            self.convert(way, "--threads", "1", faults={"FAULT_WRITES": str(count)}, check=0)
            self.references[way] = tree(self.out), int(count.read_text().split()[-1])
            self.fresh()
        return self.references[way]

    def left(self):
        return sorted(p.name for p in self.place.iterdir())

    def require_done(self, way):
        assert tree(self.out) == self.reference_tree(way), differences(tree(self.out), self.reference_tree(way))
        assert self.left() == ["out"], self.left()

    def reference_tree(self, way):
        return self.references[way][0]


def tree(root):
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*")) if p.is_file()}


def differences(a, b):
    return sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k))


def stopped(bench, way, *options, at, **more):
    """A run that stands still before its write number `at`, when something is on the disk already."""
    run = bench.start(way, "--threads", "1", *options, faults={"FAULT_AT": str(at), "FAULT_SIGNAL": str(int(signal.SIGSTOP))}, **more)
    os.waitid(os.P_PID, run.pid, os.WSTOPPED)
    return run


def go_on(run):
    os.kill(run.pid, signal.SIGCONT)
    _, said = run.communicate(timeout=60)
    return run.returncode, said


def interrupted(b, way, at=None):
    """What a kill leaves when most is written."""
    _, writes = b.reference(way)
    b.convert(way, "--threads", "1", faults={"FAULT_AT": str(at or writes * 3 // 4), "FAULT_SIGNAL": "9"})
    assert b.left() == [".out.partial", "out.lock"], b.left()


def run_tests(tests):
    return named_tests.run(tests, Bench, Bench.fresh)
