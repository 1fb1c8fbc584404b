"""How Megatron-Core lays a decoder out over its ranks, written out row by row: what goldens are computed with. Needs torch.

Read off megatron-core 0.16.1: tensor_parallel/layers.py (cuts), transformer/attention.py (rows of linear_qkv), transformer/mlp.py
(gate and up on each rank), transformer/transformer_block.py (layers of a stage), parallel_state.py (ranks of experts).
"""
import dataclasses
import math
import typing

import torch


@dataclasses.dataclass(frozen=True)
class Mesh:
    tp: int = 1
    pp: int = 1
    vpp: int = 1
    ep: int = 1
    etp: typing.Optional[int] = None  # as tp where nobody says

    @property
    def expert_tp(self):
        return self.tp if self.etp is None else self.etp

    def options(self):
        """Of `tessera convert`."""
        said = {"--tp": self.tp, "--pp": self.pp, "--vpp": self.vpp, "--ep": self.ep, "--etp": self.etp}
        return [word for key, size in said.items() if size not in (None, 1) or key == "--etp" and size for word in (key, size)]

    def ranks(self):
        """Every rank whose file has its own name: of two that share one, the first."""
        seen = {}
        for stage in range(self.pp):
            for r in range(math.lcm(self.tp, self.expert_tp * self.ep)):
                rank = Rank(self, r % self.tp, stage, r // self.expert_tp % self.ep, r % self.expert_tp)
                seen.setdefault(rank.folder, rank)
        return list(seen.values())


@dataclasses.dataclass(frozen=True)
class Rank:
    mesh: Mesh
    tp: int
    pp: int
    ep: int
    etp: int

    @property
    def folder(self):
        stage = f"_{self.pp:03d}" if self.mesh.pp > 1 else ""
        return f"mp_rank_{self.tp:02d}{stage}" + (f"_{self.ep:03d}" if self.mesh.ep > 1 else "")

    def rows(self, tensor):
        """Column parallel: this rank's share of the first dimension."""
        return share(tensor, 0, self.mesh.tp, self.tp)

    def columns(self, tensor):
        """Row parallel: its share of the last."""
        return share(tensor, -1, self.mesh.tp, self.tp)

    def gated(self, gate, up):
        return torch.cat([self.rows(gate), self.rows(up)])

    def qkv(self, q, k, v, groups):
        return self.rows(fused_qkv(q, k, v, groups))

    def words(self, table, divisible):
        """The vocabulary is filled up with zeros to a multiple of `divisible` times tp."""
        padded = -(-len(table) // (divisible * self.mesh.tp)) * divisible * self.mesh.tp
        filled = torch.zeros(padded, *table.shape[1:], dtype=table.dtype)
        filled[:len(table)] = table
        return self.rows(filled)

    def experts(self, count):
        """Global numbers of the experts here, in the order of their local numbers."""
        each = count // self.mesh.ep
        return range(self.ep * each, (self.ep + 1) * each)

    def expert_rows(self, tensor):
        return share(tensor, 0, self.mesh.expert_tp, self.etp)

    def expert_columns(self, tensor):
        return share(tensor, -1, self.mesh.expert_tp, self.etp)

    def expert_gated(self, gate, up):
        return torch.cat([self.expert_rows(gate), self.expert_rows(up)])


def share(tensor, dimension, ranks, rank):
    assert tensor.shape[dimension] % ranks == 0, (tensor.shape, dimension, ranks)
    width = tensor.shape[dimension] // ranks
    return tensor.narrow(dimension, rank * width, width).contiguous()


def fused_qkv(q, k, v, groups):
    """Group by group: the group's queries, its key, its value. Weights [rows, in] or biases [rows]."""
    rows = []
    queries, head = len(q) // groups, len(k) // groups
    for g in range(groups):
        rows += [q[g * queries + i] for i in range(queries)]
        rows += [k[g * head + i] for i in range(head)]
        rows += [v[g * head + i] for i in range(head)]
    return torch.stack(rows)


def over_ranks(mesh, layers, first, layer, last):
    """{folder: {name: tensor}} of a decoder. `layers` layers, or a list of how many each stage holds (chunk-major); each function gives
    {name: tensor}: first(rank) of the first stage, layer(rank, l) of layer l without `decoder.layers.N.`, last(rank) of the last.
    With virtual stages the names begin with `model0.`, `model1.`, ...
    """
    stages = mesh.pp * mesh.vpp
    counts = layers if isinstance(layers, list) else [layers // stages] * stages
    want = {}
    for rank in mesh.ranks():
        here = want.setdefault(rank.folder, {})
        for chunk in range(mesh.vpp):
            stage, prefix = chunk * mesh.pp + rank.pp, f"model{chunk}." if mesh.vpp > 1 else ""
            begin = sum(counts[:stage])
            found = dict(first(rank)) if stage == 0 else {}
            for local in range(counts[stage]):
                found |= {f"decoder.layers.{local}.{name}": t for name, t in layer(rank, begin + local).items()}
            found |= last(rank) if stage == stages - 1 else {}
            here |= {prefix + name: t for name, t in found.items()}
    return want
