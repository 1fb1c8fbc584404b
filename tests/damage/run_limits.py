"""What is scarce: memory, address space, descriptors, threads, disk; and surroundings that are odd: streams, locales, files that
are none. The exit status is true, nothing ends by a signal, and no half of an output is left.

    python run_limits.py BUILD [WORD...]          words choose tests by their names
    python run_limits.py BUILD --all [WORD...]    each allocation fails once, and from there on: an hour

Wants a C compiler (for shortage.so), torch and safetensors.
"""
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import samples

sys.path.insert(0, str(samples.HERE.parent / "tools"))
import named_tests  # noqa: E402

SAMPLE = 24  # allocations of each verb that fail
MIB = 1 << 20


def tree(root):
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*")) if p.is_file()}


def drawn(count, most):
    """All, or the first, the last, and what lies between, evenly."""
    return range(1, count + 1) if most is None else sorted({1 + round(i * (count - 1) / (most - 1)) for i in range(most)})


class Done:
    def __init__(self, status, out, err, seconds, peak):
        self.status, self.out, self.err, self.seconds, self.peak = status, out, err, seconds, peak


class Bench:
    def __init__(self, build, work, everything):
        self.program, self.work, self.everything = build / "tessera", work, everything
        self.shim, self.place = work / "shortage.so", work / "place"
        self.out = self.place / "out"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.shim, samples.HERE / "shortage.c", "-ldl"], check=True)
        samples.small_model(work / "small")
        self.fresh()

    def fresh(self):
        if self.place.exists():
            shutil.rmtree(self.place)
        self.place.mkdir()

    def run(self, *words, limits=None, shim=None, seconds=60, stdout=subprocess.PIPE, **more):
        """One run, with what it said, how long it took, and its peak memory in MiB."""
        if shim is not None:
            more["env"] = dict(os.environ, LD_PRELOAD=str(self.shim), **{"SHORT_" + k: str(v) for k, v in shim.items()})
        begin = time.monotonic()
        run = subprocess.Popen([self.program, *map(str, words)], stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, preexec_fn=limits, **more)
        try:
            out, err = run.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            run.kill()
            run.communicate()
            raise AssertionError(f"{words}: still running after {seconds} s")
        return Done(run.returncode, (out or b"").decode(), err.decode(), time.monotonic() - begin, None)

    def peak(self, *words):
        """The largest resident size of a run, in MiB; and the run."""
        code = "import resource, subprocess, sys; r = subprocess.run(sys.argv[1:]); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024); sys.exit(r.returncode)"
        begin = time.monotonic()
        done = subprocess.run([sys.executable, "-c", code, self.program, *map(str, words)], capture_output=True, text=True, timeout=60)
        return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - begin, int(done.stdout.split()[-1]))

    def convert(self, source, *options, rules="small.yaml", **more):
        return self.run("convert", "-q", "--rules", samples.HERE / rules, source, self.out, *options, **more)

    def left(self):
        return sorted(p.name for p in self.place.iterdir())


def require(done, statuses, *texts):
    assert done.status in statuses, f"exit {done.status}: {done.err[-600:]}"
    assert done.status == 0 or done.err.strip(), "refused without a word"
    assert done.status == 0 or all(text in done.err for text in texts), done.err[-600:]


