"""Hugging Face to Hugging Face: one tensor for each expert <-> all of them in one, as transformers 5 has them in memory.

    python tests/families/run_respelled.py BUILD

The other layout is computed here: gate over up, experts behind each other. Names and shapes of both are the census's.
"""
import json
import pathlib
import sys
import tempfile

import torch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from bench import Bench, counted, read_hf, same, unfold, write_hf  # noqa: E402

PARTS = {"mixtral": ("w1", "w3", "w2"), "": ("gate_proj", "up_proj", "down_proj")}


def stacked(family, hf, experts):
    """The separate experts of `hf` in one tensor for each layer."""
    gate, up, down = PARTS.get(family, PARTS[""])
    made = {}
    for name, tensor in hf.items():
        if ".experts." not in name:
            made[name.replace("block_sparse_moe", "mlp")] = tensor
        elif name.endswith(f".experts.0.{gate}.weight"):
            begin = name.removesuffix(f"0.{gate}.weight")
            of = lambda part: torch.stack([hf[f"{begin}{e}.{part}.weight"] for e in range(experts)])  # noqa: E731
            there = begin.replace("block_sparse_moe", "mlp")
            made[there + "gate_up_proj"] = torch.cat([of(gate), of(up)], 1)
            made[there + "down_proj"] = of(down)
    return made


def check(bench, family):
    path = HERE / family / "census.json"
    hf, config = counted(path)
    experts = config.get("num_local_experts") or config.get("num_experts") or config["n_routed_experts"]
    want = stacked(family, hf, experts)
    native = {name: shape for title, shape, _ in json.loads(path.read_text())["tensors_native"] for name in unfold(title)}
    assert native == {name: list(tensor.shape) for name, tensor in want.items()}, "not the census's names and shapes"
    work = bench.work / family
    write_hf(work / "separate", hf, config)
    bench.convert(work / "separate", work / "stacked", ["--to", "hf", "--set", "experts=stacked"])
    same(want, read_hf(work / "stacked"), "stacked")
    bench.convert(work / "stacked", work / "again", ["--to", "hf", "--set", "experts=separate"])
    same(hf, read_hf(work / "again"), "separate again")
    bench.convert(work / "stacked", work / "kept", ["--to", "hf"])
    same(want, read_hf(work / "kept"), "as it was")


def main():
    passed = failed = 0
    families = [path.parent.name for path in sorted(HERE.glob("*/census.json"))
                if any("experts.<" in title for title, _, _ in json.loads(path.read_text())["tensors"])]
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(str(pathlib.Path(sys.argv[1]).resolve() / "tessera"), HERE.parent.parent / "rules", work)
        for family in families:
            try:
                check(bench, family)
                passed += 1
            except AssertionError as reason:
                failed += 1
                print(f"{family}: {reason}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
