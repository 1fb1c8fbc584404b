"""A plan of many tensors costs little: memory for each tensor, and headers alone are read. `python run_plan_size.py BUILD`

The bounds have room; tests/bench/plans.py measures. 20,000 tensors in 40 sparse shards that claim 50 GB, to one place and to 32.
"""
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("plans", HERE.parent / "bench" / "plans.py")
plans = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plans)

CHILD = """
import json, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
out = child.stdout.read()
io = dict(line.split(": ") for line in open(f"/proc/{child.pid}/io").read().splitlines())
child.wait()
import resource
print(json.dumps({"rc": child.returncode, "out": out, "read": int(io["rchar"]), "peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}))
"""


def run(*command):
    done = subprocess.run([sys.executable, "-c", CHILD, *map(str, command)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def main():
    program, failed, passed = pathlib.Path(sys.argv[1]).resolve() / "tessera", 0, 0

    def check(what, holds):
        nonlocal failed, passed
        passed, failed = passed + bool(holds), failed + (not holds)
        if not holds:
            print("FAILED", what)

    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work) / "many"
        config, tensors = plans.llama(2222, 1024, 2816, 16, 4, 16000)
        claimed = plans.make(folder, config, tensors, 40)
        headers = sum(8 + int.from_bytes(open(f, "rb").read(8), "little") for f in folder.glob("*.safetensors"))
        small = headers + sum(f.stat().st_size for f in folder.glob("*.json"))
        for mesh, outputs, most in ([], 2222 * 6 + 3, 100), (["--tp", "4", "--pp", "8"], 4 * (2222 * 6 + 3), 160):
            mesh = [*mesh, "--place", "pp=" + ",".join(["278"] * 7 + ["276"])] if mesh else mesh
            done = run(program, "--json", "convert", "--dry-run", folder, pathlib.Path(work) / "out", *mesh)
            check(f"{mesh}: exit {done['rc']}", done["rc"] in (0, 3))
            check(f"{mesh}: peak {done['peak'] // 1024} MiB", done["peak"] < most * 1024)
        done = run(program, "--json", "plan", "--format", "json", "--layer", "7", folder)
        report = json.loads(done["out"])
        check("outputs", report["tensors"] == 2222 * 6 + 3)
        check("bytes", report["io"]["bytes_read"] == claimed == report["io"]["bytes_written"])
        check("read in order", report["io"]["read_seeks"] == 0)
        check("requests", len(tensors) <= report["io"]["reads"] <= len(tensors) + claimed // (8 << 20))
        # The program itself, its libraries and rule files are a few MiB.
        check(f"read {done['read']} bytes of {small} in headers and JSON", small < done["read"] < small + (16 << 20) < claimed / 1000)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
