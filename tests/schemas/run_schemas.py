"""The JSON Schemas of schemas/ judged: good rule files and dialects pass, mistakes of form are refused, and the program's
own --json reports are as schemas/report.schema.json, plan.schema.json, explain.schema.json and diff.schema.json
say.

    python run_schemas.py build/release

Wants the packages jsonschema and pyyaml; without them everything is skipped.
"""
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError:
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)

import mutants

ROOT = pathlib.Path(__file__).resolve().parents[2]
OWN_SCHEMA = ("plan", "explain", "diff")  # verbs with a file of their own
MUTANTS = 12  # of each good file
CASES = ROOT / "tests" / "conformance" / "cases"

# R01 mistakes that no schema sees, and who does. `tessera check` sees them all.
UNSEEN = {
    "R01-duplicate-key": "the YAML reader: a schema is shown one of the two",
    "R01-not-yaml": "the YAML reader",
    "R01-tag": "the YAML reader",
    "R01-dtype": "`float33` could be the name of a rule",
    "R01-dtype-ring": "takes following names",
    "R01-fixed-none": "a schema cannot tell `none` from \"none\"",
    "R01-comprehension": "grammar of expressions",
    "R01-group-in-group": "nesting in a layout",
    "R01-group-without-part": "nesting in a layout",
    "R01-unclosed-group": "nesting in a layout",
}


# What the program refuses and the schema takes, by words of the message.
EXPLAINED = {
    "the expression should end before it": "grammar of expressions",
    "a value is missing": "grammar of expressions",
    "a name is missing": "grammar of layouts",
    "there is no dtype": "it could be the name of a rule",
    "is never closed": "nesting in a layout",
    "both sides of a line have the same holes": "two texts of a dialect, compared",
    "is missing on the right, so it is an index": "two texts of a packing, compared",
    " has no `": "which sides there are, where the file itself says so",
    "says nothing of": "the same",
    "a config line of several sides": "the same",
    "a config line is a text": "the same",
}
# What the schema refuses and the program takes.
STRICTER = {
    re.compile(r"/split(?:/\w+)?: '\w+' is not"): "R02 to the program: there is no such mesh dimension",
    re.compile(r"(?:\d|True|False) is not of type 'string'"): "the program reads every scalar as a text; an editor tells who meant another",
}


class Yaml12(yaml.SafeLoader):
    """YAML 1.2 as rule files mean it: `on` and `yes` are texts; every key is one."""
    yaml_implicit_resolvers = {}

    def construct_mapping(self, node, deep=False):
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


for tag, pattern, first in (("null", r"^(?:~|null|)$", ["~", "n", ""]), ("bool", r"^(?:true|false)$", ["t", "f"]),
                            ("int", r"^-?(?:0|[1-9][0-9]*)$", list("-0123456789")),
                            ("float", r"^-?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?$", list("-0123456789"))):
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)
Yaml12.add_constructor("tag:yaml.org,2002:map", Yaml12.construct_mapping)


def load_schema(name):
    schema = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def faults(schema, tree):
    """One line for each fault, the deepest place first."""
    found = sorted(schema.iter_errors(tree), key=lambda e: -len(list(e.absolute_path)))
    return ["/".join(map(str, e.absolute_path)) + ": " + e.message[:200] for e in found]


def is_renaming(path):
    return path.parent.name in ("dialects", "packings")


def faults_of_file(schemas, path):
    try:
        tree = yaml.load(path.read_text(), Yaml12)
    except yaml.YAMLError as error:
        return [str(error)]
    return faults(schemas["dialect" if is_renaming(path) else "rules"], tree)


def check_json(program, paths):
    """The program's own report of each file."""
    done = subprocess.run([program, "check", "--json", *map(str, paths)], capture_output=True, text=True)
    return json.loads(done.stdout)["files"] if done.stdout else [{"diagnostics": [{"id": "?", "message": done.stderr}]}] * len(paths)


def of_form(report):
    """What the parser says of form: R01, and R07 of a line that no other line is needed to judge."""
    def is_form(d):
        return (d["id"] in ("R01", "?") or d["id"] == "R07" and "written" not in d["message"]
                or d["id"] == "R03" and "says nothing of" in d["message"])  # a side that is not there
    return [f"{d['id']} {d['message']}" for d in report["diagnostics"] if is_form(d)]


def is_explained(parser, seen):
    if parser:
        return any(words in one for words in EXPLAINED for one in parser)
    return all(any(words.search(one) for words in STRICTER) for one in seen)


def mutants_of(path, count):
    """(what was done, text, tree or None if no schema is shown all of it)"""
    tree = yaml.load(path.read_text(), Yaml12)
    numbers = random.Random(str(path.relative_to(ROOT)))
    for _ in range(count):
        done, changed = mutants.mutant(tree, numbers)
        yield done, mutants.text(changed), changed
    yield *mutants.twice(tree, numbers), None


