#!/usr/bin/env python3
"""The floors of the house, read from the #include lines of engine/ and cli/.

    check_structure.py [ROOT]      the tree at ROOT (default: two folders above this file)
    check_structure.py --self-test builds small bad trees and checks that each fault is found

Each file is held to six rules: it includes what exists; only its own floor and lower ones; no ring; third-party headers
only at their one door; no model family is named (models are rule files); and a type of a header is that of no other (the
linker would mix up two of one name without a word). Exit status 1 on a failure.
"""
import re
import sys
import tempfile
from pathlib import Path

# What each floor sees besides itself. `face` is engine/*.{h,cc}.
SEES = {
    "base": set(),
    "layout": {"base"},
    "store": {"base"},
    "rules": {"base", "layout"},
    "plan": {"base", "layout", "store", "rules"},
    "run": {"base", "layout", "store", "rules", "plan"},
    "face": {"base", "layout", "store", "rules", "plan", "run"},
    "cli": {"base"},  # and engine.h alone of the face
}
CLI_SEES_OF_FACE = "engine/engine.h"

# Third-party headers: how their names begin, and the one file (or folder, with a slash at the end) that includes them.
DOORS = {
    "yaml-cpp/": "engine/rules/yaml.cc",
    "re2/": "engine/layout/name.cc",
    "nlohmann/": "engine/base/json.cc",
    "fmt/": "engine/base/text.h",
    "isa-l": "engine/store/checksum.cc",
    "nettle": "engine/store/checksum.cc",
    "xxhash": "engine/base/xxh3.h",
    "xxh": "engine/base/xxh3.h",
    "zlib.h": "engine/store/zlib.cc",
    "torch/": "engine/run/torch_kernel.cc",
    "ATen/": "engine/run/torch_kernel.cc",
    "c10/": "engine/run/torch_kernel.cc",
    "linux/": "cli/",
    "CLI/": "cli/",
    "CLI11": "cli/",
    "doctest/": "tests/",
}
SYSTEM = re.compile(r"[a-z_0-9]+|c?std[a-z]+\.h|(unistd|fcntl|dlfcn|errno|signal|string|limits|time|dirent|immintrin|execinfo|malloc|pthread)\.h|sys/\w+\.h|linux/\w+\.h")

FAMILIES = ["gpt", "llama", "qwen", "mixtral", "mistral", "deepseek", "gemma", "falcon", "phi3", "neox", "bert", "bloom", "jamba", "olmo"]
NOT_FAMILIES = re.compile("gptq", re.IGNORECASE)  # an encoding of weights

