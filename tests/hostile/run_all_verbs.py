"""Makes the hostile and valid fixtures afresh and judges every verb that there is on them.

    python run_all_verbs.py build/release
"""
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
import sanitized  # noqa: E402

UNLIMITED = ["--as", "0", "--rss", "4096", "--timeout", "60"]  # of sanitizers, whose shadow is terabytes of addresses


def main():
    tessera = str(pathlib.Path(sys.argv[1]).resolve() / "tessera")
    with tempfile.TemporaryDirectory() as work:
        fixtures = str(pathlib.Path(work) / "fixtures")
        subprocess.run([sys.executable, str(HERE / "make.py"), fixtures], check=True, stdout=subprocess.DEVNULL)
        commands = [f"{tessera} inspect {{path}}", f"verify={tessera} verify {{path}}", f"check={tessera} check {{path}}",
                    f"plan={tessera} plan --rules {{rules}} {{path}}", f"convert={tessera} convert --rules {{rules}} {{path}} {{out}}"]
        words = [sys.executable, str(HERE / "judge.py"), fixtures, "--list-cmd", f"{tessera} inspect --json --hash {{path}}"]
        words += UNLIMITED if sanitized.is_sanitized(tessera) else []
        for command in commands:
            words += ["--cmd", command]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    print(done.stdout[-15000:])
    found = re.findall(r"(\d+) passed, (\d+) failed", done.stdout)
    return 1 if done.returncode or not found else 0


if __name__ == "__main__":
    sys.exit(main())