def judge_mutants(program, schemas, path, count):
    """Schema and parser must agree on each: a line for each on which they do not."""
    schema = schemas["dialect" if is_renaming(path) else "rules"]
    with tempfile.TemporaryDirectory() as work:
        made = []
        for number, (done, text, tree) in enumerate(mutants_of(path, count)):
            file = pathlib.Path(work, path.parent.name if is_renaming(path) else "rules", f"m{number}.yaml")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text + "\n")
            made.append((done, text, tree, file))
        for (done, text, tree, file), report in zip(made, check_json(program, [m[3] for m in made])):
            parser, seen = of_form(report), faults(schema, tree) if tree is not None else ["twice"]
            if bool(parser) != bool(seen) and not is_explained(parser, seen):
                yield f"{done}: the schema says {seen[:1] or 'good'}, the program {parser[:1] or 'good'}"


def good_files():
    yield from sorted((ROOT / "rules").rglob("*.yaml"))
    yield from (path for path in sorted(CASES.rglob("*.yaml")) if "negative" not in path.parts)


def reports(build):
    """(verb, what it printed) of runs of the program."""
    program = build / "tessera"
    if not program.exists():
        return
    sys.path.insert(0, str(ROOT / "tests" / "tools"))
    import small_gpt2
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "hf").mkdir()
        small_gpt2.write_plain(work / "hf")
        for kind, *words in (("check", ROOT / "rules" / "gpt2.yaml", "--tp-lists"), ("families",), ("inspect", work / "hf", "--hash"),
                             ("convert", work / "hf", work / "dry", "--dry-run"),
                             ("convert", work / "hf", work / "out", "--tp", 2, "--dtype", "fp16"), ("inspect", work / "out"), ("verify", work / "out"), ("verify", work / "hf"),
                             ("plan", work / "hf", "--tp", 2, "--layer", 0), ("plan", work / "out", "--to", "hf", "--dtype", "bf16"),
                             ("plan", "--rules", "gpt2", "--config", work / "hf" / "config.json", "--set", "causal_masks=present", "--to", "mcore"),
                             ("plan", work / "out", "--to", "hf", "--set", "causal_masks=present", "--name", "*h.0*"),
                             ("plan", work / "hf", "--names", "mcore"),
                             ("explain", work / "hf", "layer.qkv", "--tp", 2, "--dialect", "legacy"),
                             ("explain", work / "hf", "transformer.wte.weight[3,4]", "--tp", 2, "--pp", 2),
                             ("explain", work / "hf", "mp_rank_01:embedding.word_embeddings.weight", "--tp", 2),
                             ("explain", work / "hf", "mp_rank_01:embedding.word_embeddings.weight[500,0]", "--tp", 2),
                             ("explain", work / "out", "mp_rank_01:decoder.layers.0.mlp.linear_fc2.bias[1]"),
                             ("explain", "layer.fc1", "--rules", "gpt2", "--config", work / "hf" / "config.json"),
                             ("diff", work / "hf", work / "hf", "--all"), ("diff", work / "hf", work / "out"),
                             ("diff", work / "hf", work / "out", "--tolerance", 0, "--strict", "--name", "*.0.*"),
                             ("init", work / "hf"), ("init", work / "hf", "--plain")):
            done = subprocess.run([program, kind, *map(str, words), "--json"], capture_output=True, text=True)
            good = done.returncode == 0 or kind == "diff" and done.returncode == 1
            yield kind, done.stdout if good else f"exit {done.returncode}: {done.stderr}"


# Of each form of a plan, what breaks it: (path, value); `gone` deletes.
GONE = object()
BROKEN_PLANS = [
    (["graph"], GONE), (["graph", "moves"], {}), (["ends", "to", "mesh", "tp"], 0), (["ends", "from", "places"], []), (["costs", "bytes_read"], -1),
    (["verdict"], "fine"), (["narrowed"], {}), (["more"], 1), (["graph", "rules", 0, "at"], "somewhere"), (["graph", "tensors", 0, "dtype"], "f32"),
    (["graph", "tensors", 0, "shape"], [2.5]), (["graph", "tensors", 0, "address"], -1), (["graph", "tensors", 0, "end"], "source"),
    (["graph", "addresses", 0, "line"], GONE), (["defaulted_keys"], [1]), (["ignored"], GONE), (["dry_run"], False),
]
BROKEN_MOVES = {
    "copy": [("from", None), ("to", None), ("box", {"shape": [1]}), ("rule", "b.w"), ("pad", GONE), ("value", "0"), ("op", "move"), ("more", 1)],
    "fill": [("value", GONE), ("from", 0), ("to", None), ("box", {"shape": [1], "from": {"offset": 0, "strides": [1]}})],
    "compare": [("to", None), ("box", {"shape": [-1], "from": {"offset": 0, "strides": [1]}, "to": {"offset": 0, "strides": [1]}})],
    "compare_fill": [("value", GONE), ("to", 0), ("from", None)],
}


