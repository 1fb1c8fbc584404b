"""A checkpoint of random tensors as torch.distributed.checkpoint writes it from four processes.

    python torch_shards.py FOLDER
"""
import contextlib
import os
import sys
import tempfile

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp

DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool,
          torch.float8_e4m3fn]


def random_tensors():
    """name -> (global tensor, how its two axes are sharded over a 2 x 2 mesh); sizes that do not divide too."""
    generator = torch.Generator().manual_seed(5)
    tensors = {}
    for i, dtype in enumerate(DTYPES):
        for how in ("rows", "columns", "both", "whole"):
            values = torch.randint(0, 100, (7 + i, 5), generator=generator)
            tensors[f"a.{str(dtype)[6:]}.{how}"] = ((values > 50) if dtype == torch.bool else values.to(dtype), how)
    tensors["a.cube"] = (torch.rand(3, 4, 6, generator=generator), "both")
    tensors["a.scalar"] = (torch.tensor(3.5), "whole")
    tensors["a.empty"] = (torch.empty(0, 4), "whole")
    return tensors


def write_shards(rank, folder, scratch):
    """One process of four: torch shards, torch writes."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    dist.init_process_group("gloo", init_method=f"file://{scratch}/store", rank=rank, world_size=4)
    mesh = init_device_mesh("cpu", (2, 2))
    placements = {"rows": [Shard(0), Replicate()], "columns": [Replicate(), Shard(1)], "both": [Shard(0), Shard(1)]}
    state = {name: distribute_tensor(tensor, mesh, placements[how], src_data_rank=None) if how in placements else tensor
             for name, (tensor, how) in random_tensors().items()}
    with contextlib.redirect_stderr(open(os.devnull, "w")):
        dcp.save(state, checkpoint_id=str(folder))
    os._exit(0)  # the group is not taken down: nothing waits for it


def main(folder):
    context = torch.multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as scratch:
        ranks = [context.Process(target=write_shards, args=(rank, folder, scratch)) for rank in range(4)]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join()
        return max(abs(p.exitcode) for p in ranks)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
