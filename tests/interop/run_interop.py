"""Every family that Megatron-Core can run, judged by the real software: it loads what we write and computes the same logits.

    python tests/interop/run_interop.py BUILD [FAMILY...] [--results FILE] [--rules-dir rules]

A mesh of a way is one test; the largest difference of logits is printed (their size is 5, the tolerance 1e-4). oracle/README.md says what
the judge does. --results writes {family: {way: {mesh: largest difference, or "bits"}}} as JSON; what failed is null.
"""
import argparse
import json
import pathlib
import sys
import tempfile
import typing
from functools import cached_property, partial

import judge


class Mesh(typing.NamedTuple):
    tp: int = 1
    pp: int = 1
    vpp: int = 1
    ep: int = 1
    etp: int = 0

    def options(self):
        sizes = [("--" + axis, size) for axis, size in zip(self._fields, self) if size > (axis != "etp")]
        return [word for pair in sizes for word in pair]

    def __str__(self):
        experts = f" EP{self.ep} ETP{self.etp}" if self.etp else ""
        return f"TP{self.tp} PP{self.pp}" + (f" VPP{self.vpp}" if self.vpp > 1 else "") + experts


ONE, TP, PP, BOTH, VPP = Mesh(), Mesh(tp=2), Mesh(pp=2), Mesh(tp=2, pp=2), Mesh(pp=2, vpp=2)
EP, EP_TP, EP_ETP, EP_PP = Mesh(ep=2, etp=1), Mesh(tp=2, ep=2, etp=1), Mesh(tp=2, ep=2, etp=2), Mesh(tp=2, pp=2, ep=2, etp=1)


class Family:
    """One toy of oracle/families.py, both ways at each mesh."""

    def __init__(self, toy, rules, meshes, local=(), distributed=(), unsaid=None):
        self.toy, self.rules, self.meshes, self.local, self.distributed = toy, rules, meshes, local, distributed
        self.unsaid = unsaid or {}  # config.json's keys that Megatron knows nothing of, where a toy cannot take the default

    def open(self, convert, work):
        self.work, self.convert = work, convert
        self.asked = ("--rules", self.rules)
        return self

    @cached_property
    def hf(self):
        judge.ask("make-hf", self.toy, "--out", self.work / "hf")
        return self.work / "hf"

    @cached_property
    def hf_logits(self):
        return judge.hf_logits(self.hf)

    @cached_property
    def megatron(self):
        """Of one rank: (checkpoint, logits)"""
        return judge.made_by_megatron(self.toy, self.work / "made")

    @cached_property
    def megatron_hf(self):
        folder = self.convert(self.megatron[0], "made-hf", "--to", "hf", *self.asked)
        config = folder / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), **self.unsaid}))
        return folder

    @cached_property
    def megatron_hf_logits(self):
        return judge.hf_logits(self.megatron_hf)

    def to_megatron(self, mesh, *options):
        ours = self.convert(self.hf, " ".join(("to", str(mesh), *options)), "--to", "mcore", *mesh.options(), *options)
        return judge.difference(self.hf_logits, judge.megatron_logits(ours))

    def to_distributed(self, mesh):
        """One checkpoint, which Megatron-Core loads on its mesh."""
        ours = self.convert(self.hf, f"to {mesh} distributed", "--format", "torch_dist")
        return judge.difference(self.hf_logits, judge.megatron_logits(ours, *mesh.options()))

    def and_back(self, mesh):
        back = self.convert(self.work / f"to {mesh}", f"back {mesh}", "--to", "hf", *self.asked)
        return judge.same_hf(self.hf, back)

    def back_in_transformers(self, mesh):
        return judge.difference(self.hf_logits, judge.hf_logits(self.work / f"back {mesh}"), tolerance=0)

    def from_megatron(self, mesh, *options):
        """Megatron's logits, and the tensors that one rank gives."""
        name = " ".join(map(str, ("from", mesh, *options)))
        made, logits = judge.made_by_megatron(self.toy, self.work / name, *mesh.options(), *options)
        judge.same_hf(self.megatron_hf, self.convert(made, f"{name} hf", "--to", "hf", *self.asked))
        return judge.difference(logits, self.megatron_hf_logits)

    def tests(self):
        """(way, mesh, test)"""
        for mesh in self.meshes:
            yield "hf to mcore", mesh, partial(self.to_megatron, mesh)
            yield "hf to mcore to hf", mesh, partial(self.and_back, mesh)
        yield "loaded again by transformers", mesh, partial(self.back_in_transformers, mesh)
        for mesh in self.meshes:
            if mesh in (self.meshes[0], BOTH, VPP, EP_PP):
                yield "mcore to hf", mesh, partial(self.from_megatron, mesh)
        for mesh in self.local:
            yield "hf to mcore, local names", mesh, partial(self.to_megatron, mesh, "--dialect", "mcore_local")
            yield "local names to hf", mesh, partial(self.from_megatron, mesh, "--spec", "local")
        for mesh in self.distributed:
            yield "hf to torch_dist", mesh, partial(self.to_distributed, mesh)
            yield "torch_dist to hf", mesh, partial(self.from_megatron, mesh, "--format", "torch_dist")


