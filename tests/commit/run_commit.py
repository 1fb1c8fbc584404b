"""The commit protocol (docs/durability.md): what stands under the final name and beside it when a run is disturbed, what
`--resume` goes on with, and what `tessera verify` finds.

    python run_commit.py build/release

Wants a C compiler (for faults.so). With strace, kills.py goes through every system call; that takes an hour.
"""
import fcntl
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from common import WAYS, Bench, tree

FLIPS = 200
KILLS = 6  # of each way to write


def drawn(count, most):
    """The first, the last, and what lies between, evenly."""
    return sorted({1 + round(i * (count - 1) / (most - 1)) for i in range(most)})


def stopped(bench, way, *options, at):
    """A run that stands still before its write number `at`, when something is on the disk already."""
    env = dict(os.environ, LD_PRELOAD=bench.preload(), FAULT_AT=str(at), FAULT_SIGNAL=str(int(signal.SIGSTOP)))
    run = subprocess.Popen(list(map(str, bench.command(way, "--threads", "1", *options))), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    os.waitid(os.P_PID, run.pid, os.WSTOPPED)
    return run


def go_on(run):
    os.kill(run.pid, signal.SIGCONT)
    _, said = run.communicate(timeout=60)
    return run.returncode, said


# --- the manifest

def manifest_says_nothing_of_place_and_time(b):
    for way in WAYS:
        b.reference(way)
        other = b.work / "elsewhere" / "model"
        shutil.copytree(b.source, other, dirs_exist_ok=True)
        os.utime(other / "model.safetensors", (1, 1))
        b.convert(way, "--threads", "3", "--memory", "1MiB", "--no-sync", source=other, check=0)
        b.require_done(way)
        text = (b.out / "tessera.json").read_text()
        for word in (str(b.work), socket.gethostname(), str(time.localtime().tm_year) + "-"):
            assert word not in text, word
        b.fresh()


def manifest_covers_each_byte(b):
    for way in WAYS:
        b.convert(way, check=0)
        manifest = json.loads((b.out / "tessera.json").read_text())
        files = {f["file"]: f for f in manifest["files"]}
        assert set(files) | {"tessera.json"} == set(tree(b.out)), way
        for name, file in files.items():
            data = (b.out / name).read_bytes()
            assert len(data) == file["bytes"], name
            ranges = [(t["offset"], t["bytes"], t["hash"]) for t in manifest["tensors"] if t["file"] == name]
            assert ranges == sorted(ranges), name
            hash_all(data, ranges, file["outside"])
        text = (b.out / "tessera.json").read_text()
        hash_all(text[:text.index('"self": "') + 9].encode(), [], manifest["self"])
        b.fresh()


def hash_all(data, ranges, outside):
    """By another implementation of XXH3, where there is one."""
    try:
        import xxhash
    except ImportError:
        return
    rest, at = b"", 0
    for offset, size, hash_ in ranges:
        assert xxhash.xxh3_128_hexdigest(data[offset:offset + size]) == hash_
        rest, at = rest + data[at:offset], offset + size
    assert xxhash.xxh3_128_hexdigest(rest + data[at:]) == outside


def manifest_without_hashes(b):
    b.convert("torch", "--no-hash", check=0)
    text = (b.out / "tessera.json").read_text()
    assert not any(f'"{key}"' in text for key in ("hash", "self", "outside", "headers")), text[:500]
    done = b.verify(b.out)
    assert done.returncode == 0 and "no hashes" in done.stdout, done.stderr
    os.truncate(b.out / "config.json", 5)
    assert b.verify(b.out).returncode == 1


def manifest_is_not_carried_along(b):
    b.convert("safetensors", check=0)
    first = json.loads((b.out / "tessera.json").read_text())
    again = b.place / "again"
    b.convert("safetensors", "--tokenizer", b.out, source=b.out, out=again, check=0)
    second = json.loads((again / "tessera.json").read_text())
    assert [f["file"] for f in first["sources"]] == ["model.safetensors"], first["sources"]
    assert len(second["sources"]) > 1 and second["files"] == first["files"], second["files"]
    assert b.verify(again).returncode == 0


def manifest_tells_plans_apart(b):
    plans = set()
    for options in ((), ("--dtype", "bf16"), ("--ep", "2"), ("--pad-fill", "repeat"), ("--set", "make_vocab_size_divisible_by=64")):
        b.convert("torch", *options, check=0)
        plans.add(json.loads((b.out / "tessera.json").read_text())["plan"])
        b.fresh()
    assert len(plans) == 5, plans


# --- verify

def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def every_flipped_bit_is_found(b):
    numbers = random.Random(7)
    for way in WAYS:
        b.convert(way, check=0)
        files = [p for p in sorted(b.out.rglob("*")) if p.is_file()]
        for turn in range(FLIPS // len(WAYS)):
            if turn % 2:  # a byte of any file; else any file, however small
                file = numbers.choices(files, [f.stat().st_size for f in files])[0]
            else:
                file = files[turn // 2 % len(files)]
            bit = numbers.randrange(8 * file.stat().st_size)
            flip(file, bit)
            done = b.verify(b.out)
            assert done.returncode in (1, 3), f"{way}: {file.relative_to(b.out)}, bit {bit}: exit {done.returncode}"
            assert done.returncode == 3 or "damage" in done.stderr, done.stderr
            flip(file, bit)
        done = b.verify(b.out, "--json")
        report = json.loads(done.stdout)
        assert done.returncode == 0 and report["whole"] and report["hashed"], done.stderr
        b.fresh()


def damage_is_named(b):
    b.convert("torch", check=0)
    rank = b.out / "release" / "mp_rank_01_001" / "model_optim_rng.pt"
    at = next(t for t in json.loads((b.out / "tessera.json").read_text())["tensors"]
              if t["file"].endswith("mp_rank_01_001/model_optim_rng.pt") and t["name"].endswith("layers.1.mlp.linear_fc2.weight"))
    flip(rank, 8 * at["offset"] + 77)
    done = b.verify(b.out)
    assert done.returncode == 1 and "layers.1.mlp.linear_fc2.weight" in done.stderr and "mp_rank_01_001" in done.stderr, done.stderr
    (b.out / "tessera.json").unlink()
    done = b.verify(b.out)  # the archive's own checksum finds it too
    assert done.returncode == 1 and "checksum" in done.stderr, done.stderr
    flip(rank, 8 * at["offset"] + 77)
    assert b.verify(b.out).returncode == 0


def files_gone_and_files_too_many(b):
    b.convert("bin", check=0)
    (b.out / "tokenizer.json").unlink()
    done = b.verify(b.out)
    assert done.returncode == 1 and "tokenizer.json: is missing" in done.stderr, done.stderr
    (b.out / "tokenizer.json").write_text('{"a": 1}\n')
    (b.out / "README.md").write_text("mine")
    done = b.verify(b.out)
    assert done.returncode == 0 and "README.md: the manifest does not name it" in done.stderr, done.stderr


def one_file_and_one_folder(b):
    b.convert("safetensors", check=0)
    shard = sorted(b.out.glob("model-*.safetensors"))[1]
    assert b.verify(shard).returncode == 0
    flip(shard, 8 * shard.stat().st_size - 3)
    done = b.verify(shard)
    assert done.returncode == 1 and shard.name in done.stderr, done.stderr
    assert b.verify(sorted(b.out.glob("model-*.safetensors"))[0]).returncode == 0
    b.fresh()
    b.convert("torch", check=0)
    folder = b.out / "release"
    assert b.verify(folder).returncode == 0
    rank = folder / "mp_rank_00_000" / "model_optim_rng.pt"
    assert b.verify(rank).returncode == 0
    flip(rank, 8 * 100_000)
    assert b.verify(folder).returncode == 1 and b.verify(rank).returncode == 1


def verify_of_what_is_no_checkpoint(b):
    assert b.verify(b.source).returncode == 0  # of others: structure alone
    assert b.verify(b.work / "nothing").returncode == 3
    (b.place / "f").write_text("hello")
    assert b.verify(b.place / "f").returncode == 3


def hostile_manifests(b):
    b.convert("safetensors", "--no-hash", check=0)
    good = json.loads((b.out / "tessera.json").read_text())
    secret = b.work / "secret"
    secret.write_text("x")

    def edit(change):
        manifest = json.loads(json.dumps(good))
        change(manifest)
        (b.out / "tessera.json").write_text(json.dumps(manifest))
        done = b.verify(b.out)
        assert done.returncode == 1 and "tessera.json" in done.stderr, done.stderr
    for path in ("../../secret", str(secret), "a//b", "", ".", "a/../b", "x\0"):
        edit(lambda m: m["files"][0].update(file=path))
    edit(lambda m: m["tensors"][0].update(offset=2**63 - 1))
    edit(lambda m: m["tensors"][0].update(bytes=-1))
    edit(lambda m: m["tensors"][0].update(file="nowhere"))
    edit(lambda m: m["tensors"][1].update(file=m["tensors"][0]["file"], offset=m["tensors"][0]["offset"]))
    edit(lambda m: m["files"].append(m["files"][0]))
    edit(lambda m: m.update(more=1))
    edit(lambda m: m.pop("plan"))
    edit(lambda m: m.update(manifest=2))
    (b.out / "tessera.json").write_text("[" * 1000)
    assert b.verify(b.out).returncode == 1
    (b.out / "tessera.json").unlink()
    os.mkfifo(b.out / "tessera.json")
    assert b.verify(b.out).returncode == 1


# --- disturbed runs

def killed_and_gone_on_with(b):
    for way in WAYS:
        _, writes = b.reference(way)
        for at in drawn(writes, KILLS):
            for number in (signal.SIGKILL, signal.SIGTERM):
                done = b.convert(way, "--threads", "1", faults={"FAULT_AT": str(at), "FAULT_SIGNAL": str(int(number))})
                if number == signal.SIGKILL:
                    assert done.returncode == -number, (way, at, done.returncode)
                if done.returncode == 0:  # the signal came when everything was written
                    b.require_done(way)
                    b.fresh()
                    continue
                assert not b.out.exists() and (b.partial.is_dir() or at == 1), (way, at, b.left())  # the first one is the lock's
                if number == signal.SIGTERM:
                    assert done.returncode == 128 + number and "--resume" in done.stderr and str(b.partial) in done.stderr, (way, at, done.stderr)
                again = b.convert(way, "--resume", "--threads", "2", check=0)
                b.require_done(way)
                if at == drawn(writes, KILLS)[-2]:
                    assert "tensors are those of the interrupted run" in again.stdout, (way, at, again.stdout)
                b.fresh()


def killed_twice_and_begun_anew(b):
    for way in WAYS:
        _, writes = b.reference(way)
        middle = writes // 2
        b.convert(way, "--threads", "1", faults={"FAULT_AT": str(middle), "FAULT_SIGNAL": "9"})
        b.convert(way, "--resume", "--threads", "1", faults={"FAULT_AT": str(middle // 2), "FAULT_SIGNAL": "9"})
        b.convert(way, "--resume", check=0)
        b.require_done(way)
        b.fresh()
        b.convert(way, "--threads", "1", faults={"FAULT_AT": str(middle), "FAULT_SIGNAL": "9"})
        done = b.convert(way, check=0)
        assert "interrupted" not in done.stdout + done.stderr
        b.require_done(way)
        b.fresh()


def interrupted(b, way, at=None):
    _, writes = b.reference(way)
    b.convert(way, "--threads", "1", faults={"FAULT_AT": str(at or writes * 3 // 4), "FAULT_SIGNAL": "9"})
    assert b.left() == [".out.partial", "out.lock"], b.left()


def kept(done):
    line = next(l for l in done.stderr.splitlines() if "tensors are kept" in l)
    return int(line.split()[0])


def a_flipped_bit_in_the_partial_folder(b):
    for way in WAYS:
        interrupted(b, way)
        whole = kept(b.convert(way, "--resume", check=0))
        b.fresh()
        numbers = random.Random(3)
        for _ in range(4):
            interrupted(b, way)
            data = [p for p in sorted(b.partial.rglob("*")) if p.is_file() and p.name != ".tessera-resume"]
            for _ in range(40):
                file = numbers.choice(data)
                flip(file, numbers.randrange(8 * file.stat().st_size))
            done = b.convert(way, "--resume", check=0)
            assert kept(done) < whole, (way, kept(done), whole)
            b.require_done(way)
            b.fresh()


def a_partial_folder_that_lies(b):
    """Files that are too short, too long, or not files; a state that is cut, wrong, or names what is not there."""
    def spoil(change):
        interrupted(b, "torch_dist")
        change(sorted(b.partial.rglob("*.distcp"))[0], b.partial / ".tessera-resume")
        b.convert("torch_dist", "--resume", check=0)
        b.require_done("torch_dist")
        b.fresh()
    secret = b.work / "secret"
    secret.write_text("kept")
    spoil(lambda data, state: os.truncate(data, 1000))
    spoil(lambda data, state: os.truncate(data, data.stat().st_size + 4096))
    spoil(lambda data, state: data.unlink())
    spoil(lambda data, state: os.truncate(state, state.stat().st_size - 7))
    spoil(lambda data, state: os.truncate(state, 0))
    spoil(lambda data, state: state.unlink())
    spoil(lambda data, state: state.write_text(state.read_text() + "4000000000 " + "0" * 32 + "\n-1 x\n\0\n5\n"))
    spoil(lambda data, state: state.write_text(state.read_text().replace(" 0", " 1").replace(" a", " b")))
    spoil(lambda data, state: (data.parent / "stranger").write_text("x"))
    interrupted(b, "torch_dist")
    data = sorted(b.partial.rglob("*.distcp"))[0]
    data.unlink()
    data.symlink_to(secret)
    done = b.convert("torch_dist", "--resume")
    assert done.returncode == 3 and secret.read_text() == "kept", done.stderr


def nothing_is_kept_of_another_run(b):
    interrupted(b, "torch")
    done = b.convert("torch", "--resume", "--dtype", "bf16", check=0)
    assert "another plan" in done.stderr, done.stderr
    b.fresh()
    b.convert("torch", "--dtype", "bf16", out=b.place / "fresh", check=0)
    shutil.move(b.place / "fresh", b.work / "fresh")
    interrupted(b, "torch")
    b.convert("torch", "--resume", "--dtype", "bf16", check=0)
    assert tree(b.out) == tree(b.work / "fresh")
    b.fresh()
    interrupted(b, "torch")
    os.utime(b.source / "model.safetensors")
    done = b.convert("torch", "--resume", check=0)
    assert "the source changed since" in done.stderr, done.stderr
    b.require_done("torch")
    b.fresh()
    interrupted(b, "torch")
    b.convert("torch", "--resume", "--no-hash", check=0)
    assert "tensors are kept" not in done.stderr and b.left() == ["out"], b.left()


def resume_of_nothing(b):
    b.reference("torch")
    b.convert("torch", "--resume", check=0)
    b.require_done("torch")
    done = b.convert("torch", "--resume")
    assert done.returncode == 2 and "--overwrite" in done.stderr, done.stderr


def an_older_output_stays(b):
    way = "torch"
    _, writes = b.reference(way)
    for at in drawn(writes, KILLS):
        b.out.mkdir()
        (b.out / "old").write_text("old")
        b.convert(way, "--overwrite", "--threads", "1", faults={"FAULT_AT": str(at), "FAULT_SIGNAL": "9"})
        assert tree(b.out).keys() == {"old"}, (at, tree(b.out).keys())
        b.convert(way, "--overwrite", "--resume", check=0)
        b.require_done(way)
        b.fresh()


def a_second_signal_ends_at_once(b):
    run = stopped(b, "torch", at=20)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(run.pid, number)
    status, _ = go_on(run)
    assert status in (128 + signal.SIGTERM, 128 + signal.SIGINT), status
    assert not b.out.exists() and b.partial.exists()


def sources_changed_during_the_run(b):
    def grown(path):
        with open(path, "ab") as file:
            file.write(b"\0")

    def replaced(path):
        new = path.with_suffix(".new")
        shutil.copy(path, new)
        os.replace(new, path)
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        for change in (grown, replaced, lambda path: os.truncate(path, path.stat().st_size - 4), lambda path: path.unlink()):
            shutil.copytree(b.source, b.work / "copy")
            run = stopped(b, "torch", at=10)
            change(b.source / name)
            status, said = go_on(run)
            shutil.rmtree(b.source)
            shutil.move(b.work / "copy", b.source)
            assert status == 3 and name in said, (name, status, said)
            assert b.left() == [], b.left()


def no_space(b):
    for way in WAYS:
        for limit in (1000, 50_000, 150_000):
            done = b.convert(way, limits=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
            assert done.returncode == 3 and "out" in done.stderr and b.left() == [], (way, limit, done.returncode, done.stderr, b.left())
        done = b.convert(way, "--resume", limits=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)))
        assert done.returncode == 3 and "free" in done.stderr, done.stderr


def two_runs_into_one_output(b):
    run = stopped(b, "torch", at=5)
    done = b.convert("torch")
    assert done.returncode == 3 and f"process {run.pid} on {socket.gethostname()}" in done.stderr, done.stderr
    done = b.convert("torch", "--resume")
    assert done.returncode == 3, done.stderr
    assert go_on(run)[0] == 0
    b.reference_later = None
    assert b.left() == ["out"] and b.verify(b.out).returncode == 0
    b.fresh()
    (b.place / "out.lock").write_text("tessera 1 some-host\n")  # of a dead process
    b.convert("torch", check=0)
    assert b.left() == ["out"], b.left()
    b.fresh()
    with open(b.place / "out.lock", "w") as lock:
        lock.write("tessera 4711 some-host\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = b.convert("torch")
        assert done.returncode == 3 and "process 4711 on some-host" in done.stderr, done.stderr


def what_the_disk_lost_is_found_by_verify(b):
    for way in WAYS:
        _, writes = b.reference(way)
        found = 0
        for at in drawn(writes, KILLS):
            faults = {"FAULT_AT": str(at), "FAULT_FLIP": "1"}
            done = b.convert(way, "--verify", "--threads", "1", faults=faults)
            assert done.returncode in (0, 3) and (done.returncode == 0) == b.out.exists(), (way, at, done.stderr)
            if done.returncode == 3:
                assert "read back from the disk" in done.stderr and b.left() == [], (at, done.stderr, b.left())
                found += 1
            else:  # it was in the lock, or in what is kept for --resume
                b.require_done(way)
            b.fresh()
        assert found >= KILLS // 2, (way, found)
        b.convert(way, "--verify", check=0)
        b.require_done(way)
        b.fresh()


def options_that_contradict(b):
    for words in (("--verify", "--no-sync"), ("--verify", "--no-hash")):
        done = b.convert("torch", *words)
        assert done.returncode == 2 and words[1] in done.stderr and b.left() == [], done.stderr


def a_dry_run_looks_and_makes_nothing(b):
    b.convert("torch", "--dry-run", check=0)
    assert b.left() == []
    b.out.mkdir()
    (b.out / "old").write_text("old")
    done = b.convert("torch", "--dry-run")
    assert done.returncode == 2 and "--overwrite" in done.stderr, done.stderr
    b.convert("torch", "--dry-run", "--overwrite", check=0)
    assert b.left() == ["out"] and tree(b.out).keys() == {"old"}
    assert b.convert("torch", "--dry-run", out=b.place / "no" / "out").returncode == 3
    assert b.convert("torch", "--dry-run", out=b.source / "out").returncode == 2


def closed_streams_and_strange_surroundings(b):
    b.reference("torch")
    for closed in ((0,), (1,), (2,), (0, 1, 2)):
        run = subprocess.Popen(list(map(str, b.command("torch"))), preexec_fn=lambda: [os.close(fd) for fd in closed], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        assert run.wait() == 0, closed
        b.require_done("torch")
        b.fresh()
    with open("/dev/full", "w") as full:
        assert subprocess.run(list(map(str, b.command("torch"))), stdout=full, stderr=subprocess.DEVNULL).returncode in (0, 3)
    b.require_done("torch")
    b.fresh()
    for env in ({}, {"LC_ALL": "tr_TR.UTF-8"}, {"HOME": "/nowhere", "LC_ALL": "xx"}):
        assert subprocess.run(list(map(str, b.command("torch"))), env=env, stdout=subprocess.DEVNULL, umask=0o077).returncode == 0
        b.require_done("torch")
        assert b.out.stat().st_mode & 0o777 == 0o700
        b.fresh()


def few_threads_and_few_files(b):
    b.reference("safetensors")
    for limit in (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12)), ):
        done = b.convert("safetensors", "--threads", "4", "--verify", limits=limit)
        assert done.returncode in (0, 3) and (done.returncode == 0) == b.out.exists(), done.stderr
        assert b.left() == (["out"] if done.returncode == 0 else []), b.left()


TESTS = [manifest_says_nothing_of_place_and_time, manifest_covers_each_byte, manifest_without_hashes, manifest_is_not_carried_along,
         manifest_tells_plans_apart, every_flipped_bit_is_found, damage_is_named, files_gone_and_files_too_many, one_file_and_one_folder,
         verify_of_what_is_no_checkpoint, hostile_manifests, killed_and_gone_on_with, killed_twice_and_begun_anew,
         a_flipped_bit_in_the_partial_folder, a_partial_folder_that_lies, nothing_is_kept_of_another_run, resume_of_nothing,
         an_older_output_stays, a_second_signal_ends_at_once, sources_changed_during_the_run, no_space, two_runs_into_one_output,
         what_the_disk_lost_is_found_by_verify, options_that_contradict, a_dry_run_looks_and_makes_nothing,
         closed_streams_and_strange_surroundings, few_threads_and_few_files]


def main():
    build, wanted = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(build, pathlib.Path(work))
        for test in TESTS:
            if wanted and not any(word in test.__name__ for word in wanted):
                continue
            try:
                bench.fresh()
                test(bench)
                passed += 1
            except (AssertionError, OSError, subprocess.SubprocessError, KeyError, StopIteration) as error:
                failed += 1
                print(f"{test.__name__}: {type(error).__name__}: {str(error)[:1500]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
