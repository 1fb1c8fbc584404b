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
from functools import partial

import judge
from ways import BOTH, EP, EP_ETP, EP_PP, EP_TP, ONE, PP, TP, VPP, Control, Family, Mesh, Resharding, Uneven

DENSE = [ONE, TP, PP, BOTH, VPP]
EXPERTS = [ONE, BOTH, VPP, EP, EP_TP, EP_ETP, EP_PP]
UNEVEN = [  # what Megatron-Core is told, the mesh, and the layers of each stage, if a placement table says as much
    (("--first", 3), PP, "3,5"),
    (("--last", 1), PP, "7,1"),
    (("--first", 1, "--last", 3), Mesh(pp=4), "1,2,2,3"),
    (("--layout", "Ettt|t*5,L"), PP, "3,5"),
    (("--layout", "Et|tt|t*3|t*2L"), VPP, "1,2,3,2"),
    (("--layout", "Et*4|t*4|L"), Mesh(pp=3), "4,4,0"),
    (("--layout", "E|t*3|t*5L"), Mesh(pp=3), "0,3,5"),
]
UNEVEN_MTP = [
    (("--layout", "Et|t*3,mL"), PP, "1,3"),
    (("--layout", "Et|tt|tm|L"), Mesh(pp=4), None),
    (("--layout", "Ett|tt|m|L"), Mesh(pp=4), None),
]

SUITES = {
    "gpt2": Family("gpt2", "gpt2", DENSE),
    "llama": Family("llama", "llama", DENSE, local=[BOTH], distributed=[BOTH]),
    "llama_tied": Family("llama_tied", "llama", DENSE),
    "llama_wide": Family("llama_wide", "llama", DENSE),
    "llama_few": Family("llama_few", "llama", [Mesh(tp=4), Mesh(tp=4, pp=2)]),
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
    "uneven stages": Uneven("llama_deep", "llama", UNEVEN),
    "uneven stages mtp": Uneven("deepseek_v3_mtp", "deepseek_v3", UNEVEN_MTP),
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