class Control(Family):
    """A judge that would not notice is none."""

    def swapped(self):
        text = (judge.ROOT / "rules" / f"{self.rules}.yaml").read_text()
        wrong = self.work / "wrong.yaml"
        wrong.write_text(text.replace("(g q+k+v d) h", "(g q+v+k d) h"))
        ours = self.convert(self.hf, "swapped", "--to", "mcore", "--rules", wrong)
        return judge.difference(self.hf_logits, judge.megatron_logits(ours), tolerance=100)

    def noticed(self):
        difference = self.swapped()
        judge.check(difference > 1, f"k and v are swapped, and logits differ by {difference} only")
        return f"differ by {difference:.1f}"

    def tests(self):
        yield "k and v swapped", ONE, self.noticed


class Resharding:
    """From mesh to mesh: what the direct way gives, and what Megatron-Core writes there."""

    def __init__(self, toy, rules, meshes):
        self.toy, self.rules, self.meshes = toy, rules, meshes

    def open(self, convert, work):
        self.work, self.convert = work, convert
        return self

    @cached_property
    def megatron(self):
        return self.made(self.meshes[0])

    @cached_property
    def hf(self):
        return self.convert(self.megatron, "hf", "--to", "hf", "--rules", self.rules)

    def made(self, mesh):
        folder = self.work / f"made {mesh}"
        judge.ask("make-mcore", self.toy, "--out", folder, *mesh.options())
        return folder

    def to(self, source, name, mesh, *options):
        return self.convert(source, name, "--to", "mcore", *mesh.options(), "--rules", self.rules, *options)

    @cached_property
    def links(self):
        """[the checkpoint of each mesh, made from the one before]"""
        links = [self.megatron]
        for mesh in self.meshes[1:]:
            links.append(self.to(links[-1], f"chain {len(links)}", mesh))
        return links

    def as_megatron(self, place):
        return judge.same_ranks(self.links[place], self.made(self.meshes[place]))

    def as_from_hf(self, place):
        direct = self.to(self.hf, f"from hf {place}", self.meshes[place], "--set", "make_vocab_size_divisible_by=8")
        return judge.same_ranks(self.links[place], direct)

    def as_direct(self, place):
        """The arguments too."""
        direct = self.to(self.megatron, f"direct {place}", self.meshes[place])
        same_arguments(self.links[place], direct)
        return judge.same_ranks(self.links[place], direct)

    def through_distributed(self, mesh):
        there = self.to(self.megatron, f"distributed {mesh}", mesh, "--format", "torch_dist")
        back = self.to(there, f"from distributed {mesh}", self.meshes[0], "--format", "torch")
        same_arguments(self.megatron, back)
        return judge.same_ranks(self.megatron, back)

    def tests(self):
        for place, mesh in list(enumerate(self.meshes))[1:]:
            if mesh != self.meshes[0]:
                yield "the chain, as Megatron writes", mesh, partial(self.as_megatron, place)
                yield "the chain, as from hf", mesh, partial(self.as_from_hf, place)
            yield "the chain, as the direct way", mesh, partial(self.as_direct, place)
        yield "torch to torch_dist to torch", self.meshes[-2], partial(self.through_distributed, self.meshes[-2])


