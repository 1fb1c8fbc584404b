"""What the program says, word for word: diagnostics of every id, and each option of `check`.

    python run_diagnostics.py build/release [--accept] [WORD]

A file of golden/ holds cases:
  === title
  >>> NAME          a file of the case's folder follows. NAME.safetensors: a line `name DTYPE shape: values` for each tensor
  $ tessera ...     the command, run in that folder
  <<< N             the exit status, and stderr ...
  <<< out           ... and stdout, if it matters
A line `...` stands for any lines. --accept writes what was found in their place: read it before you keep it.
"""
import json
import pathlib
import re
import shlex
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
import expected  # noqa: E402

LETTERS = {"F32": "f", "F64": "d", "I64": "q"}


class Case:
    def __init__(self, title):
        self.title, self.files, self.command, self.status, self.err, self.out = title, {}, "", 1, "", None

    def text(self):
        files = "".join(f">>> {name}\n{text}" for name, text in self.files.items())
        out = "" if self.out is None else f"<<< out\n{self.out}"
        return f"=== {self.title}\n{files}$ {self.command}\n<<< {self.status}\n{self.err}{out}"


def read_cases(path):
    cases, into = [], None
    for line in path.read_text().splitlines(keepends=True):
        case = cases[-1] if cases else None
        if line.startswith("=== "):
            cases.append(Case(line[4:].strip()))
            into = None
        elif line.startswith(">>> "):
            into = ("file", line[4:].strip())
            case.files[into[1]] = ""
        elif line.startswith("$ ") and case and not case.command:
            case.command = line[2:].strip()
        elif line.startswith("<<< out"):
            into, case.out = ("out",), ""
        elif line.startswith("<<< "):
            case.status, into = int(line[4:]), ("err",)
        elif into and into[0] == "file":
            case.files[into[1]] += line
        elif into and into[0] == "out":
            case.out += line
        elif into:
            case.err += line
    return cases


def safetensors(text):
    header, data = {}, b""
    for name, dtype, shape, values in re.findall(r"^(\S+) (\w+) (\[.*?\]): *(.*)$", text, re.M):
        begin, numbers = len(data), [float(v) if LETTERS[dtype] in "fd" else int(v) for v in values.split()]
        data += struct.pack(f"<{len(numbers)}{LETTERS[dtype]}", *numbers)
        header[name] = {"dtype": dtype, "shape": json.loads(shape), "data_offsets": [begin, len(data)]}
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data


def run(program, case):
    with tempfile.TemporaryDirectory() as work:
        for name, text in case.files.items():
            path = pathlib.Path(work, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(safetensors(text) if name.endswith(".safetensors") else text.encode())
        words = shlex.split(case.command)
        assert words[0] == "tessera", case.command
        return subprocess.run([program, *words[1:]], cwd=work, capture_output=True, text=True)


def faults(case, done):
    if done.returncode != case.status:
        yield f"exit {done.returncode}, not {case.status}"
    if not expected.same(case.err, done.stderr):
        yield f"stderr is\n{done.stderr}\nnot\n{case.err}"
    if case.out is not None and not expected.same(case.out, done.stdout):
        yield f"stdout is\n{done.stdout}\nnot\n{case.out}"


def accept(case, done):
    case.status, case.err = done.returncode, done.stderr + "\n"
    case.out = done.stdout + "\n" if case.out is not None else None


def main():
    program = pathlib.Path(sys.argv[1]).resolve() / "tessera"
    accepting, only = "--accept" in sys.argv, [word for word in sys.argv[2:] if word != "--accept"]
    passed = failed = 0
    for path in sorted((HERE / "golden").glob("*.txt")):
        cases = read_cases(path)
        for case in cases:
            if only and only[0] not in path.name + " " + case.title:
                continue
            done = run(program, case)
            wrong = list(faults(case, done))
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong and accepting:
                accept(case, done)
            for text in wrong:
                print(f"{path.name}: {case.title}: {text}")
        if accepting:
            path.write_text("".join(case.text() for case in cases))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
