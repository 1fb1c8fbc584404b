"""The ways from one checkpoint to another, each judged: what run_interop.py tries on its toys.

A suite has `rules`, the stem of its file, and `tests()`: (way, mesh, test). A test returns the largest difference or "bits", or raises Failed.
"""
import json
import typing
from functools import cache, cached_property, partial

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
    """Stages of different length."""

    def __init__(self, toy, rules, stages):
        super().__init__(toy, rules, [ONE])
        self.stages = stages

    @cache
    def made_as(self, said, mesh):
        options = mesh._replace(vpp=1).options() if said[0] == "--layout" else mesh.options()
        return judge.made_by_megatron(self.toy, self.work / " ".join(map(str, said)), *options, *said)

    @cached_property
    def logits(self):
        return judge.megatron_logits(self.megatron)

    def read(self, said, mesh):
        made, logits = self.made_as(said, mesh)
        hf = self.convert(made, made.name + " hf", "--to", "hf", "--rules", self.rules)
        judge.same_hf(self.hf, hf)
        return judge.difference(logits, self.logits)

    def write(self, said, mesh, counts):
        made, logits = self.made_as(said, mesh)
        ours = self.to(self.megatron, made.name + " ours", mesh, "--place", f"pp={counts}")
        judge.same_ranks(made, ours)
        return judge.difference(logits, judge.megatron_logits(ours))

    def even_out(self, said, mesh):
        """No argument of the uneven stages is left."""
        made, logits = self.made_as(said, mesh)
        ours = self.to(made, made.name + " even", BOTH)
        return judge.difference(logits, judge.megatron_logits(ours))

    def tests(self):
        for said, mesh, counts in self.stages:
            words = " ".join(map(str, said)).replace("--", "")
            yield f"uneven stages to hf, {words}", mesh, partial(self.read, said, mesh)
            if counts:
                yield f"uneven stages from one rank, {words}", mesh, partial(self.write, said, mesh, counts)
            yield f"uneven stages to even ones, {words}", BOTH, partial(self.even_out, said, mesh)


def same_arguments(a, b):
    """But for `rank`, which the files of each rank say and those of no rank do not."""
    one, other = vars(judge.mcore.read_args(a)), vars(judge.mcore.read_args(b))
    different = sorted(key for key in one.keys() | other.keys() if key != "rank" and one.get(key) != other.get(key))
    judge.check(not different, "arguments differ: " + ", ".join(f"{k} {one.get(k)} {other.get(k)}" for k in different))
