"""Programs built with a sanitizer, whose runtime wants to be loaded first and takes more memory and time."""
import functools
import pathlib
import re
import subprocess


@functools.cache
def is_sanitized(program):
    """Clang puts the runtime into the program, where nothing need be loaded first."""
    return bool(runtimes(program)) or re.search(rb"__[at]san_init", pathlib.Path(program).read_bytes()) is not None


def runtimes(program):
    """Paths of the sanitizer runtimes that a program is linked with as libraries."""
    linked = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    return re.findall(r"=> (\S*/lib(?:asan|tsan)\.so\S*)", linked)


def preload(program, shim):
    """LD_PRELOAD by which a shim stands before the C library, and behind a sanitizer."""
    return ":".join([*runtimes(program), str(shim)])