TYPE = re.compile(r"(?:struct|class|enum class) (\w+)[^;()]*$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
SOURCES = {".h", ".hpp", ".cc", ".cpp", ".cu", ".inc"}


def files_of(root):
    found = [p for folder in ("engine", "cli") for p in sorted((root / folder).rglob("*")) if p.is_file()]
    return {p.relative_to(root).as_posix(): p.read_text(encoding="utf-8", errors="replace").splitlines() for p in found}


def floor_of(path):
    parts = path.split("/")
    if parts[0] == "cli":
        return "cli"
    return parts[1] if len(parts) > 2 else "face"


def includes(lines):
    """(line number, own header or None, foreign header or None)"""
    found = ((number, INCLUDE.match(line)) for number, line in enumerate(lines, 1))
    return [(number, m[1], m[2]) for number, m in found if m]


def resolve(path, header, files):
    """The file that `#include "header"` in `path` means, or None."""
    beside = (Path(path).parent / header).as_posix()
    return next((p for p in (f"engine/{header}", beside, f"cli/{header}") if p in files), None)


def check_exists(path, files):
    for number, own, _ in includes(files[path]):
        if own and not resolve(path, own, files):
            yield number, f'"{own}" is no file of engine/ or cli/'


def check_floor(path, files):
    floor = floor_of(path)
    if floor not in SEES:
        yield 1, f"`{floor}` is no floor of the house"
        return
    for number, own, _ in includes(files[path]):
        target = resolve(path, own, files) if own else None
        if not target or (floor == "cli" and target == CLI_SEES_OF_FACE):
            continue
        other = floor_of(target)
        if other != floor and other not in SEES[floor]:
            yield number, f'{floor} must not see {other} ("{own}")'


def check_ring(path, files):
    """A ring is reported at its first file in the order of names."""
    trail, todo, seen = {}, [path], set()
    while todo:
        at = todo.pop()
        if at in seen:
            continue
        seen.add(at)
        for number, own, _ in includes(files[at]):
            target = resolve(at, own, files) if own else None
            if target == path:
                ring = [at]
                while ring[-1] != path:
                    ring.append(trail[ring[-1]])
                if path == min(ring):
                    yield number if at == path else 1, "include ring: " + " -> ".join(ring[::-1] + [path])
                return
            if target and target not in seen:
                trail[target] = at
                todo.append(target)


def check_doors(path, files):
    for number, own, foreign in includes(files[path]):
        header = foreign or own
        door = next((d for start, d in DOORS.items() if header.startswith(start)), None)
        if door and not (path == door or (door.endswith("/") and path.startswith(door))):
            yield number, f"<{header}> comes in at {door} alone"
        if foreign and not door and not SYSTEM.fullmatch(foreign):
            yield number, f"<{header}> is a third-party header without a door"


def begins_word(line, at):
    return at == 0 or not line[at - 1].isalpha() or (line[at - 1].islower() and line[at].isupper())


def family_patterns(root):
    """Known families wherever a word begins with one; the names of rule files as whole words."""
    stems = {p.stem for p in (root / "rules").glob("*.yaml")}
    return ([re.compile(re.escape(f), re.IGNORECASE) for f in FAMILIES],
            [re.compile(rf"\b{re.escape(s)}\b", re.IGNORECASE) for s in sorted(stems)])


def check_families(path, files, patterns):
    known, stems = patterns
    for number, line in enumerate(files[path], 1):
        line = NOT_FAMILIES.sub(lambda m: " " * len(m[0]), line)
        hits = [m[0] for p in known for m in p.finditer(line) if begins_word(line, m.start())]
        hits += [m[0] for p in stems for m in p.finditer(line)]
        if hits:
            yield number, f"a model family is named: {hits[0]}"


def types_of(files):
    """Where the types of all headers are defined: name -> (path, line)"""
    types = {}
    for path, lines in files.items():
        for number, line in enumerate(lines, 1):
            found = TYPE.match(line.split("//")[0].rstrip())
            if found and path.endswith(".h") and "{" in line:
                types.setdefault(found[1], []).append((path, number))
    return types


def check_types(path, types):
    for name, places in types.items():
        for other, number in places[1:]:
            if other == path:
                yield number, f"`{name}` is defined in {places[0][0]} too"


def check_tree(root):
    """(number of checks that passed, list of "path:line: what is wrong")"""
    files, patterns = files_of(root), family_patterns(root)
    types = types_of(files)
    passed, faults = 0, []
    for path in files:
        is_source = Path(path).suffix in SOURCES
        checks = [check_exists, check_floor, check_ring, check_doors] if is_source else []
        results = [list(check(path, files)) for check in checks] + [list(check_families(path, files, patterns))]
        results += [list(check_types(path, types))] if path.endswith(".h") else []
        passed += sum(not result for result in results)
        faults += [f"{path}:{number}: {what}" for result in results for number, what in result]
    if not files:
        faults.append(f"{root}: no files in engine/ or cli/")
    return passed, faults


# A tree (path -> text) and what must be said of it; "" for a good one.
GOOD = {"engine/base/text.h": "#include <fmt/format.h>\n#include <string>\n", "engine/layout/box.h": '#include "base/text.h"\n'}
SELF_TESTS = [
    (GOOD, ""),
    ({**GOOD, "cli/main.cc": '#include <CLI/CLI.hpp>\n#include "engine.h"\n#include "verbs.h"\n#include "base/text.h"\n', "cli/verbs.h": "",
      "engine/engine.h": '#include "run/executor.h"\n', "engine/run/executor.h": "#include <sys/stat.h>\n"}, ""),
    ({**GOOD, "engine/plan/a.h": '#include "store/b.h"\n#include "rules/c.h"\n', "engine/store/b.h": "", "engine/rules/c.h": '#include "layout/box.h"\n'}, ""),
    ({**GOOD, "engine/base/a.h": '#include "b.h"\n', "engine/base/b.h": '#include "base/a.h"\n'}, "engine/base/a.h:1: include ring: engine/base/a.h -> engine/base/b.h -> engine/base/a.h"),
    ({"engine/base/a.h": '#include "base/a.h"\n'}, "include ring"),
    ({"engine/base/a.h": '#include "base/b.h"\n', "engine/base/b.h": '#include "base/c.h"\n', "engine/base/c.h": '#include "base/a.h"\n'}, "include ring: engine/base/a.h -> engine/base/b.h -> engine/base/c.h"),
    ({**GOOD, "engine/base/a.cc": '\n#include "layout/box.h"\n'}, "engine/base/a.cc:2: base must not see layout"),
    ({**GOOD, "engine/store/a.cc": '#include "layout/box.h"\n'}, "store must not see layout"),
    ({**GOOD, "engine/layout/a.cc": '#include "store/b.h"\n', "engine/store/b.h": ""}, "layout must not see store"),
    ({**GOOD, "engine/rules/a.cc": '#include "store/b.h"\n', "engine/store/b.h": ""}, "rules must not see store"),
    ({**GOOD, "engine/rules/a.cc": '#include "../store/b.h"\n', "engine/store/b.h": ""}, "is no file"),
    ({"engine/rules/a.cc": '#include "plan/b.h"\n', "engine/plan/b.h": ""}, "rules must not see plan"),
    ({"engine/plan/a.cc": '#include "run/b.h"\n', "engine/run/b.h": ""}, "plan must not see run"),
    ({"engine/run/a.cc": '#  include "engine.h"\n', "engine/engine.h": ""}, "run must not see face"),
    ({"engine/engine.h": '#include "verbs.h"\n', "cli/verbs.h": ""}, "face must not see cli"),
    ({**GOOD, "cli/main.cc": '#include "layout/box.h"\n'}, "cli must not see layout"),
    ({"cli/main.cc": '#include "planning.h"\n', "engine/planning.h": ""}, "cli must not see face"),
    ({"engine/attic/a.cc": ""}, "`attic` is no floor"),
    ({"engine/base/a.cc": '#include "base/gone.h"\n'}, '"base/gone.h" is no file'),
    ({"engine/base/a.cc": "#include <fmt/format.h>\n"}, "<fmt/format.h> comes in at engine/base/text.h alone"),
    ({"engine/base/text.h": "#include <nlohmann/json.hpp>\n"}, "comes in at engine/base/json.cc alone"),
    ({"engine/rules/parse.cc": "#include <yaml-cpp/yaml.h>\n"}, "comes in at engine/rules/yaml.cc alone"),
    ({"engine/layout/box.cc": "#include <re2/re2.h>\n"}, "comes in at engine/layout/name.cc alone"),
    ({"engine/store/file.cc": "#include <zlib.h>\n"}, "comes in at engine/store/zlib.cc alone"),
    ({"engine/store/file.cc": "#include <xxhash.h>\n"}, "comes in at engine/base/xxh3.h alone"),
    ({"engine/store/file.cc": "#include <isa-l/crc.h>\n"}, "comes in at engine/store/checksum.cc alone"),
    ({"engine/run/kernel.h": "#include <torch/torch.h>\n"}, "comes in at engine/run/torch_kernel.cc alone"),
    ({"engine/run/kernel.h": "#include <ATen/ATen.h>\n"}, "comes in at engine/run/torch_kernel.cc alone"),
    ({"engine/run/kernel.h": "#include <CLI/CLI.hpp>\n"}, "comes in at cli/ alone"),
    ({"engine/run/kernel.h": "#include <doctest/doctest.h>\n"}, "comes in at tests/ alone"),
    ({"engine/run/kernel.h": "#include <boost/any.hpp>\n"}, "third-party header without a door"),
    ({"cli/main.cc": 'const char* help = "convert a Llama checkpoint";\n'}, "cli/main.cc:1: a model family is named: Llama"),
    ({"engine/plan/a.cc": "bool is_gpt2 = true;\n"}, "a model family is named: gpt"),
    ({"engine/plan/a.cc": "struct MyQwenThing {};\n"}, "a model family is named: Qwen"),
    ({"engine/CMakeLists.txt": "# DeepSeek\n"}, "a model family is named: DeepSeek"),
    ({"rules/zebra.yaml": "", "engine/plan/a.cc": "// as Zebra has it\n"}, "a model family is named: Zebra"),
    ({"rules/opt.yaml": "", "engine/plan/a.cc": "// an option; opt_level; GPTQ; gptq_bits; liberty\n"}, ""),
    ({**GOOD, "engine/base/a.h": "struct Box {\n", "engine/layout/b.h": "struct Box;\nclass Box : public Other {  // no\n"}, "engine/layout/b.h:2: `Box` is defined in engine/base/a.h too"),
    ({**GOOD, "engine/base/a.h": "struct A {\n  struct Box {\n", "engine/layout/b.h": "struct Box {\nstruct Box f();\n", "engine/layout/b.cc": "struct Box {\n"}, ""),
    ({"README.md": ""}, "no files in engine/ or cli/"),
]


def build(root, tree):
    for path, text in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def self_test():
    passed, faults = 0, []
    for tree, wanted in SELF_TESTS:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder), tree)
            found = check_tree(Path(folder))[1]
        good = any(wanted in fault for fault in found) and len(found) == 1 if wanted else not found
        passed += good
        if not good:
            faults.append(f"self-test: wanted {wanted or 'no fault'!r}, found {found}")
    return passed, faults


def main(arguments):
    if arguments == ["--self-test"]:
        passed, faults = self_test()
    else:
        passed, faults = check_tree(Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2])
    for fault in faults:
        print(fault)
    print(f"{passed} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
