"""The rule language against an independent reading of it: an oracle in Python that asks of each element where it lives.

    python tests/prove/run_prove.py BUILD [--seed N] [--count N] [--rounds N] [--keep FOLDER]

Rules are enumerated and drawn at random, converted by the program, and compared bit by bit with what the oracle says; and rules
are broken at random: what the program accepts must lose nothing, what it refuses must lose something. README.md says more.
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import breaking  # noqa: E402
import cases  # noqa: E402
import generate  # noqa: E402
from oracle import Refused, judge  # noqa: E402
from spec import Conversion, End  # noqa: E402

REFUSALS = {"R01", "R03", "R05", "R06", "B01", "B02", "B03", "V03"}


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path)
    return parser.parse_args()


class Suite:
    def __init__(self, chosen, folder):
        self.chosen, self.folder = chosen, folder
        self.made = 0
        self.idle = set()  # cases in which some rule makes nothing
        self.wanted = {}  # case: why the oracle refuses it, or None
        self.after = {}   # conversion: the case of its rule file alone
        self.static = {}  # case of a rule file alone: the rules, and what the oracle finds wrong
        self.counts = collections.Counter()

    def add(self, kind, conversion, rng, **how):
        self.made += 1
        name = f"{kind}-{self.made:05d}"
        try:
            ends, why = judge(conversion), None
        except Refused as refused:
            ends, why = None, refused
        if ends and (ends[0].idle or ends[1].idle):
            self.idle.add(name)
        whole = cases.write_case(self.folder / name, conversion, ends, rng, **how)
        if whole or set(why.ids) != {"V03"}:
            self.wanted[name] = why
        else:
            shutil.rmtree(self.folder / name)
        return name

    def make(self, seed, enumerated):
        rng = random.Random(seed)
        for kind, conversions in () if not enumerated else (("one", generate.one_part()), ("sum", generate.sums()), ("cut", generate.cuts())):
            for conversion in conversions:
                self.add(kind, conversion, rng)
        for _ in range(self.chosen.count):
            maker = generate.Random(rng)
            conversion = maker.conversion()
            how = {"dtype": rng.choice(("F32", "F64")), "bits": False, "ulp": 64} if maker.numbers else {"dtype": rng.choice(list(cases.BITS)[1:])}
            self.add("random", conversion, rng, **how)

    def make_broken(self, seed):
        rng = random.Random(f"broken {seed}")
        for i in range(self.chosen.count):
            spec, sizes = breaking.broken_layout(rng)
            self.check(f"layout-{i:05d}", spec, breaking.layout_fault(spec, sizes))
        for i in range(self.chosen.count):
            spec = breaking.meeting(rng)
            self.check(f"meet-{i:05d}", spec, breaking.meet(spec))
            where = rng.choice([options for options in breaking.configurations(spec) if min(options.values()) >= 0] or [spec.options])
            name = self.add("meeting", Conversion(spec, End("hf"), End("mcore", rng.choice(list(breaking.fitting(spec, where)))), where), rng)
            self.after[name] = f"meet-{i:05d}"

    def check(self, name, spec, fault):
        cases.write_check(self.folder / name, spec)
        self.static[name] = spec, fault

    def compare_static(self, said):
        for name, (spec, fault) in self.static.items():
            error, text = said[name]
            kind = name.split("-")[0]
            if error in ("R01", "R02", "R06"):
                self.counts[f"{kind}: not judged, {error}"] += 1
                continue
            good = (error is None) == (fault is None)
            listed = kind == "meet" and error == "R05" and fault is None and breaking.undecidable(spec)
            self.counts[f"{kind}: " + ("undecided, so refused" if listed else "accepted" if error is None else "refused")] += 1
            self.counts["passed" if good or listed else "failed"] += 1
            if not (good or listed):
                yield f"{name}: the oracle {f'refuses: {fault}' if fault else 'finds it right'}; {text}"

    def compare(self):
        said = cases.outcomes(self.chosen.build.resolve() / "tests" / "conformance", self.folder)
        yield from self.compare_static(said)
        for name, why in self.wanted.items():
            error, text = said.get(name, (None, ""))
            if error == "B01" and name in self.idle:
                continue  # an axis that nothing needs, as no rule that has it makes anything
            if name in self.after and (said[self.after[name]][0] or error == "B03" or (why and "B03" in why.ids)):
                continue  # refused before; or a range beyond its axis, which is told as far as ranges are walked
            if why is None:
                good = name not in said
            else:
                good = error in REFUSALS
            kind = name.split("-")[0]
            self.counts[kind + (" converted" if why is None else " refused")] += good
            self.counts["passed" if good else "failed"] += 1
            if not good:
                yield f"{name}: the oracle {f'refuses: {why}' if why else 'finds it right'}; {text or 'accepted'}"


def scratch():
    """A folder in memory where there is one: a round is tens of thousands of small files."""
    memory = pathlib.Path("/dev/shm")
    return pathlib.Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))


def run_round(chosen, seed, enumerated):
    """The counts of one round; failures are printed."""
    folder = chosen.keep / str(seed) if chosen.keep else scratch()
    folder.mkdir(exist_ok=True, parents=True)
    try:
        suite = Suite(chosen, folder)
        suite.make(seed, enumerated)
        suite.make_broken(seed)
        for line in list(suite.compare())[:20]:
            print(f"seed {seed}, {line}", flush=True)
    finally:
        if not chosen.keep:
            shutil.rmtree(folder)
    return suite.counts


def main():
    chosen = options()
    counts = collections.Counter()
    for i in range(chosen.rounds):
        counts += run_round(chosen, chosen.seed + i, enumerated=i == 0)
    for what, count in sorted(counts.items()):
        print(f"  {what}: {count}")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
