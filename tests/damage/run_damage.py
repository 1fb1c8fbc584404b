"""Damage of every kind to a small file of every format: cut short at each byte, each single bit flipped. What is not refused
must be read as Python reads it (plain.py).

    python run_damage.py BUILD [WORD...]          a sample; words choose formats by name
    python run_damage.py BUILD --all [WORD...]    every variant: some minutes

The library is asked by build/tests/damage_reader, many variants in one process; for some of them the program too.
Wants torch and safetensors.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import samples

SAMPLE = 1200       # variants of each kind
BY_PROGRAM = 12     # of them, also by the program
UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


class Judge:
    def __init__(self, build, sample, everything):
        self.program, self.reader, self.sample = build / "tessera", build / "tests" / "damage_reader", sample
        self.whole, self.everything = sample.file.read_bytes(), everything
        self.wanted = sample.read(sample.path)
        self.faults, self.tally = [], collections.Counter()

    def run(self):
        self.look(0, None, self.library())
        for kind, count in (("truncate", len(self.whole)), ("flip", 8 * len(self.whole))):
            step = 1 if self.everything else max(1, count // SAMPLE | 1)
            lines = list(self.variants(kind, step))  # all of them: Python reads what the reader damages
            for line in lines:
                self.look(line["at"], kind, line)
            self.ask_program(kind, count)

    def library(self):
        """Undamaged: by a flip that is none."""
        done = subprocess.run([self.program, "inspect", "--json", "--hash", self.sample.path], capture_output=True, text=True)
        return {"inspect": dict(json.loads(done.stdout or "{}"), exit=done.returncode, message=done.stderr), "verify": {"exit": 0}}

    def variants(self, kind, step):
        """Lines of the reader; it is started anew behind a variant that ended it."""
        first = 0
        while True:
            run = subprocess.Popen([self.reader, "damage", self.sample.file, self.sample.path, kind, str(first), str(step)], stdout=subprocess.PIPE, text=True)
            for line in run.stdout:
                first += step
                yield json.loads(line)
            status = run.wait()
            self.sample.file.write_bytes(self.whole)
            if status == 0:
                return
            self.faults.append(f"{kind} number {first}: ended by {status}")
            first += step

    def damaged(self, at, kind):
        if kind == "truncate":
            return self.whole[:at]
        out = bytearray(self.whole)
        if kind == "flip":
            out[at // 8] ^= 1 << at % 8
        return bytes(out)

    def look(self, at, kind, line):
        inspected, verified = line["inspect"], line["verify"]
        self.tally[kind, "accepted" if inspected["exit"] == 0 else "refused"] += 1
        wrong = self.wrong_tensors(at, kind, inspected) if inspected["exit"] == 0 else self.wrong_refusal(inspected)
        if not wrong and verified["exit"] != 0:
            wrong = self.wrong_refusal(verified)
        if not wrong and inspected["exit"] != 0 and verified["exit"] == 0:
            wrong = "refused by inspect, whole to verify: " + inspected["message"]
        if not wrong and kind and self.sample.sealed and verified["exit"] == 0:
            wrong = "not found by verify"
        if wrong:
            self.faults.append(f"{kind} {at}: {wrong}")

    def wrong_refusal(self, said):
        if said["exit"] not in (1, 3):
            return f"exit {said['exit']}: {said['message']}"
        message = said["message"]
        if self.sample.path.name not in message or UNSAFE.search(message) or len(message) > 2000:
            return f"message: {message!r}"

    def wrong_tensors(self, at, kind, inspected):
        self.sample.file.write_bytes(self.damaged(at, kind))
        try:
            wanted = self.sample.read(self.sample.path)
        except Exception as error:  # whatever Python says: it does not read this
            return f"accepted, and Python refuses it: {type(error).__name__}: {error}"
        finally:
            self.sample.file.write_bytes(self.whole)
        self.tally[kind, "changed" if wanted != self.wanted else "as before"] += 1
        found = {t["name"]: (t["dtype"], t["shape"], t["sha256"]) for t in inspected["tensors"]}
        return self.wrong_config(at, kind, inspected) if found == wanted else f"read as {found}, Python: {wanted}"

    def wrong_config(self, at, kind, inspected):
        if self.sample.file.name != "config.json":
            return None
        try:
            config = samples.plain.read_json(self.damaged(at, kind))
        except Exception as error:
            return f"accepted, and Python refuses the configuration: {type(error).__name__}: {error}"
        if inspected["config"] != config:
            return f"config {inspected['config']}"

    def ask_program(self, kind, count):
        """Exit status and message of the program itself, evenly over the file."""
        for at in range(0, count, max(1, count // BY_PROGRAM)):
            self.sample.file.write_bytes(self.damaged(at, kind))
            for verb in ("inspect", "verify"):
                done = subprocess.run([self.program, verb, self.sample.path], capture_output=True, text=True, timeout=60)
                if done.returncode not in (0, 1, 3) or (done.returncode and self.sample.path.name not in done.stderr):
                    self.faults.append(f"{kind} {at}: {verb}: exit {done.returncode}: {done.stderr}")
            self.tally["program", "asked"] += 1
        self.sample.file.write_bytes(self.whole)


def counted(tally):
    kinds = ("truncate", "flip")
    words = [f"{kind} {tally[kind, 'refused']} refused, {tally[kind, 'as before']} as before, {tally[kind, 'changed']} changed" for kind in kinds]
    return "; ".join(words)


def main():
    build, words = pathlib.Path(sys.argv[1]).resolve(), [w for w in sys.argv[2:] if w != "--all"]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for sample in samples.all_of(build, work):
            if words and not any(w in sample.name for w in words):
                continue
            judge = Judge(build, sample, "--all" in sys.argv)
            judge.run()
            failed, passed = failed + bool(judge.faults), passed + (not judge.faults)
            print(f"{sample.name}, {len(judge.whole)} bytes: {counted(judge.tally)}", flush=True)
            for fault in judge.faults[:20]:
                print("  " + fault[:1000])
            if len(judge.faults) > 20:
                print(f"  and {len(judge.faults) - 20} more")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