def large_model(folder, vocab=10_000, hidden=1000, layers=2):
    """Of small.yaml, in zeros that take no place on the disk."""
    folder.mkdir()
    header, at = {}, 0
    for name, shape in (("model.w", [vocab, hidden]), *((f"model.{l}.{n}", s) for l in range(layers) for n, s in (("n", [hidden]), ("f", [vocab, hidden])))):
        size = 4 * samples.plain.numel(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    os.truncate(folder / "model.safetensors", 8 + len(text) + at)
    (folder / "config.json").write_text(json.dumps({"model_type": "small", "vocab": vocab, "hidden": hidden, "layers": layers}))
    return folder


# --- memory

def verbs(b):
    rules, small = samples.HERE / "small.yaml", b.work / "small"
    return {"check": ["check", rules], "inspect": ["inspect", "--json", "--hash", small], "plan": ["plan", "--rules", rules, small, "--tp", "2"],
            "verify": ["verify", small], "convert": ["convert", "--rules", rules, small, b.out, "--tp", "2", "--threads", "2"]}


def says_the_same(whole, out):
    """Line by line; of one that there was no memory to show, this is said. What was done is done, and the status tells it."""
    lines, shown = whole.splitlines(), out.splitlines()
    return len(lines) == len(shown) and all(b in (a, "(too little memory to show this line)") for a, b in zip(lines, shown))


def allocations_fail(b, verb, **how):
    words = verbs(b)[verb]
    b.fresh()
    count = b.work / "count"
    whole = b.run(*words, shim=dict(how, COUNT=count))
    require(whole, {0})
    reference = tree(b.out) if b.out.exists() else None
    total, wrong, said = int(count.read_text()), [], 0
    for at in drawn(total, None if b.everything else SAMPLE):
        b.fresh()
        done = b.run(*words, shim=dict(how, MALLOC=at))
        said += done.status == 3
        if done.status not in (0, 3) or (done.status == 3 and not done.err.strip()):
            wrong.append(f"{at}: exit {done.status}: {done.err[-200:]}")
        elif done.status == 0 and verb != "convert" and not says_the_same(whole.out, done.out):
            wrong.append(f"{at}: exit 0, and it says something else")
        elif verb == "convert" and (tree(b.out) if b.out.exists() else None) != (reference if done.status == 0 else None):
            wrong.append(f"{at}: exit {done.status}, output {'there' if b.out.exists() else 'absent'}")
        elif "ALL" not in how and done.status == 3 and b.left():
            wrong.append(f"{at}: left {b.left()}")
    if b.everything:
        print(f"  {verb} {how}: {total} allocations, {said} refused", flush=True)
    assert not wrong, f"{len(wrong)} of {total}: " + " | ".join(wrong[:5])
    if verb == "convert":
        b.fresh()
        if b.run(*words, shim=dict(how, MALLOC=total // 2)).status == 0:
            b.fresh()  # its threads came by another way
        require(b.run(*words), {0})
        assert tree(b.out) == reference and b.left() == ["out"], b.left()


def memory_for(verb):
    def test(b):
        allocations_fail(b, verb)
        allocations_fail(b, verb, ALL=1)

    test.__name__ = f"memory_for_{verb}"
    return test


def memory_of_workers(b):
    allocations_fail(b, "convert", WORKERS=1)
    allocations_fail(b, "convert", WORKERS=1, ALL=1)


def address_space_of_300_mib(b):
    source = large_model(b.work / "large", layers=14)
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (300 * MIB, 300 * MIB))
    done = b.convert(source, "--threads", "4", "--no-sync", limits=limit)
    require(done, {0})
    b.fresh()
    done = b.convert(source, "--threads", "4", "--tp", "2", "--dtype", "bf16", "--no-sync", limits=limit)
    require(done, {0})
    b.fresh()


# --- descriptors and threads

def sixteen_descriptors_and_200_shards(b):
    source = b.work / "shards"
    whole = b.work / "many"
    large_model(whole, vocab=8, hidden=4, layers=100)
    require(b.run("convert", "-q", "--rules", samples.HERE / "small.yaml", whole, source, "--to", "hf", "--max-shard-size", "16"), {0})
    assert len(list(source.glob("*.safetensors"))) >= 200
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    for options in ((), ("--to", "hf", "--max-shard-size", "16")):
        require(b.convert(source, *options, limits=limit), {0, 3}, "Too many open files", ".safetensors")
        assert b.left() in ([], ["out"]), b.left()
        b.fresh()
    for verb in ("inspect", "verify"):
        require(b.run(verb, source, limits=limit), {0, 3}, "Too many open files", ".safetensors")
    soft = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 4096))  # may be raised
    require(b.convert(source, limits=soft), {0})


