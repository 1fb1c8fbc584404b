"""Text as it is expected: line by line, where a line `...` stands for any lines, and `<...>` in a line for any text."""
import re


def _pattern(expected):
    pieces = []
    for line in expected.strip("\n").split("\n"):
        if line.strip() == "...":
            pieces.append(r"(?:.*\n)*?")
        else:
            pieces.append(".*?".join(re.escape(piece) for piece in line.rstrip().split("<...>")) + r"[ ]*\n")
    return "".join(pieces)


def same(expected, found):
    """Is `found` what was expected?"""
    if not expected.strip("\n"):
        return not found.strip()
    return re.fullmatch(_pattern(expected), found.strip("\n") + "\n") is not None
