"""What `tessera plan` draws, read by other means: XML and HTML parsers, a reader of dot's grammar, Graphviz where there is one.

    python run_drawings.py build/release
"""
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tools"))
import small_gpt2

EVIL = "</script><img src=x onerror=alert(1)>\"'&lt;\\N]]>-->\x1b[31m"
# Every text that comes from files is hostile: a tensor that is ignored, keys and values of the configuration, a comment.
EVIL_RULES = """rules: 1
family: t
sides: [hf, mcore]
axes: { h: hidden, l: 2 }
config: { hidden: hidden }
blocks: { b: { w: { hf: w  h, mcore: w  h } } }  # </script><img src=y onerror=alert(2)>
model: [{ use: b, hf: layers.<l>, mcore: layers.<l>, for: l in 0..2 }]
ignore: { hf: { "x.<r:rest>": "it is <b>evil</b>" } }
notes: { "hidden > 0": "a note </script><img src=z onerror=alert(3)>" }
"""


class Page(html.parser.HTMLParser):
    """Tags with attributes, and the text inside each script and style."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.inside = [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside = (tag, dict(attributes).get("id"))

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside and self.inside[0] in ("script", "style"):
            self.texts.append((*self.inside, data))

    def script(self, name):
        return "".join(data for tag, id, data in self.texts if tag == "script" and id == name)


class Program:
    def __init__(self, build):
        self.path = build / "tessera"

    def __call__(self, *words):
        done = subprocess.run([self.path, "plan", *map(str, words)], capture_output=True)
        if done.returncode != 0:
            raise AssertionError(f"exit {done.returncode}: {done.stderr.decode(errors='replace')[:500]}")
        return done.stdout.decode()

    def refuses(self, *words):
        done = subprocess.run([self.path, "plan", *map(str, words)], capture_output=True)
        return done.returncode == 2 and not done.stdout and done.stderr


def want(condition, what):
    if not condition:
        raise AssertionError(what)


# --- one format each ---------------------------------------------------------------------------------------------------

def check_indices(plan):
    graph = plan["graph"]
    sizes = {key: len(graph[key]) for key in ("tensors", "rules", "addresses")}
    for tensor in graph["tensors"]:
        want(tensor["place"] < len(plan["ends"][tensor["end"]]["places"]), tensor)
        want(tensor["address"] is None or tensor["address"] < sizes["addresses"], tensor)
    for move in graph["moves"]:
        want(all(move[end] is None or move[end] < sizes["tensors"] for end in ("from", "to")), move)
        want(move["rule"] < sizes["rules"] and move.get("address", 0) < sizes["addresses"], move)
        for end in ("from", "to"):
            if move[end] is not None and end in move["box"]:
                at, tensor = move["box"][end], graph["tensors"][move[end]]
                last = at["offset"] + sum(stride * (n - 1) for stride, n in zip(at["strides"], move["box"]["shape"]))
                count = 1
                for n in tensor["shape"]:
                    count *= n
                want(0 <= at["offset"] <= last < count, f"{move} leaves {tensor}")


def check_html(text, plan):
    """The page holds exactly that plan, asks for nothing from outside, and has no element that its template has not."""
    page = Page(text)
    template = Page((ROOT / "engine" / "plan" / "page" / "plan.html").read_text())
    want(page.tags == template.tags, "elements that the template does not have")
    want(json.loads(page.script("plan")) == plan, "the embedded plan is not the one of --format json")
    moves = [move for section in json.loads(page.script("sections-data")) for layer in section["layers"]
             for kind in layer["kinds"] for band in kind for move in band]
    want(sorted(moves) == list(range(len(plan["graph"]["moves"]))), "each move stands in one band")
    for tag, attributes in page.tags:
        want(tag not in ("link", "img", "iframe", "object", "base") and not {"src", "href", "srcset", "action"} & attributes.keys(), f"<{tag}> loads something")
        want(not any(name.startswith("on") for name in attributes), f"<{tag}> runs something")
    for tag, name, data in page.texts:
        if name is None:
            urls = set(re.findall(r"https?://[^\s\"'`)]+|url\(|@import", data)) - {"http://www.w3.org/2000/svg"}
            want(not urls, f"<{tag}> speaks of {urls}")
    want("default-src 'none'" in text, "a policy that loads nothing")
    want("innerHTML" not in text and "insertAdjacentHTML" not in text and "document.write" not in text, "texts become elements")


def check_svg(text):
    picture = xml.fromstring(text)
    names = {node.tag.split("}")[1] for node in picture.iter()}
    want(picture.tag == "{http://www.w3.org/2000/svg}svg" and names <= {"svg", "style", "rect", "text", "line", "path", "g", "title"}, names)
    for node in picture.iter():
        want(not any("href" in name or name.startswith("on") for name in node.attrib), node.attrib)
        for side, size in (("x", "width"), ("y", "height")):
            if {side, size} <= node.attrib.keys() and "%" not in node.attrib[size]:
                want(0 <= float(node.attrib[side]) and float(node.attrib[side]) + float(node.attrib[size]) <= float(picture.attrib[size]), f"outside: {node.attrib}")
    return picture


def texts_of(picture):
    return [node.text for node in picture.iter("{http://www.w3.org/2000/svg}text")]


DOT_TOKEN = re.compile(r'\s+|"(?:[^"\\\n]|\\.)*"|->|[A-Za-z_][A-Za-z0-9_]*|-?(?:\.\d+|\d+(?:\.\d*)?)|[{}\[\];=,]')


def check_dot(text, plan):
    """Tokens of dot's grammar, balanced; as many nodes and edges as the plan has."""
    at, tokens = 0, []
    while at < len(text):
        token = DOT_TOKEN.match(text, at)
        want(token, f"no dot: {text[at:at + 80]!r}")
        tokens += [] if token[0].isspace() else [token[0]]
        at = token.end()
    depth = []
    for token in tokens:
        if token in "{[":
            depth.append(token)
        elif token in "}]":
            want(depth and depth.pop() + token in ("{}", "[]"), "brackets")
    want(not depth and tokens[:3] == ["digraph", "plan", "{"], "brackets")
    want(tokens.count("->") == len(plan["graph"]["moves"]), "an edge for each move")
    nodes = re.findall(r"^  t\d+ \[", text, re.M)
    want(len(nodes) == len(plan["graph"]["tensors"]), "a node for each tensor")
    if shutil.which("dot"):
        done = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, timeout=100)
        want(done.returncode == 0 and not done.stderr, done.stderr.decode()[:300])
        xml.fromstring(done.stdout)


