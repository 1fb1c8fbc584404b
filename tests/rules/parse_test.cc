// What the AST holds after parsing; mistakes are in golden/.
#include "rules/parse.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/text.h"

using namespace tessera;

namespace {

Text text_of(std::string s) {
  const auto end = static_cast<uint32_t>(s.size());
  return {std::move(s), {0, 0, end}, {}};
}

struct Parsed {
  Sources sources;
  Diagnostics diagnostics;
  std::optional<RuleFile> file;
};

Parsed parse(const std::string& text, const std::string& parent = {}) {
  Parsed out;
  const LoadText load = [&](const std::filesystem::path& path) -> std::optional<std::string> {
    if (path == "in/rules.yaml") return text;
    if (path == "path/base.yaml" && !parent.empty()) return parent;
    return std::nullopt;
  };
  out.file = parse_rule_file("in/rules.yaml", {{"path"}, load}, out.sources, out.diagnostics);
  INFO(render(out.diagnostics, out.sources));
  CHECK(!out.diagnostics.failed());
  REQUIRE(out.file);
  return out;
}

const std::string head = "rules: 1\nfamily: n\n";

std::string shown(const Address& a) {
  Diagnostics diagnostics;
  std::vector<std::string> holes;
  for (const Expr& hole : a.holes) holes.push_back(to_text(hole));
  std::string out = a.kind == Address::Kind::tensor
                        ? to_text(a.name, holes)
                        : (a.kind == Address::Kind::constant ? "constant " : "unused ") + to_text(*a.value);
  if (!a.label.empty()) out = a.label.s + "= " + out;
  out += " [" + to_text(a.layout) + "]";
  for (const ValueOp& op : a.ops) {
    constexpr const char* names[] = {"plus", "times", "neg_exp", "rest"};
    out += std::string(" ") + names[static_cast<int>(op.kind)] + (op.operand ? " " + to_text(*op.operand) : "");
  }
  return out;
}

std::string address(const std::string& text) {
  Diagnostics diagnostics;
  const auto parsed = parse_address(text_of(text), {}, diagnostics);
  return parsed ? shown(*parsed) : diagnostics.list().at(0).message;
}

const RuleDecl& rule(const Parsed& parsed, size_t block, size_t index) {
  return parsed.file->blocks.at(block).rules.at(index);
}

}  // namespace

TEST_CASE("addresses") {
  CHECK(address("o.weight  h f") == "o.weight [h f]");
  CHECK(address("scalar") == "scalar []");
  CHECK(address("<k // 2>.mixer.w  o h") == "<k // 2>.mixer.w [o h]");
  CHECK(address("weight<e>  (gate+up f) h") == "weight<e> [(gate+up f) h]");
  CHECK(address("a/b-c_$.0  (g q+k+v d)+s:(g r) h") == "a/b-c_$.0 [(g q+k+v d)+s:(g r) h]");
  CHECK(address("constant(k <= p)  p k") == "constant k <= p [p k]");
  CHECK(address("constant(-10000.0)") == "constant -10000.0 []");
  CHECK(address("constant(\")|\")  h") == "constant \")|\" [h]");
  CHECK(address("unused(t ** (-2 * p / d))  p") == "unused t ** (-2 * p / d) [p]");
  CHECK(address("constants  h") == "constants [h]");
  CHECK(address("w  v h | times(bf16(sqrt(h))) | plus(1)|neg_exp") == "w [v h] times bf16(sqrt(h)) plus 1 neg_exp");
  CHECK(address("w | rest(0)") == "w [] rest 0");
  CHECK(address("constant(1)h") == "a blank is missing behind the `)`");
  CHECK(address("w<l>x<m  h") == "this `<` is never closed");
  CHECK(address("w|plus(1)") == "`|` cannot stand in a name");
  CHECK(address(std::string(5000, 'a')).starts_with("a name has at most 4096 bytes"));
}

TEST_CASE("places in an address are places in the file") {
  const Parsed parsed = parse(head + "blocks: { b: { o: { hf: \"o.<l>  h \\x66\", mcore: o.<l>  h f } } }\n");
  const Address& a = rule(parsed, 0, 0).sides[0]->at(0).addresses.at(0);
  CHECK(parsed.sources.position(a.holes[0].span()).column == 29);
  const Word& f = a.layout.dimensions.at(1).factors.at(0).axis;
  CHECK(parsed.sources.position(a.text.at(f.begin, f.end)).column == 35);
  CHECK(parsed.sources.position(rule(parsed, 0, 0).side_spans[1]).column == 42);
}

