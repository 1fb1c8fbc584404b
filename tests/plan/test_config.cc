// Configuration both ways: each case is read and written from either side.
#include "inline_rules.h"

using namespace tessera;

namespace {

struct BothWays {
  std::string what, sections, hf, mcore;
  std::string settings = "{}";
  std::vector<std::string> dialects = {};  // texts
  Mesh mcore_mesh = single_place;
  bool use = true;  // all dialects are in use, each on its side
};

const char* const v5 = R"(dialect: v5
side: hf
what: a newer spelling
config:
  theta: rope_parameters.theta
  rope_scaling.factor: rope_parameters.factor
  num_experts: num_local_experts
)";
const char* const old_kind = R"(dialect: old
side: hf
what: an older name of the kind
config: { scaling.kind: scaling.type }
)";
const char* const legacy = R"(dialect: legacy
side: mcore
what: old names
rename: { w: old.w }
)";

const char* const lines = R"yaml(
config:
  n_embd: hidden_size
  n_layer: num_layers
  n_inner: { to: "ffn_hidden_size = n_inner or 4 * n_embd", from: ffn_hidden_size }
  act: { name: activation, is: { gelu_new: gelu, relu: relu } }
  tie: not untie
  dense: { to: "moe_layer_freq = [0] * dense + [1] * (n_layer - dense)", from: "count_leading(moe_layer_freq, 0)" }
defaults: { act: '"relu"', tie: false, n_inner: none }
fixed: { mcore: { swiglu: false, kinds: [a, b] } }
)yaml";
const char* const paths = R"(
config:
  size: hidden_size
  rope_scaling.kind: { to: 'use_scaling = rope_scaling.kind == "far"', from: use_scaling and "far" or none }
  rope_scaling.factor: { to: scaling_factor = rope_scaling.factor, from: use_scaling and scaling_factor or none }
  limits.window: window_size
  act: { name: fused, is: { gelu_new: true, gelu: false } }
defaults: { rope_scaling: none, act: '"gelu"' }
)";
const char* const derived = R"(
options: { round: 128 }
config: { words: vocab_size, heads: num_heads, groups: { to: num_groups = groups, from: grouped and num_groups or num_heads } }
derived:
  hf: { half: heads // 2 }
  mcore: { grouped: true, round: round, padded: ceil(words / (round * tp)) * round * tp }
)";
const char* const says = R"(
config:
  act:
    to: fusion = act == (legacy and "gelu_fast" or "gelu_new")
    from: fusion and (legacy and "gelu_fast" or "gelu_new") or legacy and openai and "gelu_new" or "gelu"
derived: { mcore: { openai: legacy and act == "gelu_new" or none } }
)";

const std::vector<BothWays> cases = {
    {"every kind of line", lines,
     R"({"n_embd": 4, "n_layer": 2, "n_inner": 16, "act": "gelu_new", "tie": true, "dense": 1})",
     R"({"hidden_size": 4, "num_layers": 2, "ffn_hidden_size": 16, "activation": "gelu", "untie": false,
         "moe_layer_freq": [0, 1], "swiglu": false, "kinds": ["a", "b"]})"},
    {"paths", paths,
     R"({"size": 4, "rope_scaling": {"kind": "far", "factor": 8.0}, "limits": {"window": 3}, "act": "gelu_new"})",
     R"({"hidden_size": 4, "use_scaling": true, "scaling_factor": 8.0, "window_size": 3, "fused": true})"},
    {"none is not written", paths, R"({"size": 4, "rope_scaling": null, "limits": null, "act": "gelu"})",
     R"({"hidden_size": 4, "use_scaling": false, "scaling_factor": null, "window_size": null, "fused": false})"},
    {"derived, with the mesh and an option",
     derived,
     R"({"words": 5, "heads": 6, "groups": 3, "half": 3})",
     R"({"vocab_size": 5, "num_heads": 6, "num_groups": 3, "grouped": true, "round": 2, "padded": 8})",
     R"({"round": 2})",
     {},
     {2, 1, 1, 1, 1}},
    {"a dialect's keys",
     "config: { theta: rotary_base, rope_scaling.factor: scaling_factor, num_local_experts: num_experts }\n",
     R"({"rope_parameters": {"theta": 5.0, "factor": 2.0}, "num_local_experts": 6})",
     R"({"rotary_base": 5.0, "scaling_factor": 2.0, "num_experts": 6})",
     "{}",
     {v5}},
    {"a key renamed within its map",
     "config: { scaling.kind: kind, scaling.factor: factor }\ndefaults: { scaling: none }\n",
     R"({"scaling": {"factor": 40, "type": "far", "kind": null}})",
     R"({"kind": "far", "factor": 40})",
     "{}",
     {old_kind}},
    {"a dialect is a boolean of its end",
     says,
     R"({"act": "gelu_new"})",
     R"({"fusion": false, "openai": true})",
     "{}",
     {legacy}},
    {"the same without it",
     says,
     R"({"act": "gelu_new"})",
     R"({"fusion": true, "openai": null})",
     "{}",
     {legacy},
     single_place,
     false},
    {"lists of layers and lists of marks",
     "config:\n"
     "  n: num_layers\n"
     "  dense:\n"
     "    to: moe_layer_freq = len(dense) > 0 and put([1] * n, dense, 0) or 1\n"
     "    from: moe_layer_freq == 1 and [] or positions(moe_layer_freq, 0)\n"
     "defaults: { dense: '[]' }\n",
     R"({"n": 4, "dense": [1, 3]})", R"({"num_layers": 4, "moe_layer_freq": [1, 0, 1, 0]})"},
};