def check_text(text, plan):
    moves = [line for line in text.split("\n") if re.match(r"  (copy|fill|compare|compare_fill) ", line)]
    want(len(moves) == len(plan["graph"]["moves"]), "a line for each move")


def check_all(plan, words):
    """Every format says the same graph. Returns the plan and the picture."""
    for name in ("text", "dot", "svg"):
        want("\x1b" not in plan(*words, "--format", name), f"{name}: a control character of a file is shown as it is")
    as_json = json.loads(plan(*words, "--format", "json"))
    want(json.loads(plan(*words, "--json")) == as_json, "--json is --format json")
    check_indices(as_json)
    check_text(plan(*words), as_json)
    check_html(plan(*words, "--format", "html"), as_json)
    check_dot(plan(*words, "--format", "dot"), as_json)
    return as_json, check_svg(plan(*words, "--format", "svg"))


# --- tests -------------------------------------------------------------------------------------------------------------

def test_checkpoint(plan, work):
    whole, _ = check_all(plan, [work / "hf", "--tp", 2, "--pp", 2])
    want(whole["costs"]["bytes_written"] == whole["bytes"], "all is written")
    want(whole["narrowed"] is None, "whole")


def test_layer(plan, work):
    layer, picture = check_all(plan, [work / "hf", "--tp", 2, "--layer", 1])
    want(layer["narrowed"] == {"layer": 1, "name": None}, layer["narrowed"])
    want({t["name"].split(".")[2] for t in layer["graph"]["tensors"]} == {"1"}, "layer 1 alone")
    want(any(text and "transformer.h.1.attn.c_attn.weight" in text for text in texts_of(picture)), "the name is in the picture")
    want(any(text == "layer.qkv" for text in texts_of(picture)), "the rule is in the picture")


def test_name(plan, work):
    one, _ = check_all(plan, [work / "hf", "--name", "*wte*"])
    want([t["name"] for t in one["graph"]["tensors"]] == ["transformer.wte.weight", "embedding.word_embeddings.weight"], one["graph"]["tensors"])
    none, _ = check_all(plan, [work / "hf", "--name", "nothing"])
    want(none["graph"]["moves"] == [], "nothing")