TEST_CASE("a rule with everything") {
  const Parsed parsed = parse(head + R"(
blocks:
  b:
    qkv:
      when: x == 1
      for: [e in 0..2, 'l in 0..n where moe[l]']
      hf: { q: q.weight  (g r d) h, k: constant(0)  (g d) h }
      mcore:
        - { when: a, is: x  h }
        - { when: not a, is: { q: y  h, k: z  h } }
      dtype: { mcore: bf16 }
      in: g  r d
      bias: not x
    plain: { hf: p  h, mcore: p  h, bias: true, dtype: qkv }
)");
  const RuleDecl& qkv = rule(parsed, 0, 0);
  CHECK(qkv.name.s == "qkv");
  CHECK(to_text(*qkv.when) == "x == 1");
  REQUIRE(qkv.loops.size() == 2);
  CHECK(to_text(*qkv.loops[1].where) == "moe[l]");
  REQUIRE(qkv.sides[0]->size() == 1);
  CHECK(!qkv.sides[0]->at(0).when);
  CHECK(shown(qkv.sides[0]->at(0).addresses[1]) == "k= constant 0 [(g d) h]");
  REQUIRE(qkv.sides[1]->size() == 2);
  CHECK(to_text(*qkv.sides[1]->at(1).when) == "not a");
  CHECK(shown(qkv.sides[1]->at(1).addresses[0]) == "q= y [h]");
  CHECK(!qkv.dtype[0]);
  CHECK(qkv.dtype[1]->dtype == DType::bf16);
  REQUIRE(qkv.in.size() == 3);
  CHECK(qkv.in[1].s == "r");
  CHECK(qkv.has_bias);
  CHECK(to_text(*qkv.bias) == "not x");
  const RuleDecl& plain = rule(parsed, 0, 1);
  CHECK(plain.has_bias);
  CHECK(!plain.bias);
  CHECK(!plain.has_in);
  CHECK(plain.dtype[1]->rule == "qkv");
}

