"""What a user sees of a conversion while it runs, and when he ends it: progress, and the answer to a signal within a second.

    python run_signals.py build/release
"""
import json
import os
import pathlib
import pty
import signal
import struct
import subprocess
import sys
import threading
import time

from common import WAYS, as_at_a_terminal, interrupted, run_tests, sizes, small_gpt2, stopped

WAIT = "20000"  # milliseconds that a disk is slow: longer than any test may take
WIPE = "\r\033[K"


def wait_until(said, seconds=30):
    end = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def catches(run, number):
    """The program has put a handler of its own in place."""
    status = pathlib.Path(f"/proc/{run.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16) >> (number - 1) & 1


def at_the_disk(b, way, *options, **faults):
    """A run that waits for a disk which does not answer."""
    waits = b.work / "waits"
    waits.unlink(missing_ok=True)
    run = b.start(way, "--threads", "2", *options, faults={"FAULT_WAITS": str(waits), **faults})
    wait_until(lambda: waits.exists() and waits.stat().st_size or run.poll() is not None)
    assert run.poll() is None, run.communicate()
    return run


def ended(run, number):
    """What it says; it has a second."""
    begin = time.monotonic()
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    took = time.monotonic() - begin
    assert took < 1, f"{took:.2f} s"
    assert run.returncode == 128 + number, (run.returncode, said)
    return said


# --- signals

def while_nothing_is_written(b):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        run = at_the_disk(b, "torch", FAULT_SLOW=WAIT)
        assert "nothing was written" in ended(run, number) and b.left() == [], b.left()


def verbs_that_only_read(b):
    b.reference("torch")
    b.convert("torch", check=0)
    waits = b.work / "waits"
    for words in (["verify", b.out], ["diff", b.out, b.out], ["inspect", "--hash", b.out]):
        waits.unlink(missing_ok=True)
        run = subprocess.Popen([b.program, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=as_at_a_terminal,
                               env={**os.environ, "LD_PRELOAD": b.preload(), "FAULT_SLOW": WAIT, "FAULT_WAITS": str(waits)})
        wait_until(lambda: waits.exists() and waits.stat().st_size or run.poll() is not None)
        assert ended(run, signal.SIGINT) == "interrupted: nothing was written\n", words


def while_a_large_checkpoint_is_planned(b):
    """Twenty thousand tensors; how far planning is when the signal comes is left to chance."""
    folder = b.work / "large"
    folder.mkdir(exist_ok=True)
    with sizes(vocab_size=8, n_positions=4, n_embd=4, n_layer=1700, n_head=2, n_inner=4):
        write_empty(folder)
    for pause in (0.05, 0.3):
        run = b.start("torch", "--dry-run", source=folder)
        wait_until(lambda: catches(run, signal.SIGINT))
        time.sleep(pause)
        assert "nothing was written" in ended(run, signal.SIGINT) and b.left() == []


def write_empty(folder):
    """The checkpoint of small_gpt2.CONFIG with zeros for weights."""
    header, at = {}, 0
    for name, shape in small_gpt2.shapes(small_gpt2.CONFIG):
        size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    (folder / "config.json").write_text(json.dumps(small_gpt2.CONFIG))


def while_a_slow_disk_is_waited_for(b):
    """At reading a source, at hashing what an interrupted run left, at syncing, at reading back."""
    for way in WAYS:
        _, writes = b.reference(way)
        for stage, options, faults in (("source", (), {"FAULT_AT": "8", "FAULT_SLOW": WAIT}),
                                       ("hashing", ("--resume",), {"FAULT_AT": "1", "FAULT_SLOW": WAIT}),
                                       ("sync", (), {"FAULT_SLOW_SYNC": WAIT}),
                                       ("verify", ("--verify",), {"FAULT_AT": str(writes), "FAULT_SLOW": WAIT})):
            if stage == "hashing":
                interrupted(b, way)
            said = ended(at_the_disk(b, way, *options, **faults), signal.SIGINT)
            assert "--resume goes on" in said and str(b.partial) in said, (way, stage, said)
            assert not b.out.exists() and b.partial.is_dir(), (way, stage, b.left())
            again = b.convert(way, "--resume", check=0)
            b.require_done(way)
            assert stage == "source" or "tensors are those of the interrupted run" in again.stdout, (way, stage, again.stdout)
            b.fresh()


def without_hashes_nothing_is_promised(b):
    said = ended(at_the_disk(b, "torch", "--no-hash", FAULT_AT="8", FAULT_SLOW=WAIT), signal.SIGINT)
    assert "begins anew" in said and "goes on" not in said, said


def a_second_signal_ends_at_once(b):
    run = stopped(b, "torch", at=20)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(run.pid, number)
    os.kill(run.pid, signal.SIGCONT)
    assert run.wait(10) in (128 + signal.SIGTERM, 128 + signal.SIGINT), run.returncode
    assert not b.out.exists() and b.partial.exists()
    b.fresh()
    run = at_the_disk(b, "torch", FAULT_AT="8", FAULT_SLOW=WAIT)
    begin = time.monotonic()
    run.send_signal(signal.SIGTERM)
    time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGINT and time.monotonic() - begin < 0.4, (run.returncode, time.monotonic() - begin)
    assert "--resume" in said, said


def a_signal_that_is_ignored_stays_so(b):
    b.reference("torch")
    run = stopped(b, "torch", at=20, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    run.send_signal(signal.SIGHUP)
    run.send_signal(signal.SIGCONT)
    assert run.wait(60) == 0
    b.require_done("torch")


# --- progress

def on_a_terminal(b, *options, **faults):
    """(exit status, what a terminal is shown)"""
    mine, theirs = pty.openpty()
    run = b.start("torch", "--threads", "1", "--memory", "1MiB", *options, faults=faults, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = bytearray()

    def listen():
        try:
            while piece := os.read(mine, 65536):
                shown.extend(piece)
        except OSError:  # how a terminal says that nobody writes any more
            pass
    listener = threading.Thread(target=listen)
    listener.start()
    status = run.wait(60)
    listener.join()
    os.close(mine)
    return status, shown.decode()


def progress_on_a_terminal(b):
    status, shown = on_a_terminal(b, FAULT_AT="3", FAULT_SLOW="20")
    assert status == 0, shown
    lines = [line for line in shown.split(WIPE) if " of " in line]
    assert len(lines) > 2 and all("B/s, " in line and line.endswith(" s left") for line in lines), shown
    assert shown.endswith(WIPE), shown  # nothing of it stays
    for words in (("-q",), ("--progress", "never")):
        status, shown = on_a_terminal(b, "--overwrite", *words, FAULT_AT="3", FAULT_SLOW="20")
        assert status == 0 and "left" not in shown, shown


def progress_makes_room_for_messages(b):
    status, shown = on_a_terminal(b, FAULT_AT="3", FAULT_SLOW="20", FAULT_SYNC="1")
    assert status == 3 and " s left" in shown and f"{WIPE}error: " in shown.replace("\033[31;1merror:\033[0m", "error:"), shown


def no_progress_in_a_pipe(b):
    for words in ((), ("--progress", "auto")):
        done = b.convert("torch", "--threads", "1", "--memory", "1MiB", *words, faults={"FAULT_AT": "3", "FAULT_SLOW": "20"}, check=0)
        assert "left" not in done.stdout + done.stderr and "\033" not in done.stdout + done.stderr, done.stderr
        b.fresh()
    done = b.convert("torch", "--threads", "1", "--progress", "always", faults={"FAULT_AT": "3", "FAULT_SLOW": "20"}, check=0)
    assert " s left\n\033[K" in done.stderr, done.stderr  # what is read as text has a line break for \r


TESTS = [while_nothing_is_written, verbs_that_only_read, while_a_large_checkpoint_is_planned, while_a_slow_disk_is_waited_for, without_hashes_nothing_is_promised,
         a_second_signal_ends_at_once, a_signal_that_is_ignored_stays_so, progress_on_a_terminal, progress_makes_room_for_messages,
         no_progress_in_a_pipe]


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
