"""Equal input and equal options give equal bytes, whatever the surroundings.

    python tests/grid/run_grid.py BUILD [--program PATH] [--all] [WORD...]

Each conversion is made once by one thread with plain instructions, and looked at: its tensors must be those that torch computes. Then it is
made again over the grid below, and every byte of every file must be the same, tessera.json too, and all of the report but what it took.
Usually each two values of the grid meet at least once; --all takes every combination. Words choose conversions. Needs torch, safetensors.
"""
import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools")]
os.environ["OMP_NUM_THREADS"] = "1"
import sanitized  # noqa: E402
import sources  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from sources import GPT2, LLAMA, MIXTRAL, Mesh  # noqa: E402
from bench import flat, same, weights_of, write_hf  # noqa: E402
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save  # noqa: E402

ROOT = HERE.parent.parent


def instructions():
    """Those of this processor, as TESSERA_INSTRUCTIONS spells them."""
    flags = set(pathlib.Path("/proc/cpuinfo").read_text().split())
    return ["scalar"] + [name for name, flag in (("avx2", "avx2"), ("avx512", "avx512f")) if flag in flags]


GRID = {
    "threads": ["1", "2", "5"],
    "memory": ["1MiB", "64MiB", "96MiB", "256MiB", "1GiB"],
    "way": ["direct", "no-direct", "no-sync", "in memory"],  # in memory: on /dev/shm, as a file system of another kind
    "instructions": instructions(),
    "source": ["cached", "on the disk"],
    "world": ["as it is", "another"],  # another: zone, language, umask, no HOME, three years later
}
PLAIN = {"threads": "1", "memory": "256MiB", "way": "no-direct", "instructions": "scalar", "source": "cached", "world": "as it is"}


def every_combination():
    return [dict(zip(GRID, values)) for values in itertools.product(*GRID.values())]


def pairs_of(point):
    return set(itertools.combinations(point.items(), 2))


def each_pair_once():
    """Points of the grid in which each two values of it meet."""
    points = every_combination()
    open_pairs = set().union(*map(pairs_of, points))
    chosen = []
    while open_pairs:
        best = max(points, key=lambda point: len(pairs_of(point) & open_pairs))
        chosen.append(best)
        open_pairs -= pairs_of(best)
    return chosen


@dataclasses.dataclass
class Job:
    source: str                 # a checkpoint that was made, or the reference of a job before
    options: list
    want: typing.Callable       # of the folder that came out: AssertionError if it holds other tensors


def jobs(made):
    """{name: Job}"""
    two, ten = Mesh(tp=2, pp=2), ["--set", "make_vocab_size_divisible_by=10"]
    gpt2, llama, mixtral = made["gpt2"], made["llama"], made["mixtral"]
    ranks = lambda want: lambda folder: holds_ranks(folder, want)  # noqa: E731
    experts = Mesh(pp=2, ep=2)
    return {
        "gpt2 to ranks": Job("gpt2", two.options(), ranks(sources.gpt2_ranks(gpt2, two))),
        "gpt2 back": Job("gpt2 to ranks", ["--to", "hf"], lambda folder: holds(folder, gpt2)),
        "gpt2 to torch_dist": Job("gpt2", ["--format", "torch_dist"], lambda folder: holds_global(folder, sources.gpt2_ranks(gpt2, Mesh()))),
        "gpt2 in half": Job("gpt2", ["--to", "hf", "--dtype", "bf16", "--max-shard-size", "3MB"],
                            lambda folder: holds(folder, {name: t.to(torch.bfloat16) for name, t in gpt2.items()})),
        "llama to ranks": Job("llama", [*two.options(), *ten], ranks(sources.llama_ranks(llama, two))),
        "llama on another mesh": Job("llama to ranks", ["--to", "mcore", "--tp", 1, "--pp", 2], ranks(sources.llama_ranks(llama, Mesh(pp=2)))),
        "mixtral to ranks": Job("mixtral", [*experts.options(), *ten], ranks(sources.mixtral_ranks(mixtral, experts))),
        "mixtral taken apart": Job("mixtral", ["--to", "hf", "--set", "experts=separate"], lambda folder: holds(folder, sources.separate(mixtral))),
    }


def holds(folder, want):
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        found |= load_file(path)
    same(want, found, "tensors")


def holds_ranks(folder, want):
    for rank, tensors in want.items():
        file = torch.load(folder / "release" / rank / "model_optim_rng.pt", weights_only=False)
        same(tensors, dict(flat(weights_of(file))), rank)


def holds_global(folder, ranks):
    """Layers are stacked there; tied weights stand once."""
    want = {}
    for name, tensor in next(iter(ranks.values())).items():
        words = name.split(".")
        if words[:2] == ["decoder", "layers"]:
            want.setdefault(".".join(words[:2] + words[3:]), []).append(tensor)
        else:
            want[name] = tensor
    with tempfile.NamedTemporaryFile(suffix=".pt") as flat_file:
        dcp_to_torch_save(folder / "release", flat_file.name)
        found = torch.load(flat_file.name, weights_only=False)
    found = {name: t for name, t in found.items() if isinstance(t, torch.Tensor)}
    same({name: torch.stack(t) if isinstance(t, list) else t for name, t in want.items()}, found, "torch_dist")


