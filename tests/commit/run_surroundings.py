"""Conversions in a world that does not hold still or is not large enough: sources that change, outputs in the wrong place, no space,
no rights, failing syncs, no threads.

    python run_surroundings.py build/release
"""
import contextlib
import ctypes
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import zipfile

from common import WAYS, go_on, run_tests, sanitized, sizes, small_gpt2, stopped, tree

LIBC = ctypes.CDLL(None, use_errno=True)
DROP_OF_BOUNDING_SET, OVERRIDE_RIGHTS, SEARCH_ANYWHERE = 24, 1, 2  # prctl, capabilities


def refused(b, done, status, *words, left=()):
    assert done.returncode == status, (done.returncode, done.stderr)
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    assert b.left() == list(left), b.left()


# --- sources that change

def grow(path):
    with open(path, "ab") as file:
        file.write(b"\0")


def replace(path):
    new = path.with_suffix(".new")
    shutil.copy2(path, new)
    os.replace(new, path)


def cut(path):
    os.truncate(path, path.stat().st_size - 4)


def empty(path):
    os.truncate(path, 0)


def remove(path):
    path.unlink()


def touch(path):
    os.utime(path)


def change_rights(path):
    path.chmod(path.stat().st_mode ^ 0o040)


def write_and_set_the_time_back(path):
    times = path.stat()
    with open(path, "r+b") as file:
        file.write(b"\xff")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


CHANGES = [grow, replace, cut, empty, remove, touch, change_rights, write_and_set_the_time_back]


def changed_meanwhile(b, way, file, change, source, **more):
    kept = b.work / "kept"
    shutil.copytree(source, kept)
    run = stopped(b, way, at=10, source=source, **more)
    change(file)
    status, said = go_on(run)
    shutil.rmtree(source)
    shutil.move(kept, source)
    assert status == 3 and file.name in said and "changed during the run" in said, (way, file.name, change.__name__, status, said)
    assert b.left() == [], b.left()


def sources_changed_during_the_run(b):
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        for change in CHANGES:
            changed_meanwhile(b, "torch", b.source / name, change, b.source)


def sources_of_each_format_changed_during_the_run(b):
    for way in WAYS:
        source = b.work / "source"
        b.convert(way, out=source, check=0)
        b.fresh()
        back = "torch" if way in ("safetensors", "bin") else "safetensors"
        weights = max((p for p in source.rglob("*") if p.is_file()), key=lambda p: (p.stat().st_size, str(p)))
        for change in (replace, cut, touch, change_rights):
            changed_meanwhile(b, back, weights, change, source)
        shutil.rmtree(source)


# --- damage

