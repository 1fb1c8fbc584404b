"""The JSON Schemas of schemas/ judged: good rule files and dialects pass, mistakes of form are refused, and the program's
own --json reports are as schemas/report.schema.json, plan.schema.json and explain.schema.json say.

    python run_schemas.py build/release

Wants the packages jsonschema and pyyaml; without them everything is skipped.
"""
import json
import pathlib
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

ROOT = pathlib.Path(__file__).resolve().parents[2]
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
                             ("convert", work / "hf", work / "out", "--tp", 2, "--dtype", "fp16"), ("inspect", work / "out"),
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
                             ("init", work / "hf"), ("init", work / "hf", "--plain")):
            done = subprocess.run([program, kind, *map(str, words), "--json"], capture_output=True, text=True)
            yield kind, done.stdout if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}"


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
    if kind in ("plan", "explain"):
        return faults(schema, report)
    one = schema.evolve(schema={"$ref": f"#/$defs/{kind}", "$defs": schema.schema["$defs"]})
    return faults(schema, report) or faults(one, report)


def tests(build):
    """(name, what is wrong; nothing if it passed)"""
    schemas = {name: load_schema(name) for name in ("rules", "dialect", "report", "plan", "explain")}
    for path in good_files():
        yield str(path.relative_to(ROOT)), faults_of_file(schemas, path)
    mistakes = {path.name: path for path in sorted((CASES / "negative").glob("R01-*"))}
    for name, path in mistakes.items():
        if name in UNSEEN:
            continue
        seen = [fault for file in sorted(path.rglob("*.yaml")) for fault in faults_of_file(schemas, file)]
        yield name, [] if seen else ["the schema takes it for good"]
    yield "the list of mistakes unseen", [f"{name}: no such case" for name in UNSEEN if mistakes and name not in mistakes]
    plans = []
    for kind, text in reports(build):
        found = faults_of_report(schemas[kind if kind in ("plan", "explain") else "report"], kind, text)
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