class Grid:
    def __init__(self, program, disk, memory):
        self.program, self.disk, self.memory = program, disk, memory
        self.folders, self.references, self.reports = {}, {}, {}
        self.later = disk / "later.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.later, HERE / "later.c", "-ldl"], check=True)

    def environment(self, point):
        env = {**os.environ, "TESSERA_INSTRUCTIONS": point["instructions"]}
        if point["world"] == "another":
            env.pop("HOME", None)
            env |= {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "LD_PRELOAD": sanitized.preload(self.program, self.later)}
        return env

    def run(self, point, *words, status=0):
        umask = 0o077 if point["world"] == "another" else 0o022
        done = subprocess.run([self.program, *map(str, words), "--json", "--rules-dir", ROOT / "rules", "--threads", point["threads"]], cwd=self.disk,
                              capture_output=True, text=True, errors="replace", env=self.environment(point), umask=umask)
        assert done.returncode == status, f"exit {done.returncode}: {done.stderr[-3000:]}"
        return done

    def report(self, done):
        return {key: value for key, value in json.loads(done.stdout).items() if key not in ("seconds", "peak_memory", "bytes_read")}

    def make(self, job, point, out):
        source = self.folders[job.source]
        if point["source"] == "on the disk":
            forget(source)
        way = {"no-direct": ["--no-direct"], "no-sync": ["--no-sync"]}.get(point["way"], [])
        return self.report(self.run(point, "convert", source, out, *job.options, "--memory", point["memory"], *way))

    def reference(self, name, job):
        out = self.folders[name] = self.disk / name.replace(" ", "-")
        self.reports[name] = self.make(job, PLAIN, out)
        self.references[name] = tree(out)
        job.want(out)

    def again(self, name, job, point):
        out = (self.memory if point["way"] == "in memory" else self.disk) / "again"
        try:
            report = self.make(job, point, out)
            assert tree(out).keys() == self.references[name].keys(), sorted(tree(out).keys() ^ self.references[name].keys())
            for file, want in self.references[name].items():
                same_bytes(want, (out / file).read_bytes(), file)
            same_report(self.reports[name], report)
            assert self.report(self.run(point, "verify", out))["whole"]
        finally:
            shutil.rmtree(out, ignore_errors=True)

    def compare(self, point):
        """Two layouts, of which one was rounded."""
        ends = self.folders["gpt2 in half"], self.folders["gpt2 to ranks"]
        for folder in ends if point["source"] == "on the disk" else ():
            forget(folder)
        done = self.run(point, "diff", *ends, "--tolerance", "1e-9", "--memory", point["memory"], status=1)
        report = self.report(done)
        same_report(self.reports.setdefault("diff", report), report)
        assert report["same"] is False and report["counts"]["differs"] > 0, report["counts"]

    def look(self, point):
        """Archives of which every storage is damaged, without a manifest: all are told, in one order."""
        broken = self.disk / "broken"
        if not broken.exists():
            shutil.copytree(self.folders["gpt2 to ranks"], broken)
            damage_each_tensor(broken)
        report = self.report(self.run(point, "verify", broken, status=1))
        same_report(self.reports.setdefault("verify", report), report)
        assert len(report["damage"]) > 50, f"only {len(report['damage'])} damaged places are told"


def damage_each_tensor(folder):
    manifest = json.loads((folder / "tessera.json").read_text())
    for tensor in manifest["tensors"]:
        with open(folder / tensor["file"], "r+b") as file:
            file.seek(tensor["offset"])
            byte = file.read(1)[0]
            file.seek(tensor["offset"])
            file.write(bytes([byte ^ 1]))
    (folder / "tessera.json").unlink()


def tree(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def same_report(want, got):
    other = {key: (want.get(key), got.get(key)) for key in want.keys() | got.keys() if want.get(key) != got.get(key)}
    assert not other, f"another report: {str(other)[:2000]}"


def same_bytes(want, got, what):
    if want == got:
        return
    at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
    raise AssertionError(f"{what}: other bytes from byte {at} on, {len(got)} and not {len(want)} in all")


def forget(folder):
    """What was written is on the disk, and no longer in the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def unknown_instructions(grid, out):
    done = grid.run({**PLAIN, "instructions": "sse9"}, "convert", grid.folders["gpt2"], out, "--tp", 2, status=2)
    assert "TESSERA_INSTRUCTIONS=sse9" in done.stderr and not out.exists(), done.stderr


def main():
    options = argparse.ArgumentParser()
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("--program", type=pathlib.Path)
    options.add_argument("--all", action="store_true")
    options.add_argument("words", nargs="*")
    said = options.parse_args()
    program = (said.program or said.build / "tessera").resolve()
    points = every_combination() if said.all else each_pair_once()
    counts = {True: 0, False: 0}

    def test(name, action, *arguments):
        try:
            action(*arguments)
            counts[True] += 1
        except AssertionError as reason:
            counts[False] += 1
            print(f"{name}: {reason}", flush=True)

    with tempfile.TemporaryDirectory(dir=said.build) as disk, tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        grid = Grid(program, pathlib.Path(disk).resolve(), pathlib.Path(memory))
        made = {"gpt2": sources.gpt2(), "llama": sources.llama(), "mixtral": sources.mixtral()}
        for name, config in ("gpt2", GPT2), ("llama", LLAMA), ("mixtral", MIXTRAL):
            grid.folders[name] = grid.disk / name
            write_hf(grid.folders[name], made[name], config)
        todo = jobs(made)
        for name, job in todo.items():
            test(name, grid.reference, name, job)
        test("unknown instructions", unknown_instructions, grid, grid.disk / "none")
        for name, job in todo.items():
            if said.words and not any(word in name for word in said.words):
                continue
            for point in points:
                test(f"{name}, {', '.join(point.values())}", grid.again, name, job, point)
        for point in points if not said.words else []:
            test(f"diff, {', '.join(point.values())}", grid.compare, point)
            test(f"verify, {', '.join(point.values())}", grid.look, point)
    print(f"{len(points)} points of the grid, {', '.join(GRID['instructions'])}")
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] or not counts[True] else 0


if __name__ == "__main__":
    sys.exit(main())
