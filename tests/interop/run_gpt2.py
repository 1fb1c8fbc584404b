"""GPT-2 judged by the real software: transformers and Megatron-Core load what we write and compute the same logits.

    python run_gpt2.py build/release

Every way is one test. oracle/README.md says what the judge does; its tolerance is 1e-4 for logits of size 5.
"""
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
ORACLE = [sys.executable, str(HERE / "oracle" / "oracle.py")]
MESHES = [(1, 1), (2, 1), (1, 2), (2, 2)]


class Failed(Exception):
    pass


def run(*words):
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout[-3000:]}")


def oracle(*words):
    run(*ORACLE, *words)


class Tests:
    def __init__(self, program, work):
        self.tessera, self.work = program, work
        self.hf, self.logits = work / "hf", work / "hf.npy"
        oracle("make-hf", "gpt2", "--out", self.hf)
        oracle("hf-logits", self.hf, "--out", self.logits)

    def convert(self, source, target, *options):
        run(self.tessera, "convert", source, target, "--quiet", *options)
        return target

    def to_megatron_and_back(self, tp, pp):
        """transformers -> ours -> Megatron-Core: its logits; -> ours -> transformers: the same tensors."""
        name = f"{tp}x{pp}"
        megatron = self.convert(self.hf, self.work / f"mc-{name}", "--tp", tp, "--pp", pp)
        oracle("load-mcore", megatron, "--out", self.work / f"{name}.npy")
        oracle("compare", self.logits, self.work / f"{name}.npy")
        back = self.convert(megatron, self.work / f"back-{name}", "--to", "hf")
        oracle("same-tensors", self.hf, back)
        return back

    def identical_logits_after_the_round(self):
        back = self.convert(self.convert(self.hf, self.work / "mc-round", "--tp", 2, "--pp", 2), self.work / "hf-round", "--to", "hf")
        oracle("hf-logits", back, "--out", self.work / "round.npy")
        oracle("compare", self.logits, self.work / "round.npy", "--tolerance", "0")

    def from_megatron(self, tp, pp):
        """Megatron-Core writes -> ours -> transformers: Megatron's logits; and on to ranks again: the same tensors."""
        name = f"{tp}x{pp}"
        made = self.work / f"made-{name}"
        oracle("make-mcore", "gpt2", "--tp", tp, "--pp", pp, "--out", made)
        oracle("load-mcore", made, "--out", self.work / f"made-{name}.npy")
        hf = self.convert(made, self.work / f"made-hf-{name}", "--to", "hf")
        oracle("hf-logits", hf, "--out", self.work / f"made-hf-{name}.npy")
        oracle("compare", self.work / f"made-{name}.npy", self.work / f"made-hf-{name}.npy")

    def reshard(self):
        """Megatron-Core at 2x2 -> ours at 1x2: what Megatron-Core writes at 1x2."""
        one, two = self.work / "reshard-from", self.work / "reshard-want"
        oracle("make-mcore", "gpt2", "--tp", 2, "--pp", 2, "--out", one)
        oracle("make-mcore", "gpt2", "--tp", 1, "--pp", 2, "--out", two)
        got = self.convert(one, self.work / "reshard-got", "--to", "mcore", "--tp", 1, "--pp", 2)
        oracle("same-tensors", "--across", two, got, "--vocab", 103)

    def table(self):
        for tp, pp in MESHES:
            yield f"hf -> mcore {tp}x{pp} -> hf", lambda tp=tp, pp=pp: self.to_megatron_and_back(tp, pp)
        yield "identical logits after hf -> mcore -> hf", self.identical_logits_after_the_round
        for tp, pp in MESHES:
            yield f"mcore {tp}x{pp} -> hf", lambda tp=tp, pp=pp: self.from_megatron(tp, pp)
        yield "mcore 2x2 -> mcore 1x2", self.reshard


def main():
    program = pathlib.Path(sys.argv[1]) / "tessera"
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work, concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [(name, pool.submit(test)) for name, test in Tests(program, pathlib.Path(work)).table()]
        for name, test in running:
            try:
                test.result()
                passed += 1
            except Failed as reason:
                failed += 1
                print(f"{name}: {reason}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