def damaged(b, folder):
    """A rank of which one bit of the longest storage is another one."""
    with sizes(vocab_size=3001, n_layer=2):
        small_gpt2.write_plain(folder / "hf")
    source = folder / "mcore"
    done = subprocess.run([b.program, "-q", "convert", "--rules", "gpt2", folder / "hf", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    file = next(source.rglob("model_optim_rng.pt"))
    with zipfile.ZipFile(file) as archive:
        longest = max(archive.infolist(), key=lambda member: member.file_size)
    with open(file, "r+b") as bytes_of:
        bytes_of.seek(longest.header_offset + longest.file_size)  # its last quarter at least
        byte = bytes_of.read(1)[0]
        bytes_of.seek(-1, 1)
        bytes_of.write(bytes([byte ^ 1]))
    return source, pathlib.Path(longest.filename).name


def damage_of_a_source_is_found_whatever_is_held(b):
    (b.work / "damaged" / "hf").mkdir(parents=True)
    source, storage = damaged(b, b.work / "damaged")
    for way in WAYS:
        for memory in ("64KiB", "256MiB"):
            to = () if "--to" in WAYS[way] else ("--to", "mcore")
            refused(b, b.convert(way, *to, "--memory", memory, source=source), 3, f"data/{storage}", "its checksum is")
    # What was made of the sound part before a kill is not kept for whole.
    killed = 0
    for at in range(3, 400, 9):
        done = b.convert("torch", "--to", "mcore", "--threads", "1", "--memory", "64KiB", source=source, faults={"FAULT_AT": str(at), "FAULT_SIGNAL": "9"})
        killed += done.returncode == -9
        if done.returncode != -9:
            assert done.returncode == 3, done.stderr
            break
        refused(b, b.convert("torch", "--to", "mcore", "--resume", source=source), 3, f"data/{storage}", "its checksum is")
    assert killed > 5, killed
    shutil.rmtree(b.work / "damaged")


# --- places

def outputs_in_the_wrong_place(b):
    weights = b.source / "model.safetensors"
    before = tree(b.source)
    (b.work / "link").symlink_to(b.source)
    (b.place / "hard").hardlink_to(weights)
    (b.place / "soft").symlink_to(weights)
    (b.place / "nowhere").symlink_to(b.place / "is-not-there")
    left = b.left()
    for more in ((), ("--overwrite",), ("--resume",)):
        for source, out in ((b.source, b.source), (b.source, b.work / "link"), (b.work / "link", b.source), (b.source, b.source / "."),
                            (b.source, b.source / "sub" / ".."), (b.source, b.source / "out"), (b.source, b.work / "link" / "out"),
                            (b.source, b.work), (b.source, b.place / ".."), (weights, weights), (weights, b.source),
                            (weights, b.place / "hard"), (weights, b.place / "soft"), (b.source, b.place / "nowhere"), (b.source, "/")):
            done = b.convert("torch", *more, source=source, out=out)
            refused(b, done, 2, str(out), left=left)
    assert tree(b.source) == before and not (b.work / "link.lock").exists() and not (b.work / ".hf.partial").exists()
    (b.work / "link").unlink()


def a_source_that_is_a_single_file(b):
    for way in WAYS:
        b.reference(way)
        b.convert(way, source=b.source / "model.safetensors", check=0)
        b.require_done(way)
        b.fresh()


def an_output_that_holds_a_link_to_the_source(b):
    """It is replaced, and the source loses nothing but the link."""
    before = tree(b.source)
    b.reference("torch")
    b.out.mkdir()
    (b.out / "model.safetensors").hardlink_to(b.source / "model.safetensors")
    b.convert("torch", "--overwrite", check=0)
    b.require_done("torch")
    assert tree(b.source) == before


def one_file_under_two_names(b):
    """An index that reads one file as two shards: each tensor would have two places."""
    source = b.work / "twice"
    b.convert("safetensors", out=source, check=0)
    b.fresh()
    shards = sorted(source.glob("model-*.safetensors"))
    shards[1].unlink()
    shards[1].hardlink_to(shards[0])
    refused(b, b.convert("torch", source=source), 3, shards[1].name)
    shutil.rmtree(source)


def folders_that_are_not_there(b):
    refused(b, b.convert("torch", out=b.place / "no" / "out"), 3, str(b.place / "no"), "no such folder")
    (b.place / "file").write_text("x")
    refused(b, b.convert("torch", out=b.place / "file" / "out"), 3, str(b.place / "file"), left=["file"])


def without_the_rights_of_root():
    for right in (OVERRIDE_RIGHTS, SEARCH_ANYWHERE):
        LIBC.prctl(DROP_OF_BOUNDING_SET, right, 0, 0, 0)


def a_folder_that_may_not_be_written_into(b):
    b.place.chmod(0o555)
    try:
        refused(b, b.convert("torch", limits=without_the_rights_of_root), 3, str(b.place / "out"), "ermission denied")
    finally:
        b.place.chmod(0o755)


# --- space

def needed_and_free(text):
    return [int(n) for n in re.search(r"(\d+) bytes are needed, (\d+) are free", text).groups()]


def too_little_space_is_found_before_the_first_write(b):
    for way in WAYS:
        files, _ = b.reference(way)
        writes = b.work / "writes"
        writes.unlink(missing_ok=True)
        done = b.convert(way, faults={"FAULT_FREE": "100000", "FAULT_WRITES": str(writes)})
        refused(b, done, 3, str(b.out))
        needed, free = needed_and_free(done.stderr)
        assert free == 100000 and needed > 1.01 * written(b, way) and len(files) > 1, (needed, free)
        assert writes.read_text() == "1\n", writes.read_text()  # the lock's
        b.convert(way, "--resume", faults={"FAULT_FREE": str(needed)}, check=0)
        b.require_done(way)
        b.fresh()


def written(b, way):
    b.convert(way, check=0)
    size = sum(p.stat().st_size for p in b.out.rglob("*") if p.is_file())
    b.fresh()
    return size


@contextlib.contextmanager
def small_disk(folder, size):
    """False where mounting is not permitted."""
    mounted = LIBC.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, f"size={size // 4096 * 4096}".encode()) == 0
    try:
        yield mounted
    finally:
        if mounted:
            LIBC.umount2(str(folder).encode(), 2)


def a_small_disk(b):
    """As it is; and one that says it is large, so that the reservation of space fails."""
    for way in WAYS:
        for faults in (None, {"FAULT_FREE": "1000000000000"}):
            with small_disk(b.place, written(b, way) // 2) as mounted:
                if mounted:
                    done = b.convert(way, faults=faults)
                    refused(b, done, 3, str(b.place), "free")


def files_that_may_not_grow(b):
    for way in WAYS:
        for limit in (1000, 50_000, 150_000):
            done = b.convert(way, limits=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
            refused(b, done, 3, "out", "bytes", "free")


# --- what the system refuses

def a_failed_sync_is_the_end(b):
    """Each sync once: the run ends there, and none is made after it."""
    for way in WAYS:
        syncs = b.work / "syncs"
        syncs.unlink(missing_ok=True)
        b.reference(way)
        b.convert(way, "--threads", "1", faults={"FAULT_SYNCS": str(syncs)}, check=0)
        b.fresh()
        count = int(syncs.read_text())
        assert count > len(b.reference_tree(way)), count  # all files, and their folders
        for at in range(1, count + 1):
            syncs.unlink()
            done = b.convert(way, "--threads", "1", faults={"FAULT_SYNC": str(at), "FAULT_SYNCS": str(syncs)})
            refused(b, done, 3, "cannot sync", "nput/output error")
            assert int(syncs.read_text()) == at, (way, at, syncs.read_text())


def rules_that_cannot_be_looked_at(b):
    """They are not taken for rules that are not there."""
    for name in ("/proc/self/exe", "rules", "rules/gpt2.yaml", "rules/dialects", "dialects/hf_v5.yaml", "packings/torch_dist.yaml",
                 "hf/config.json"):
        refused(b, b.convert("torch", faults={"FAULT_STAT": name}), 3, name, "nput/output error")


def few_threads_and_few_files(b):
    """A sanitizer wants descriptors of its own to look at memory."""
    files = 24 if sanitized.is_sanitized(b.program) else 12
    b.reference("safetensors")
    done = b.convert("safetensors", "--threads", "4", "--verify", limits=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
    assert done.returncode in (0, 3) and (done.returncode == 0) == b.out.exists(), done.stderr
    assert b.left() == (["out"] if done.returncode == 0 else []), b.left()
    b.fresh()
    for threads in ("0", "1"):
        b.convert("safetensors", "--threads", "4", "--verify", faults={"FAULT_THREADS": threads}, check=0)
        b.require_done("safetensors")
        b.fresh()


def short_and_interrupted_calls(b):
    for way in WAYS:
        b.reference(way)
        for faults in ({"FAULT_SHORT": "1"}, {"FAULT_EINTR": "2"}, {"FAULT_SHORT": "1", "FAULT_EINTR": "3"}):
            b.convert(way, "--verify", faults=faults, check=0)
            b.require_done(way)
            b.fresh()


def many_runs_into_one_output(b):
    """One makes it. The others find him at work, or the output made."""
    b.reference("torch")
    for more in ((), ("--resume",)):
        runs = [b.start("torch", *more) for _ in range(6)]
        ends = [(run.communicate(timeout=60)[1], run.returncode) for run in runs]
        assert sorted(status for _, status in ends).count(0) == 1, ends
        for said, status in ends:
            assert status != 3 or f" on {socket.gethostname()}" in said or "starting or ending" in said, said
            assert status != 2 or "--overwrite" in said, said
            assert status in (0, 2, 3), (status, said)
        b.require_done("torch")
        b.fresh()


def the_way_of_the_bytes_makes_no_difference(b):
    """A tensor that is long enough to go past the page cache, and one that is not."""
    source = b.work / "long"
    source.mkdir()
    with sizes(vocab_size=16001, n_layer=2):
        small_gpt2.write_plain(source)
    b.convert("torch", "--threads", "1", "--memory", "1MiB", "--no-direct", source=source, check=0)
    first = tree(b.out)
    for words in (("--threads", "3"), ("--memory", "64KiB"), ("--direct", "--threads", "1"), ("--no-sync",), ("--no-direct", "--verify"), ("--verify",)):
        b.fresh()
        b.convert("torch", *words, source=source, check=0)
        assert tree(b.out) == first, words
    shutil.rmtree(source)


TESTS = [sources_changed_during_the_run, sources_of_each_format_changed_during_the_run,
         damage_of_a_source_is_found_whatever_is_held, outputs_in_the_wrong_place, a_source_that_is_a_single_file,
         an_output_that_holds_a_link_to_the_source, one_file_under_two_names, folders_that_are_not_there, a_folder_that_may_not_be_written_into,
         too_little_space_is_found_before_the_first_write, a_small_disk, files_that_may_not_grow, a_failed_sync_is_the_end, rules_that_cannot_be_looked_at,
         few_threads_and_few_files, short_and_interrupted_calls, many_runs_into_one_output, the_way_of_the_bytes_makes_no_difference]


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