class Uneven(Resharding):
    """Stages of different length: what Megatron-Core is told, the mesh, and the layers of each stage."""

    STAGES = [
        (("--first", 3), PP, "3,5"),
        (("--last", 1), PP, "7,1"),
        (("--first", 1, "--last", 3), Mesh(pp=4), "1,2,2,3"),
        (("--layout", "Ettt|t*5,L"), PP, "3,5"),
        (("--layout", "Et|tt|t*3|t*2L"), VPP, "1,2,3,2"),
        (("--layout", "Et*4|t*4|L"), Mesh(pp=3), "4,4,0"),
        (("--layout", "E|t*3|t*5L"), Mesh(pp=3), "0,3,5"),
    ]

    def made_as(self, said, mesh):
        options = mesh._replace(vpp=1).options() if said[0] == "--layout" else mesh.options()
        return judge.made_by_megatron(self.toy, self.work / f"told {said[1:]}", *options, *said)

    def read(self, told):
        hf = self.convert(told[0], told[0].name + " hf", "--to", "hf", "--rules", self.rules)
        judge.same_hf(self.hf, hf)
        return judge.difference(told[1], judge.hf_logits(hf))

    def write(self, told, mesh, counts):
        ours = self.to(self.megatron, told[0].name + " ours", mesh, "--place", f"pp={counts}")
        judge.same_ranks(told[0], ours)
        return judge.difference(told[1], judge.megatron_logits(ours))

    def even_out(self, told):
        """No argument of the uneven stages is left."""
        ours = self.to(told[0], told[0].name + " even", BOTH)
        return judge.difference(told[1], judge.megatron_logits(ours))

    def tests(self):
        for said, mesh, counts in self.STAGES:
            told, words = self.made_as(said, mesh), " ".join(map(str, said)).replace("--", "")
            yield f"uneven stages to hf, {words}", mesh, partial(self.read, told)
            yield f"uneven stages from one rank, {words}", mesh, partial(self.write, told, mesh, counts)
            yield f"uneven stages to even ones, {words}", BOTH, partial(self.even_out, told)


def same_arguments(a, b):
    """But for `rank`, which the files of each rank say and those of no rank do not."""
    one, other = vars(judge.mcore.read_args(a)), vars(judge.mcore.read_args(b))
    different = sorted(key for key in one.keys() | other.keys() if key != "rank" and one.get(key) != other.get(key))
    judge.check(not different, "arguments differ: " + ", ".join(f"{k} {one.get(k)} {other.get(k)}" for k in different))


DENSE = [ONE, TP, PP, BOTH, VPP]
EXPERTS = [ONE, BOTH, VPP, EP, EP_TP, EP_ETP, EP_PP]
FOUR = Mesh(tp=4)