TEST_CASE("axes, model, same, ignore") {
  const Parsed parsed = parse(head + R"(
axes: { h: 3, g: { size: n // 2, split: tp }, v: { size: n, split: { mcore: tp }, pad: { mcore: 128 * tp } } }
model:
  - { use: embed, stage: first }
  - { use: [a, b], hf: layers.<l>, for: l in 0..n, when: x }
same:
  - { of: embed.words, mcore: out.weight, when: tie and pp > 1, stage: last, optional: true }
ignore: { hf: { l.<l>.*.x: "a reason", "a.**": why } }
)");
  const RuleFile& file = *parsed.file;
  REQUIRE(file.axes.size() == 3);
  CHECK(!file.axes[0].split[1]);
  CHECK(file.axis("g")->split[0]->s == "tp");
  CHECK(file.axis("g")->split[1]->s == "tp");
  CHECK(!file.axis("v")->split[0]);
  CHECK(to_text(*file.axis("v")->pad[1]) == "128 * tp");
  CHECK(!file.axis("w"));
  REQUIRE(file.model.size() == 2);
  CHECK(file.model[0].stage == Stage::first);
  CHECK(file.model[1].use.size() == 2);
  CHECK(file.model[1].prefix[0]->s == "layers.<l>");
  CHECK(!file.model[1].prefix[1]);
  REQUIRE(file.same.size() == 1);
  CHECK(file.same[0].side == 1);
  CHECK(file.same[0].optional);
  CHECK(file.same[0].stage == Stage::last);
  CHECK(shown(file.same[0].form.at(0).addresses.at(0)) == "out.weight []");
  REQUIRE(file.ignore.size() == 2);
  CHECK(file.ignore[0].reason == "a reason");
  CHECK(file.side("mcore") == 1);
  CHECK(!file.side("meta"));
}

TEST_CASE("configuration, two sides") {
  const Parsed parsed = parse(head + R"(
match: { model_type: n, kinds: [a, b] }
config:
  a: b
  c.d:  not  e.f
  g: { name: h, is: { x: true, "true": 1, 2: ~ } }
  i: { to: j.k = i == 1, from: "j.k" }
defaults: { a: '"x"', c: 1e-5 }
options: { v: [3.0, 2.0], w: 128, x: [absent, present] }
let: { m: "[l for l in 0..2]" }
require: { not a: never a }
notes: { a == 1: so so }
fixed: { mcore: { swiglu: true, s: "none", n: ~, list: [1, a] } }
derived: { hf: { rope.x: a }, mcore: { y: tp } }
)");
  const RuleFile& file = *parsed.file;
  CHECK(*file.match.find("kinds") == Value(List{"a", "b"}));
  REQUIRE(file.config.size() == 4);
  CHECK(file.config[0].ways[1]->kind == ConfigWay::Kind::name);
  CHECK(!file.config[0].ways[0]);
  CHECK(file.config[1].key.s == "c.d");
  CHECK(file.config[1].ways[1]->kind == ConfigWay::Kind::negated);
  CHECK(file.config[1].ways[1]->other.s == "e.f");
  const ConfigWay& enumeration = *file.config[2].ways[1];
  CHECK(enumeration.other.s == "h");
  REQUIRE(enumeration.table.size() == 3);
  CHECK(enumeration.table[0] == std::pair<Value, Value>("x", true));
  CHECK(enumeration.table[1] == std::pair<Value, Value>("true", 1));
  CHECK(enumeration.table[2] == std::pair<Value, Value>(2, Value()));
  const ConfigWay& both = *file.config[3].ways[1];
  CHECK(both.other.s == "j.k");
  CHECK(to_text(*both.to) == "i == 1");
  CHECK(to_text(*both.from) == "j.k");
  CHECK(file.defaults[1].value.root().value == Value(1e-5));
  REQUIRE(file.options.size() == 3);
  CHECK(file.options[0].values == List{3.0, 2.0});
  CHECK(!file.options[0].any);
  CHECK(file.options[1].any);
  CHECK(file.options[2].values[1] == Value("present"));
  CHECK(file.let[0].key.s == "m");
  CHECK(file.require[0].text == "never a");
  CHECK(to_text(file.notes[0].condition) == "a == 1");
  REQUIRE(file.fixed[1].size() == 4);
  CHECK(file.fixed[1][1].value == Value("none"));
  CHECK(file.fixed[1][2].value.is_none());
  CHECK(file.fixed[1][3].value == Value(List{1, "a"}));
  CHECK(file.derived[0][0].key.s == "rope.x");
  CHECK(file.derived[1].size() == 1);
}

TEST_CASE("configuration, three sides") {
  const Parsed parsed = parse(head + R"(
sides: [hf, meta, mcore]
config: { h: { meta: dim, mcore: not hidden }, n: { meta: { to: k = n, from: k } } }
axes: { c: { size: h, split: { meta: tp } }, n: { size: 2, split: tp } }
)");
  const RuleFile& file = *parsed.file;
  CHECK(file.config[0].ways[1]->other.s == "dim");
  CHECK(file.config[0].ways[2]->kind == ConfigWay::Kind::negated);
  CHECK(file.config[1].ways[1]->kind == ConfigWay::Kind::both);
  CHECK(!file.config[1].ways[2]);
  CHECK(file.axis("c")->split[1]);
  CHECK(!file.axis("c")->split[2]);
  CHECK(file.axis("n")->split[2]);
}

TEST_CASE("companions and encodings") {
  const Parsed parsed = parse(head + R"(
companions:
  exp_avg: { hf: exp_avg.<name>, mcore: state.exp_avg.<name> }
  lora_A:  { mcore: <stem>.adapter.weight }
encodings:
  fp8: { kind: fp8_block, block: [128, 64], on: { hf: <name>_scale_inv }, write: never }
  fp4: { kind: mxfp4, on: { hf: [<name>_blocks, <name>_scales] } }
  q4:  { kind: gptq, bits: 4, group: 8, on: { mcore: [<stem>.qweight, <stem>.qzeros, <stem>.scales, <stem>.g_idx] } }
)");
  const RuleFile& file = *parsed.file;
  REQUIRE(file.companions.size() == 2);
  CHECK(file.companions[0].kind == CompanionDecl::Kind::exp_avg);
  CHECK(!file.companions[1].templates[0]);
  CHECK(file.companions[1].templates[1]->s == "<stem>.adapter.weight");
  REQUIRE(file.encodings.size() == 3);
  CHECK(file.encodings[0].block == std::vector<int64_t>{128, 64});
  CHECK(file.encodings[0].write_never);
  CHECK(file.encodings[0].on[0].at(0).first.empty());
  CHECK(file.encodings[1].on[0].at(1).first == "scales");
  CHECK(!file.encodings[1].write_never);
  CHECK(file.encodings[2].group == 8);
  CHECK(file.encodings[2].on[1].at(3).first == "g_idx");
}

TEST_CASE("extends: merged, and each word keeps its file") {
  const Parsed parsed =
      parse("rules: 1\nfamily: child\nextends: base\naxes: { h: 5, g: ~ }\nblocks: { b: { o: { bias: true } } }\n",
            "rules: 1\nfamily: base\naxes: { h: 3, g: 2 }\nblocks: { b: { o: { hf: o  h, mcore: o  h } } }\n");
  const RuleFile& file = *parsed.file;
  CHECK(file.family.s == "child");
  REQUIRE(file.axes.size() == 1);
  CHECK(to_text(file.axes[0].size) == "5");
  CHECK(parsed.sources.name(file.axes[0].size.span().source) == "in/rules.yaml");
  const RuleDecl& o = rule(parsed, 0, 0);
  CHECK(o.has_bias);
  CHECK(parsed.sources.name(o.side_spans[0].source) == "path/base.yaml");
  CHECK(!file.flat.find("extends"));
  CHECK(to_yaml(file.flat) ==
        "rules: 1\nfamily: child\naxes:\n  h: 5\nblocks:\n  b:\n    o:\n      hf: o  h\n      mcore: o  h\n      bias: "
        "true\n");
}

TEST_CASE("a file that is not there is the world's failure") {
  Sources sources;
  Diagnostics diagnostics;
  const LoadText nothing = [](const std::filesystem::path&) { return std::nullopt; };
  CHECK_THROWS_AS(parse_rule_file("x.yaml", {{}, nothing}, sources, diagnostics), Error);
  CHECK_THROWS_AS(parse_dialect("x.yaml", nothing, sources, diagnostics), Error);
}

TEST_CASE("a file beyond 1 MiB is refused unread") {
  Sources sources;
  Diagnostics diagnostics;
  const LoadText load = [](const std::filesystem::path&) { return std::string((size_t{1} << 20) + 1, '#'); };
  CHECK(!parse_rule_file("x.yaml", {{}, load}, sources, diagnostics));
  REQUIRE(diagnostics.error_count() == 1);
  CHECK(diagnostics.list()[0].message == "a rule file has at most 1048576 bytes");
  CHECK(sources.text(diagnostics.list()[0].span.source).empty());
}

TEST_CASE("dialects and packings") {
  const auto dialect = [](const std::string& text) {
    Sources sources;
    Diagnostics diagnostics;
    auto parsed = parse_dialect(
        "d.yaml", [&](const std::filesystem::path&) { return std::optional(text); }, sources, diagnostics);
    INFO(render(diagnostics, sources));
    REQUIRE(parsed);
    return *parsed;
  };
  const Dialect d = dialect(
      "dialect: d\nside: hf\nwhat: for a test\nrename:\n  a.<l>.<p:word>: b.<p:word>.<l>\n  t.<r:rest>: "
      "<r:rest>\nconfig: { x.y: z.w }\n");
  CHECK(d.name == "d");
  CHECK(d.side == "hf");
  CHECK(!d.packing);
  REQUIRE(d.rename.size() == 2);
  CHECK(render(d.rename[0].left, {"3", "q"}) == "a.3.q");
  CHECK(render(d.rename[0].right, {"q", "3"}) == "b.q.3");
  CHECK(d.config.at(0).second.s == "z.w");
  const Dialect p = dialect("packing: p\nside: mcore\nwhen: (f or 1) == 1\npack: { l.<l>.<r:rest>: l.<r:rest> }\n");
  CHECK(p.packing);
  CHECK(to_text(*p.when) == "(f or 1) == 1");
  CHECK(p.rename.size() == 1);
}
