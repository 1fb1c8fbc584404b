"""docs/authoring.md followed to the letter, and docs/diagnostics.md compared with what makes it.

    python run_docs.py build/release

In the page, a block fenced as `yaml FILE` or `python FILE` is that file; one fenced as `console` holds commands (`$ ...`), run
one after another in one folder, each with what it prints. A line `...` stands for any lines; what changes from run to run (times,
rates, memory) is not compared. Wants torch and transformers; without them the page is skipped.
"""
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
sys.path.insert(0, str(HERE.parent / "tools"))
import expected  # noqa: E402

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.M | re.S)
UNSTABLE = re.compile(r"[\d.]+ s\b|\([\d.]+ \w?B/s\)|peak memory [\d.]+ \w?B")


def steps(page):
    """(line, "file", name, text) and (line, "command", words, output)"""
    for match in FENCE.finditer(page):
        line, kind, name, text = page[:match.start()].count("\n") + 2, match[1], match[2].strip(), match[3]
        if name:
            yield line, "file", name, text
        elif kind == "console":
            for command in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.M):
                yield line + text[:command.start()].count("\n"), "command", command[1], command[2]


def steady(text):
    """Without what changes; a list cut short in the page (`, ...`) goes on as it likes."""
    return re.sub(r", \.\.\.$", ", <...>", UNSTABLE.sub("<...>", text), flags=re.M)


def follow(page, build, folder):
    """(place, what is wrong; nothing if nothing is) of each command"""
    paths = [str(build), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]
    environment = {**os.environ, "PATH": ":".join(paths), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "NO_COLOR": "1"}
    for line, kind, name, text in steps(page):
        if kind == "file":
            (folder / name).write_text(text)
            continue
        done = subprocess.run(["bash", "-c", name], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        good = expected.same(steady(text), steady(done.stdout))
        yield f"docs/authoring.md:{line}", "" if good else f"$ {name}\n{done.stdout}\nand not\n{text}"


def diagnostics(build):
    made = subprocess.run([build / "tessera", "check", "--explain", "all"], capture_output=True, text=True, check=True).stdout
    return "" if (DOCS / "diagnostics.md").read_text() == made else "tessera check --explain all > docs/diagnostics.md"


def tests(build):
    yield "docs/diagnostics.md is up to date", diagnostics(build)
    if importlib.util.find_spec("torch") and importlib.util.find_spec("transformers"):
        with tempfile.TemporaryDirectory() as work:
            yield from follow((DOCS / "authoring.md").read_text(), build, pathlib.Path(work))


def main():
    passed = failed = 0
    for place, wrong in tests(pathlib.Path(sys.argv[1]).resolve()):
        passed, failed = passed + (not wrong), failed + bool(wrong)
        if wrong:
            print(f"{place}: {wrong}")
    print(f"{passed} passed, {failed} failed" + (", 1 skipped" if passed + failed == 1 else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