std::vector<std::string> in_use(const RuleSet& set, SideId side) {
  std::vector<std::string> names;
  for (const Dialect& dialect : set.dialects)
    if (dialect.side == set.file.sides[side].s) names.push_back(dialect.name);
  return names;
}

void convert(const BothWays& test, const InlineRules& rules, SideId from) {
  const Map hf = json_map(test.hf), mcore = json_map(test.mcore);
  ConfigRequest request;
  request.rules = &rules.set;
  const auto end = [&](SideId side) {
    return end_of(side, test.use ? in_use(rules.set, side) : std::vector<std::string>{},
                  side ? test.mcore_mesh : single_place);
  };
  request.from = end(from);
  request.to = end(1 - from);
  request.config = from ? &mcore : &hf;
  if (!from) request.settings = json_map(test.settings);
  Diagnostics diagnostics;
  const auto model = bind(request, diagnostics);
  const auto target = model ? target_config(*model, diagnostics) : std::nullopt;
  INFO(render(diagnostics, rules.sources));
  REQUIRE(target);
  check_has(*target, from ? hf : mcore);
}

}  // namespace

TEST_CASE("configuration goes both ways") {
  for (const BothWays& test : cases) {
    CAPTURE(test.what);
    const InlineRules rules(test.sections, test.dialects);
    convert(test, rules, 0);
    convert(test, rules, 1);
  }
}

TEST_CASE("a silent configuration means its defaults, and what was left to them may come back otherwise") {
  const InlineRules rules(lines);
  const Map hf = json_map(R"({"n_embd": 4, "n_layer": 2, "dense": 2})");
  ConfigRequest request{&rules.set, end_of(0), end_of(1), &hf, {}, true};
  Diagnostics diagnostics;
  const auto model = bind(request, diagnostics);
  REQUIRE(model);
  CHECK(model->defaulted == std::vector<std::string>{"act", "tie"});
  const auto target = target_config(*model, diagnostics);
  REQUIRE(target);
  check_has(*target,
            json_map(R"({"ffn_hidden_size": 16, "activation": "relu", "untie": true, "moe_layer_freq": [0, 0]})"));
}

TEST_CASE("from a side to itself the configuration is carried; what the mesh decides follows the mesh") {
  const InlineRules rules(derived);
  const Map args = json_map(
      R"({"vocab_size": 5, "num_heads": 6, "num_groups": 1, "grouped": false, "round": 2, "padded": 6, "lr": 0.5, "seed": null})");
  ConfigRequest request{&rules.set, end_of(1), end_of(1, {}, {4, 1, 1, 1, 1}), &args, {}, true};
  Diagnostics diagnostics;

  SUBCASE("other mesh") {
    const auto model = bind(request, diagnostics);
    REQUIRE(model);
    CHECK(model->dropped_keys.empty());
    const auto target = target_config(*model, diagnostics);
    REQUIRE(target);
    Map wanted = args;
    wanted["padded"] = 8;
    CHECK(*target == wanted);
  }
  SUBCASE("same mesh") {
    request.to.mesh = request.from.mesh;
    const auto model = bind(request, diagnostics);
    REQUIRE(model);
    CHECK(*target_config(*model, diagnostics) == args);
  }
  SUBCASE("corrected: all that the rules say is written") {
    request.settings["words"] = 9;
    const auto model = bind(request, diagnostics);
    REQUIRE(model);
    const auto target = target_config(*model, diagnostics);
    REQUIRE(target);
    check_has(*target, json_map(R"({"vocab_size": 9, "padded": 16, "num_groups": 6, "grouped": true, "lr": 0.5})"));
  }
}