def test_way_back(plan, work):
    subprocess.run([plan.path, "convert", work / "hf", work / "mcore", "--tp", "2", "--pp", "2", "-q"], check=True)
    back, _ = check_all(plan, [work / "mcore", "--to", "hf", "--dtype", "bf16"])
    want(back["costs"]["casts"] == sum(m["op"] == "copy" for m in back["graph"]["moves"]), "each copy casts")
    want(back["costs"]["compares"] > 0 and back["verdict"] == "lossy", "replicas are compared")


def test_big_config(plan, work):
    config = dict(small_gpt2.CONFIG, n_layer=1000)
    (work / "big.json").write_text(json.dumps(config))
    words = ["--rules", ROOT / "rules" / "gpt2.yaml", "--config", work / "big.json", "--tp", 2]
    text = plan(*words, "--format", "svg")
    picture = check_svg(text)
    want(len(text) < 100_000 and float(picture.attrib["height"]) < 5000, f"the picture has {len(text)} bytes")
    want("transformer.h.<0..999>" in texts_of(picture) and "1000 alike, drawn once" in texts_of(picture), "layers are folded")
    check_html(plan(*words, "--format", "html"), json.loads(plan(*words, "--format", "json")))


def test_hostile(plan, work):
    folder = work / "evil"
    folder.mkdir()
    header = {name: {"dtype": "F32", "shape": [2], "data_offsets": [8 * i, 8 * i + 8]} for i, name in enumerate(["layers.0.w", "layers.1.w", "x." + EVIL])}
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(24))
    (folder / "config.json").write_text(json.dumps({"hidden": 2, EVIL: EVIL, "model_type": EVIL}))
    rules = work / "evil \"<b>&amp;' rules.yaml"
    rules.write_text(EVIL_RULES)
    made, _ = check_all(plan, [folder, "--rules", rules, "--to", "mcore"])
    want(any(EVIL in line for line in made["ignored"]) and EVIL in made["dropped_keys"], "the hostile texts are there")
    want(any("onerror=alert(2)" in one["line"] for one in made["graph"]["addresses"]), "the hostile line is there")
    page = plan(folder, "--rules", rules, "--to", "mcore", "--format", "html")
    want("<img" not in page and page.count("</script>") == 3, "nothing closes a script but the template")


def test_the_checks_find_faults(plan, work):
    words = [work / "hf", "--layer", 0]
    as_json = json.loads(plan(*words, "--format", "json"))
    page, dot, svg = (plan(*words, "--format", name) for name in ("html", "dot", "svg"))
    bad = [
        (check_html, page.replace('"use strict"', 'fetch("https://example.org/")', 1), as_json), (check_html, page.replace("<main>", "<main><img>"), as_json),
        (check_html, page.replace("transformer.h.0", "transformer.h.9", 1), as_json), (check_html, page.replace("default-src 'none'", "default-src *"), as_json),
        (check_html, page.replace('"kinds":[[[0', '"kinds":[[[1'), as_json), (check_dot, dot.replace("transformer", 'trans"former', 1), as_json),
        (check_dot, re.sub(r"  t\d+ -> .*\n", "", dot, count=1), as_json), (check_svg, svg.replace('height="36"', 'height="36000"', 1)),
        (check_svg, svg.replace("<g ", "<script/><g ", 1)), (check_svg, svg.replace("</svg>", "")),
    ]
    for i, (check, *arguments) in enumerate(bad):
        want(arguments[0] not in (page, dot, svg), f"fault {i} is none")
        try:
            check(*arguments)
        except (AssertionError, xml.ParseError):
            continue
        raise AssertionError(f"{check.__name__} takes fault {i} for good")


def test_usage(plan, work):
    want(plan.refuses(work / "hf", "--format", "png"), "an unknown format")
    want(plan.refuses(work / "hf", "--json", "--format", "svg"), "two formats")
    want(plan.refuses(work / "hf", "--names", "hf", "--format", "svg"), "names are no picture")
    names = json.loads(plan(work / "hf", "--names", "hf", "--format", "json"))
    want(names == json.loads(plan(work / "hf", "--names", "hf", "--json")) and len(names["names"]) == 52, names)


def main():
    plan, passed, failed = Program(pathlib.Path(sys.argv[1]).resolve()), 0, 0
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "hf").mkdir()
        small_gpt2.write_plain(work / "hf")
        for name, test in [(n, t) for n, t in globals().items() if n.startswith("test_")]:
            try:
                test(plan, work)
                passed += 1
            except Exception as error:
                failed += 1
                print(f"{name}: {type(error).__name__}: {str(error)[:1000]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