def threads_cannot_be_started(b):
    b.convert(b.work / "small")
    reference = tree(b.out)
    for first in (1, 2, 3):
        b.fresh()
        require(b.convert(b.work / "small", "--threads", "4", "--verify", shim={"THREADS": first}), {0})
        assert tree(b.out) == reference
    for verb in ("verify", "inspect"):
        require(b.run(verb, b.out, shim={"THREADS": 1}), {0})
    require(b.run("diff", "--rules", samples.HERE / "small.yaml", b.work / "small", b.out, shim={"THREADS": 1}), {0})


# --- streams and surroundings

def streams(b):
    for words in (["inspect", b.work / "small"], ["inspect", "--json", b.work / "small"], ["plan", "--rules", samples.HERE / "small.yaml", b.work / "small"],
                  ["check", samples.HERE / "small.yaml"], ["verify", b.work / "small"], ["families"], ["--help"], ["--version"], ["check", "--schema"]):
        with open("/dev/full", "w") as full:
            assert b.run(*words, stdout=full).status == 3, words
        for closed in ((1,), (0, 1, 2)):
            assert b.run(*words, limits=lambda: [os.close(fd) for fd in closed]).status in (0, 3), words
        read, write = os.pipe()
        os.close(read)
        assert b.run(*words, stdout=write).status in (0, 3), words
        os.close(write)


def head_takes_one_line(b):
    model = large_model(b.work / "wide", vocab=8, hidden=4, layers=3000)
    for words in (["inspect", "--tree"], ["inspect", "--json"], ["plan", "--rules", samples.HERE / "small.yaml"]):
        program = subprocess.Popen([b.program, *map(str, words), model], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert program.stdout.readline()
        program.stdout.close()
        assert program.wait(20) in (0, 3), f"{words}: {program.returncode} {program.stderr.read()[-300:]}"


def surroundings(b):
    b.convert(b.work / "small")
    reference = tree(b.out)
    said = b.run("inspect", "--json", "--hash", b.work / "small").out
    for env in ({}, {"LC_ALL": "tr_TR.UTF-8"}, {"LC_ALL": "xx_YY"}, {"HOME": "/nowhere", "LANG": "C"}, {"TMPDIR": "/nowhere"}, {"PATH": "", "TZ": "No/Where"}):
        b.fresh()
        require(b.convert(b.work / "small", env=env, umask=0o077), {0})
        assert tree(b.out) == reference and b.out.stat().st_mode & 0o777 == 0o700, env
        assert b.run("inspect", "--json", "--hash", b.work / "small", env=env).out == said, env
    gone = b.work / "gone"
    gone.mkdir()
    for verb in ("inspect", "verify"):
        done = b.run(verb, b.work / "small", limits=lambda: [os.chdir(gone), os.rmdir(gone)])
        gone.mkdir(exist_ok=True)
        require(done, {0, 3})


def files_that_are_none(b):
    odd = b.work / "odd"
    odd.mkdir()
    os.mkfifo(odd / "fifo.safetensors")
    os.symlink("/dev/zero", odd / "zero.safetensors")
    os.symlink("loop.safetensors", odd / "loop.safetensors")
    (odd / "folder.safetensors").mkdir()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(odd / "socket.safetensors"))
    for path in sorted(odd.iterdir()) + [pathlib.Path("/dev/zero"), pathlib.Path("/dev/full"), pathlib.Path("/dev/tty"), odd / "absent"]:
        for words in (["inspect", path], ["verify", path], ["plan", "--rules", samples.HERE / "small.yaml", path],
                      ["convert", "--rules", samples.HERE / "small.yaml", path, b.out], ["check", path], ["plan", "--rules", path, b.work / "small"],
                      ["diff", path, b.work / "small"], ["plan", "--rules", samples.HERE / "small.yaml", "--config", path], ["init", path],
                      ["explain", path, "x"]):
            done = b.run(*words, seconds=5)
            require(done, {1, 2, 3}, path.name)
            assert done.seconds < 2 and not b.left(), words
    for name in ("config.json", "model.safetensors.index.json", "tessera.json", "generation_config.json", "tokenizer.json"):
        folder = samples.pathlib.Path(b.work / f"with-{name}")
        samples.small_model(folder)
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
        for words in (["inspect", folder], ["verify", folder], ["plan", "--rules", samples.HERE / "small.yaml", folder], ["convert", "--rules", samples.HERE / "small.yaml", folder, b.out]):
            require(b.run(*words, seconds=5), {0, 1, 3})
            b.fresh()