TEST_CASE("a null that is a value stays: no default steps in, and it is written") {
  const InlineRules rules(
      "config: { window: reach, size: size }\n"
      "defaults: { window: 4096, heads: size }\n"
      "nulls: [window]\n"
      "require: { window == none or window > 0: a window has a size }\n"
      "axes: { f: 3 }\n"
      "blocks: { b: { w: { hf: w  f, mcore: w  f } } }\n"
      "model: [{ use: b }]\n");
  const auto written = [&](SideId from, const char* config, Map settings) {
    const Map source = json_map(config);
    ConfigRequest request{&rules.set, end_of(from), end_of(1 - from), &source, std::move(settings), true};
    Diagnostics diagnostics;
    const auto model = bind(request, diagnostics);
    REQUIRE(model);
    return *target_config(*model, diagnostics);
  };
  Map none;
  none["window"] = Value();
  CHECK(written(0, R"({"size": 3, "window": null, "heads": null})", {}) == json_map(R"({"size": 3})"));
  CHECK(written(0, R"({"size": 3})", {}) == json_map(R"({"size": 3, "reach": 4096})"));
  CHECK(written(0, R"({"size": 3})", none) == json_map(R"({"size": 3})"));
  CHECK(written(1, R"({"size": 3})", {}) == json_map(R"({"size": 3, "window": null, "heads": 3})"));
  CHECK(written(1, R"({"size": 3, "reach": 7})", {}) == json_map(R"({"size": 3, "window": 7, "heads": 3})"));
}

TEST_CASE("from a side to itself a derived key that is none goes") {
  const InlineRules rules(
      "config: { size: size }\n"
      "derived: { hf: { packed: none } }\n"
      "axes: { f: 3 }\n"
      "blocks: { b: { w: { hf: w  f, mcore: w  f } } }\n"
      "model: [{ use: b }]\n");
  const Map source = json_map(R"({"size": 3, "packed": {"bits": 8}, "other": 1})");
  ConfigRequest request{&rules.set, end_of(0), end_of(0), &source, {}, true};
  Diagnostics diagnostics;
  const auto model = bind(request, diagnostics);
  REQUIRE(model);
  CHECK(*target_config(*model, diagnostics) == json_map(R"({"size": 3, "other": 1})"));
}

TEST_CASE("three sides meet in the canonical configuration") {
  const InlineRules rules(
      "sides: [hf, meta, mcore]\n"
      "config: { hidden_size: { meta: dim, mcore: hidden }, heads: { meta: n_heads, mcore: num_heads }, only: { meta: "
      "m } }\n"
      "axes: { f: 3 }\n"
      "blocks: { b: { w: { hf: w  f, meta: w  f, mcore: w  f } } }\n"
      "model: [{ use: b }]\n");
  const Map meta = json_map(R"({"dim": 8, "n_heads": 6, "m": 1, "extra": {"a": 1, "b": null}})");
  ConfigRequest request{&rules.set, end_of(1), end_of(2), &meta, {}, true};
  Diagnostics diagnostics;
  const auto model = bind(request, diagnostics);
  REQUIRE(model);
  CHECK(model->dropped_keys == std::vector<std::string>{"extra.a"});
  CHECK(*target_config(*model, diagnostics) == json_map(R"({"hidden": 8, "num_heads": 6})"));
}

TEST_CASE("a configuration that no file could hold is refused") {
  const InlineRules rules("config: { a.b.c: deep }\n");
  for (const size_t depth : {61, 62}) {
    const std::string value = std::string(depth, '[') + "1" + std::string(depth, ']');
    const Map source = json_map(R"({"deep": )" + value + "}");
    ConfigRequest request{&rules.set, end_of(1), end_of(0), &source, {}, true};
    Diagnostics diagnostics;
    const auto model = bind(request, diagnostics);
    REQUIRE(model);
    const auto config = target_config(*model, diagnostics);
    REQUIRE(config.has_value() == (depth == 61));
    if (config)
      CHECK(parse_json(to_json(*config), "test") == Value(*config));
    else
      CHECK(diagnostics.list().front().message.find("`a` nests more than 64 deep") != std::string::npos);
  }
}
