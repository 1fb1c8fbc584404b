"""The program is built so that a mistake in a parser is hard to use (cmake/hardening.cmake): read from the file that was built.

    python run_hardening.py build/release

Each question is asked of a program built without any of it too, and must be answered with no there. Needs readelf and c++.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

NAKED = ["-no-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-Wl,-z,norelro", "-Wl,-z,lazy", "-Wl,-z,execstack"]
# Of libstdc++ 12: where memory ends in one of these, it frees what it never made (engine/base/path.h).
FRAGILE = re.compile(r"\b_ZNK?St10filesystem\w*(pathdV|_M_append|_M_concat|lexically_|absoluteE|weakly_canonical|proximate|relativeE|replace_)")
PLAIN = """#include <cstdio>
#include <filesystem>
int main(int n, char** words) {
  char text[64];
  return snprintf(text, sizeof text, "%s%d", (std::filesystem::path(words[0]) / words[n - 1]).c_str(), n) < 0;
}
"""


def readelf(path):
    return subprocess.run(["readelf", "-W", "-h", "-l", "-d", "--dyn-syms", path], capture_output=True, text=True, check=True).stdout


QUESTIONS = {
    "its addresses are drawn afresh at each start": lambda t: "DYN (" in t and re.search(r"FLAGS_1\).*\bPIE\b", t),
    "addresses of calls are read-only": lambda t: "GNU_RELRO" in t,
    "from the start": lambda t: re.search(r"FLAGS_1\).*\bNOW\b", t),
    "no code on the stack": lambda t: re.search(r"GNU_STACK\s+(?:0x\w+\s+){5}RW\s", t),
    "smashed stacks are noticed": lambda t: "__stack_chk_fail" in t,
    "calls of the C library are checked": lambda t: re.search(r"\b__\w+_chk\b(?<!stack_chk_fail)", t.replace("__stack_chk_fail", "")),
    "paths are put together by functions that survive the end of memory": lambda t: not FRAGILE.search(t),
}


def main():
    program = pathlib.Path(sys.argv[1]).resolve() / "tessera"
    if not shutil.which("readelf") or not shutil.which("c++"):
        print("0 passed, 0 failed, 1 skipped")
        return
    text, failed = readelf(program), 0
    sanitized = re.search(r"__[atu]b?san_", text)
    with tempfile.TemporaryDirectory() as work:
        source, naked = pathlib.Path(work, "naked.cc"), pathlib.Path(work, "naked")
        source.write_text(PLAIN)
        subprocess.run(["c++", "-std=c++20", "-O1", *NAKED, "-o", naked, source], check=True, stderr=subprocess.DEVNULL)
        bare = readelf(naked)
    for question, answer in QUESTIONS.items():
        if sanitized and "C library" in question:
            continue
        if not answer(text) or answer(bare):
            failed += 1
            print(f"failed  {question}: " + ("the program: no" if not answer(text) else "a program without it: yes"))
    print(f"{len(QUESTIONS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