SUITES = {
    "gpt2": Family("gpt2", "gpt2", DENSE),
    "llama": Family("llama", "llama", DENSE, local=[BOTH], distributed=[BOTH]),
    "llama_tied": Family("llama_tied", "llama", DENSE),
    "llama_wide": Family("llama_wide", "llama", DENSE),
    "llama_few": Family("llama_few", "llama", [FOUR, Mesh(tp=4, pp=2)]),
    "llama3": Family("llama3", "llama", DENSE),
    "llama_linear": Family("llama_linear", "llama", [ONE]),
    "llama_bias": Family("llama_bias", "llama_bias", [ONE, BOTH]),
    "mistral": Family("mistral", "mistral", DENSE),
    "qwen2": Family("qwen2", "qwen2", DENSE),
    "qwen3": Family("qwen3", "qwen3", DENSE),
    "phi3": Family("phi3", "phi3", DENSE, unsaid={"pad_token_id": 0}),
    "gpt_neox": Family("gpt_neox", "gpt_neox", DENSE),
    "falcon": Family("falcon", "falcon", DENSE),
    "mixtral": Family("mixtral", "mixtral", EXPERTS),
    "qwen2_moe": Family("qwen2_moe", "qwen2_moe", EXPERTS),
    "qwen2_moe_dense": Family("qwen2_moe_dense", "qwen2_moe", [ONE, EP_PP]),
    "qwen3_moe": Family("qwen3_moe", "qwen3_moe", EXPERTS, local=[EP_PP], distributed=[EP_PP]),
    "qwen3_moe_dense": Family("qwen3_moe_dense", "qwen3_moe", [ONE, EP_PP], local=[EP_PP]),
    "gpt_oss": Family("gpt_oss", "gpt_oss", [ONE, Mesh(tp=2, etp=1), VPP, EP, EP_TP, EP_PP], distributed=[EP_PP]),  # biases of experts: ETP 1
    "deepseek_v3": Family("deepseek_v3", "deepseek_v3", EXPERTS, local=[BOTH], distributed=[EP_PP]),
    "deepseek_v3_yarn": Family("deepseek_v3_yarn", "deepseek_v3", [ONE, EP_PP]),
    "control": Control("llama", "llama", [ONE]),
    "resharding": Resharding("llama_deep", "llama", [ONE, Mesh(tp=4, pp=2), Mesh(tp=2, pp=4, vpp=2), ONE]),
    "resharding experts": Resharding("qwen3_moe", "qwen3_moe", [ONE, EP_TP, EP_PP, ONE]),
    "resharding mtp": Resharding("deepseek_v3_mtp", "deepseek_v3", [ONE, EP_PP, ONE]),
    "uneven stages": Uneven("llama_deep", "llama", [ONE]),
}


def carry_out(suite, convert, work):
    """[(way, mesh, what came out, why it failed)]"""
    work.mkdir()
    found = []
    for way, mesh, test in suite.open(convert, work).tests():
        try:
            found.append((way, str(mesh), test(), None))
        except judge.Failed as reason:
            found.append((way, str(mesh), None, str(reason)))
    return found


def task(suite, asked, work):
    convert = judge.converter(asked.build.resolve() / "tessera", asked.rules_dir.resolve(), work)
    return partial(carry_out, suite, convert, work)


def told(name, found, seconds):
    """One line of a suite, and its failures."""
    numbers = [value for _, _, value, _ in found if isinstance(value, float)]
    largest = f", largest difference {max(numbers):.1e}" if numbers else ""
    print(f"{name}: {len(found)} tests{largest}, {seconds:.1f} s", flush=True)
    for way, mesh, _, failure in found:
        if failure is not None:
            print(f"{name}, {way}, {mesh}: {failure}", flush=True)


def table(found):
    ways = {}
    for way, mesh, value, _ in found:
        ways.setdefault(way, {})[mesh] = value
    return ways


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("family", nargs="*", help=", ".join(SUITES))
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--rules-dir", type=pathlib.Path, default=judge.ROOT / "rules")
    return parser.parse_args()


def main():
    asked = options()
    wanted = {name: suite for name, suite in SUITES.items() if not asked.family or name in asked.family}
    there = {name: suite for name, suite in wanted.items() if (asked.rules_dir / f"{suite.rules}.yaml").exists()}
    results, outcomes = {}, []
    with tempfile.TemporaryDirectory() as work:
        running = {name: task(suite, asked, pathlib.Path(work) / name) for name, suite in there.items()}
        for name, job in judge.side_by_side(running):
            found = job.result()
            told(name, found, job.seconds)
            results[name] = table(found)
            outcomes += [failure is None for *_, failure in found]
    if asked.results:
        asked.results.write_text(json.dumps(results, indent=1) + "\n")
    for name in wanted.keys() - there.keys():
        print(f"{name}: no rules/{wanted[name].rules}.yaml yet")
    print(f"{sum(outcomes)} passed, {outcomes.count(False)} failed, {len(wanted) - len(there)} skipped")
    return 0 if outcomes and all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
