"""Programs built with a sanitizer, whose runtime wants to be loaded first and takes more memory and time."""
import re
import subprocess


def runtimes(program):
    """Paths of the sanitizer runtimes that a program is linked with; none: an ordinary build."""
    linked = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
    return re.findall(r"=> (\S*/lib(?:asan|tsan)\.so\S*)", linked)


def preload(program, shim):
    """LD_PRELOAD by which a shim stands before the C library, and behind a sanitizer."""
    return ":".join([*runtimes(program), str(shim)])
