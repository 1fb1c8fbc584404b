"""Real transformers and real Megatron-Core as judges of what tessera writes, imported once: every job is a fork of this process.

Only what has not computed forks: threads do not survive a fork. So transformers runs `apart`, and Megatron's ranks are forks anyway.
"""
import gc
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE / "oracle"))
os.environ["OMP_NUM_THREADS"] = "1"  # before they are imported: they start their threads at once
import hf  # noqa: E402  (torch, transformers and megatron: seconds)
import mcore  # noqa: E402
import oracle  # noqa: E402
import numpy  # noqa: E402
import torch  # noqa: E402

FORK = multiprocessing.get_context("fork")
gc.freeze()  # what is imported is never garbage: forks leave its pages alone


class Failed(Exception):
    pass


def check(right, what):
    if not right:
        raise Failed(what)


# --- jobs -------------------------------------------------------------------------------------------------------------


def _answer(pipe, said, function, arguments):
    os.dup2(said.fileno(), 1)
    os.dup2(said.fileno(), 2)
    try:
        pipe.send((None, function(*arguments)))
    except (Failed, SystemExit) as reason:
        pipe.send((None, None) if isinstance(reason, SystemExit) and not reason.code else (str(reason), None))
    except BaseException:
        pipe.send((traceback.format_exc(), None))


class Job:
    """A function at work in a fork of this process."""

    def __init__(self, function, *arguments):
        self.said = tempfile.TemporaryFile("w+")
        self.pipe, theirs = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=_answer, args=(theirs, self.said, function, arguments))
        self.process.start()
        theirs.close()
        self.began = time.monotonic()

    def result(self):
        """What the function returned; Failed, with all that was printed, if it did not."""
        try:
            failure, value = self.pipe.recv()
        except EOFError:
            failure, value = "ended without an answer", None
        self.process.join()
        self.seconds = time.monotonic() - self.began
        if failure is None:
            return value
        self.said.seek(0)
        raise Failed(f"{self.said.read()[-3000:]}{failure[-3000:]}")


def apart(function, *arguments):
    return Job(function, *arguments).result()


def side_by_side(functions, at_once=2):
    """{name: function} -> (name, its ended Job), as they end."""
    waiting, running = list(functions.items()), {}
    while waiting or running:
        while waiting and len(running) < at_once:
            name, function = waiting.pop(0)
            job = Job(function)
            running[job.pipe] = name, job
        for pipe in multiprocessing.connection.wait(running):
            yield running.pop(pipe)


# --- commands ---------------------------------------------------------------------------------------------------------


def run(*words, status=0):
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(done.returncode == status, f"{' '.join(map(str, words))}: exit {done.returncode} instead of {status}\n{done.stdout[-3000:]}")
    return done.stdout


def ask(*words):
    """A command of oracle/oracle.py."""
    words = [str(word) for word in words]
    try:
        apart(oracle.main, words)
    except Failed as reason:
        raise Failed(f"oracle {' '.join(words)}: {reason}") from None


def converter(program, rules, work):
    """convert(source, name, *options) -> the folder of that name"""
    def convert(source, name, *options):
        run(program, "--rules-dir", rules, "convert", source, work / name, "--quiet", "--no-sync", *options)
        return work / name
    return convert


# --- logits -----------------------------------------------------------------------------------------------------------


def hf_logits(folder):
    return apart(hf.logits, folder, oracle.fixed_tokens())


def megatron_logits(checkpoint, *options):
    with tempfile.NamedTemporaryFile(suffix=".npy") as out:
        ask("load-mcore", checkpoint, *options, "--out", out.name)
        return numpy.load(out.name)


def made_by_megatron(family, folder, *options):
    """(folder, logits) of a checkpoint that Megatron-Core writes."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as out:
        ask("make-mcore", family, "--out", folder, "--logits", out.name, *options)
        return folder, numpy.load(out.name)


def difference(a, b, tolerance=1e-4):
    """The largest one, over the vocabulary without its pads; what is not a number differs."""
    a, b = a[..., :oracle.families.VOCAB], b[..., :oracle.families.VOCAB]
    check(a.shape == b.shape, f"logits of shapes {a.shape} and {b.shape}")
    largest = float(abs(a - b).max())
    check(largest <= tolerance, f"logits differ by {largest}")
    return largest


# --- tensors ----------------------------------------------------------------------------------------------------------


def step_of(folder):
    return mcore.step_directory(folder)[0]


def _without_pads(name, tensor):
    """The vocabulary's rows that mean something: what stands in the others nobody says."""
    if not name.endswith(("word_embeddings.weight", "output_layer.weight")):
        return tensor
    rank = int(name[8:10]) if name.startswith("mp_rank_") else 0
    return tensor[:max(0, oracle.families.VOCAB - rank * len(tensor))]


def same_tensors(a, b):
    """Bit for bit, names, shapes and dtypes too; a, b: {name: tensor}."""
    check(a and a.keys() == b.keys(), f"names {sorted(a.keys() ^ b.keys())}")
    for name, one in a.items():
        other = b[name]
        check((one.shape, one.dtype) == (other.shape, other.dtype), f"{name}: {one.shape} {one.dtype}, {other.shape} {other.dtype}")
        one, other = _without_pads(name, one), _without_pads(name, other)
        check(torch.equal(oracle._bits(one), oracle._bits(other)), f"{name}: other bits")
    return "bits"


def same_hf(a, b):
    return same_tensors(oracle.hf_tensors(a), oracle.hf_tensors(b))


def same_ranks(a, b):
    """Two checkpoints of format `torch` on one mesh."""
    return same_tensors(oracle.torch_tensors(step_of(a)), oracle.torch_tensors(step_of(b)))


def same_distributed(a, b):
    return same_tensors(oracle.torch_dist_tensors(step_of(a)), oracle.torch_dist_tensors(step_of(b)))
