"""Each family's golden: to Megatron and back, tensors bit for bit, arguments and config.json key by key.

    python tests/families/run_families.py BUILD [FAMILY]

A folder here is a family; README.md says what stands in it. Needs torch.
"""
import importlib.util
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from bench import Bench  # noqa: E402


def families():
    """{name: its cases}"""
    found = {}
    for path in sorted(HERE.glob("*/golden.py")):
        spec = importlib.util.spec_from_file_location(path.parent.name + "_golden", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[path.parent.name] = list(module.cases())
    return found


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve() / "tessera")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for family, cases in families().items():
            if sys.argv[2:] and family not in sys.argv[2:]:
                continue
            bench = Bench(program, HERE.parent.parent / "rules", pathlib.Path(work) / family)
            for case in cases:
                try:
                    bench.check(case)
                    passed += 1
                except AssertionError as reason:
                    failed += 1
                    print(f"{family}, {case.name}: {reason}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