# --- sizes

def sparse_terabyte(b):
    model = large_model(b.work / "tera", vocab=10**8, hidden=1000)
    assert (model / "model.safetensors").stat().st_size > 10**12
    for words in (["inspect", model], ["inspect", model / "model.safetensors"], ["plan", "--rules", samples.HERE / "small.yaml", model, "--tp", "8"]):
        done = b.peak(*words)
        require(done, {0})
        assert done.seconds < 2 and done.peak < 64, (words, done.seconds, done.peak)
    for options in ((), ("--dry-run",), ("--format", "torch_dist"), ("--to", "hf")):
        done = b.convert(model, *options)
        require(done, {3}, "bytes are needed", "are free")
        assert done.seconds < 2 and not b.left(), (options, done.seconds, b.left())


def sparse_garbage(b):
    for name, head in (("zeros.safetensors", b""), ("header.safetensors", struct.pack("<Q", 10**8)), ("open.safetensors", struct.pack("<Q", 10**8) + b"{"),
                       ("blank.safetensors", struct.pack("<Q", 10**8) + b'{"a":' + b" " * 100), ("zeros.bin", b""), ("zip.bin", b"PK\x03\x04"), ("pickle.bin", b"\x80\x02"), ("text.pt", b"hello")):
        path = b.work / name
        path.write_bytes(head)
        os.truncate(path, 10**12)
        for verb in ("inspect", "verify"):
            done = b.peak(verb, path)
            require(done, {3}, name)
            assert done.seconds < 3 and done.peak < 256, (name, verb, done.seconds, done.peak)
        path.unlink()


def deep_and_large_json(b):
    def refused(folder, name, text, *said):
        (folder / name).write_text(text)
        done = b.peak("inspect", folder)
        require(done, {3}, name, *said)
        assert done.seconds < (10 if len(text) < MIB else 60) and done.peak < 1024, (name, done.seconds, done.peak)
    folder = b.work / "json"
    samples.small_model(folder)
    for depth in (65, 10**5, 5 * 10**6):
        refused(folder, "config.json", '{"a":' + "[" * depth + "]" * depth + "}")
        refused(folder, "config.json", '{"a":' * depth + "1" + "}" * depth)
        refused(folder, "config.json", "[" * depth)
    refused(folder, "config.json", " " * (16 * MIB + 1), "limit")
    (folder / "config.json").unlink()
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    for depth in (65, 5 * 10**6):
        refused(folder, "model.safetensors.index.json", '{"weight_map":' + "[" * depth + "]" * depth + "}")
    names = 1_000_000
    big = json.dumps({"weight_map": {f"layers.{i}.weight": "model-00001-of-00001.safetensors" for i in range(names)}})
    refused(folder, "model.safetensors.index.json", big)
    (folder / "model.safetensors.index.json").unlink()
    (folder / "tessera.json").write_text("[" * 10**6)
    require(b.run("verify", folder), {1}, "tessera.json")


TESTS = [*map(memory_for, ("check", "inspect", "plan", "verify", "convert")), memory_of_workers,
         address_space_of_300_mib, sixteen_descriptors_and_200_shards, threads_cannot_be_started, streams, head_takes_one_line, surroundings,
         files_that_are_none, sparse_terabyte, sparse_garbage, deep_and_large_json]


if __name__ == "__main__":
    everything = "--all" in sys.argv
    sys.exit(named_tests.run(TESTS, lambda build, work: Bench(build, work, everything), Bench.fresh, timed=everything))
