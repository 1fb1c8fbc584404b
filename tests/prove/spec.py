"""A rule file as data, and one conversion of it: what the generators make, the oracle reads and `cases.py` writes."""
import dataclasses
import math

DIMS = ("tp", "pp", "vpp", "ep", "etp")
FUNCTIONS = {"min": min, "max": max, "ceil": math.ceil}


@dataclasses.dataclass
class Axis:
    size: str
    split: dict = dataclasses.field(default_factory=dict)  # side: mesh dimension
    pad: dict = dataclasses.field(default_factory=dict)    # side: expression


@dataclasses.dataclass
class Rule:
    name: str
    sides: dict                                            # side: {label: address}; the label "" is no label
    loops: list = dataclasses.field(default_factory=list)  # (axis, lo, hi, where or None)
    pinned: bool = False                                   # its dtype is written down


@dataclasses.dataclass
class Spec:
    axes: dict
    rules: list
    options: dict = dataclasses.field(default_factory=dict)
    require: list = dataclasses.field(default_factory=list)
    sides: tuple = ("hf", "mcore")


@dataclasses.dataclass
class End:
    side: str
    mesh: dict = dataclasses.field(default_factory=dict)
    tables: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Conversion:
    spec: Spec
    source: End
    target: End
    options: dict = dataclasses.field(default_factory=dict)


def value(expression, names):
    """Integer expressions of the language are Python's, as long as they hold no `or`, `and`, `none`."""
    return eval(expression, {"__builtins__": {}}, {**FUNCTIONS, **names})
