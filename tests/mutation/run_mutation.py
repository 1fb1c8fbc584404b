"""Every rule file, and every dialect, with one word or line changed: some check must notice.

    python tests/mutation/run_mutation.py BUILD [--all] [FILE...]

Without `--all` and files, about six hundred of the mutants are judged: which ones depends on their text alone.

A mutant is caught by `tessera check`, or by a case of its family (tests/families): refused, or other tensors, arguments or keys than
the golden. A dialect is caught by the cases of any family. Mutants that survive stand in survivors.txt, each with the reason; one that does not,
and one that stands there but is caught, fail the suite. Needs torch.
"""
import collections
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLE = 600
sys.path[:0] = [str(HERE), str(HERE.parent / "families")]
from bench import Bench  # noqa: E402
from mutants import mutants  # noqa: E402
from run_families import families  # noqa: E402


def survivors():
    """{(file, old line, new line): reason} of survivors.txt here and in each family's folder."""
    known, file, old, new = {}, None, None, None
    families_own = sorted((HERE.parent / "families").glob("*/survivors.txt"))
    for line in "\n".join(path.read_text() for path in [HERE / "survivors.txt", *families_own]).splitlines():
        if line.startswith("- "):
            file, _, old = line[2:].partition(": ")
            new = None
        elif line.startswith("+ "):
            new = line[2:]
        elif line.startswith("  "):
            known[file, old.strip(), new and new.strip()] = line.strip()
    return known


class Judge:
    """One process: runs mutants of rule files with the cases of the families."""

    def __init__(self, program, work):
        self.program, self.work = program, work
        self.families = {name: {case.name: case for case in cases} for name, cases in families().items()}
        self.lucky = []  # (family, case) that caught something: tried first

    def judge(self, path, text):
        """Who caught it, or None."""
        rules = self.work / "rules"
        shutil.rmtree(rules, ignore_errors=True)
        shutil.copytree(ROOT / "rules", rules)
        (rules / path).write_text(text)
        dialect = path.startswith("dialects/")
        files = sorted(rules.glob("*.yaml")) if dialect else [rules / path]
        if subprocess.run([self.program, "check", *files], capture_output=True).returncode:
            return "check"
        mine = sorted(self.families) if dialect else [pathlib.Path(path).stem]
        cases = [(family, name) for family in mine for name in self.families.get(family, ())]
        for family, name in sorted(cases, key=lambda case: self.lucky.index(case) if case in self.lucky else len(self.lucky)):
            try:
                Bench(self.program, rules, self.work / family).check(self.families[family][name])
            except AssertionError:
                if (family, name) in self.lucky:
                    self.lucky.remove((family, name))
                self.lucky.insert(0, (family, name))
                return f"{family}: {name}"
        return None


def sampled(numbered, every):
    return [one for one in numbered if zlib.crc32(one[3].encode()) % every == 0]


def run_share(program, share, of, wanted, every):
    """[(file, old, new, who caught it)] of every `of`-th mutant of the sample."""
    import torch
    torch.set_num_threads(1)
    found = []
    with tempfile.TemporaryDirectory() as work:
        judge = Judge(program, pathlib.Path(work))
        for number, (path, old, new, text) in enumerate(sampled(all_mutants(wanted), every)):
            if number % of == share:
                found.append((path, old.strip(), new and new.strip(), judge.judge(path, text)))
    return found


def golden_of(path):
    return ROOT / "tests" / "families" / path.stem / "golden.py"


def all_mutants(wanted):
    rules = ROOT / "rules"
    judged = [path for path in sorted(rules.glob("*.yaml")) if golden_of(path).exists()]
    for path in judged + sorted(rules.glob("dialects/*.yaml")):
        if not wanted or path.stem in wanted:
            for old, new, text in mutants(path.read_text()):
                yield str(path.relative_to(rules)), old, new, text


def main():
    words = [word for word in sys.argv[2:] if word != "--all"]
    everything = list(all_mutants(words))
    every = 1 if sys.argv[2:] else max(1, round(len(everything) / SAMPLE))
    program = str(pathlib.Path(sys.argv[1]).resolve() / "tessera")
    known = survivors()
    processes = min(2, os.cpu_count() or 1)
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        shares = [pool.submit(run_share, program, share, processes, words, every) for share in range(processes)]
        found = [mutant for share in shares for mutant in share.result()]
    passed = failed = 0
    caught = collections.Counter()
    for path in sorted((ROOT / "rules").glob("*.yaml")):
        if not golden_of(path).exists():
            failed += 1
            print(f"rules/{path.name}: nothing judges it, {golden_of(path).relative_to(ROOT)} is missing")
    for path, old, new, by in sorted(found, key=str):
        expected = (path, old, new) in known
        caught[by.split(":")[0] if by else "survived, explained" if expected else "survived"] += 1
        if (by is None) == expected:
            passed += 1
            continue
        failed += 1
        print(f"- {path}: {old}\n+ {new}" if new is not None else f"- {path}: {old}", f"\n    caught by {by}, but in survivors.txt" if by else "\n    survives")
    for path, old, new in known.keys() - {(path, old.strip(), new and new.strip()) for path, old, new, _ in everything}:
        if not words or pathlib.Path(path).stem in words:
            failed += 1
            print(f"survivors.txt: no mutant is `{old}` -> `{new}` of {path}")
    if every > 1:
        print(f"  one of every {every} of {len(everything)} mutants")
    for by, count in sorted(caught.items()):
        print(f"  {by}: {count}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