def put(tree, path, value):
    for key in path[:-1]:
        tree = tree[key]
    if value is GONE:
        del tree[path[-1]]
    else:
        tree[path[-1]] = value


def joined(texts):
    """One plan with the moves of all: every kind of move is among them."""
    plans = [json.loads(text) for text in texts]
    plans[0]["graph"]["moves"] = [move for plan in plans for move in plan["graph"]["moves"]]
    return json.dumps(plans[0])


def broken_plans(text):
    """(what, a plan with one thing wrong)"""
    first = {move["op"]: i for i, move in reversed(list(enumerate(json.loads(text)["graph"]["moves"])))}
    paths = BROKEN_PLANS + [(["graph", "moves", first[op], key], value) for op in BROKEN_MOVES if op in first for key, value in BROKEN_MOVES[op]]
    for path, value in paths:
        plan = json.loads(text)
        put(plan, path, value)
        yield ".".join(map(str, path)) + (" gone" if value is GONE else f" = {json.dumps(value)}"), plan
    if missing := BROKEN_MOVES.keys() - first.keys():
        yield "a move of " + ", ".join(sorted(missing)), None


def faults_of_report(schema, kind, text):
    try:
        report = json.loads(text)
    except ValueError:
        return [text[:500]]
    if kind in OWN_SCHEMA:
        return faults(schema, report)
    one = schema.evolve(schema={"$ref": f"#/$defs/{kind}", "$defs": schema.schema["$defs"]})
    return faults(schema, report) or faults(one, report)


def manifests(build):
    """(which, text) of outputs of each format, with hashes and without."""
    sys.path.insert(0, str(ROOT / "tests" / "tools"))
    import small_gpt2
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "hf").mkdir()
        small_gpt2.write_plain(work / "hf")
        for i, words in enumerate((("--tp", 2), ("--format", "torch_dist"), ("--to", "hf", "--format", "bin"), ("--to", "hf", "--no-hash"))):
            subprocess.run([build / "tessera", "-q", "convert", work / "hf", work / str(i), *map(str, words)], check=True)
            yield " ".join(map(str, words)), (work / str(i) / "tessera.json").read_text()


BROKEN_MANIFESTS = [(["self"], GONE), (["plan"], GONE), (["plan"], "x"), (["files", 0, "outside"], GONE), (["tensors", 0, "hash"], "0" * 31), (["manifest"], 2),
                    (["tensors", 0, "offset"], -1), (["sources", 0, "file"], "../x"), (["files", 0, "file"], "a//b"), (["files", 0, "file"], "/a"), (["more"], 1)]


def judge_manifests(schema, build):
    if not (build / "tessera").exists():
        return
    for what, text in manifests(build):
        yield f"the manifest of {what}", faults(schema, json.loads(text))
        for path, value in BROKEN_MANIFESTS if '"self"' in text else []:
            manifest = json.loads(text)
            put(manifest, path, value)
            yield f"a manifest of {what} with {path} {value!r}", ["the schema takes it for good"] if schema.is_valid(manifest) else []


def tests(build):
    """(name, what is wrong; nothing if it passed)"""
    schemas = {name: load_schema(name) for name in ("rules", "dialect", "report", *OWN_SCHEMA)}
    for path in good_files():
        yield str(path.relative_to(ROOT)), faults_of_file(schemas, path)
    mistakes = {path.name: path for path in sorted((CASES / "negative").glob("R01-*"))}
    for name, path in mistakes.items():
        if name in UNSEEN:
            continue
        seen = [fault for file in sorted(path.rglob("*.yaml")) for fault in faults_of_file(schemas, file)]
        yield name, [] if seen else ["the schema takes it for good"]
    yield "the list of mistakes unseen", [f"{name}: no such case" for name in UNSEEN if mistakes and name not in mistakes]
    program = build / "tessera"
    for path in good_files():
        if "extends:" not in path.read_text():  # with a parent, it is the merged file that the program judges
            yield f"{path.relative_to(ROOT)}, mutated", list(judge_mutants(program, schemas, path, MUTANTS))
    plans = []
    yield from judge_manifests(load_schema("manifest"), build)
    for kind, text in reports(build):
        found = faults_of_report(schemas[kind if kind in OWN_SCHEMA else "report"], kind, text)
        yield f"{kind} --json", found
        if kind == "plan" and not found and "graph" in json.loads(text):
            plans.append(text)
    for what, plan in broken_plans(joined(plans)) if plans else []:
        yield f"a plan with {what}", [] if plan and not schemas["plan"].is_valid(plan) else ["the schema takes it for good"]


def main():
    passed = failed = 0
    for name, wrong in tests(pathlib.Path(sys.argv[1])):
        passed, failed = passed + (not wrong), failed + bool(wrong)
        for line in wrong[:5]:
            print(f"{name}: {line}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
