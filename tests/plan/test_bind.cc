// What bind believes, what it tells and what it refuses.
#include "inline_rules.h"

using namespace tessera;

namespace {

struct Refusal {
  std::string what, sections;
  SideId from;
  std::string config, settings;
  std::string at;       // the words that the first error points at
  std::string message;  // some of its words
};

const std::vector<Refusal> refusals = {
    {"require", "config: { bias: b }\nrequire: { not bias: Megatron has none }\n", 0, R"({"bias": true})", "{}",
     "not bias", "Megatron has none"},
    {"require without its key", "config: { bias: b }\nrequire: { not bias: none }\n", 0, "{}", "{}", "bias", "bias"},
    {"fixed", "fixed: { hf: { model_type: llama } }\n", 0, R"({"model_type": "mistral"})", "{}", "llama", "mistral"},
    {"fixed on the other side", "fixed: { mcore: { swiglu: true } }\n", 1, R"({"swiglu": false})", "{}", "true",
     "swiglu"},
    {"an option's value", "options: { version: [3.0, 1.0] }\n", 1, R"({"version": 1.5})", "{}", "version", "3.0, 1.0"},
    {"an option's type", "options: { round: 128 }\n", 0, "{}", R"({"round": "many"})", "round", "integer"},
    {"an enum's rest", "config: { act: { name: fused, is: { gelu: false } } }\n", 1, R"({"fused": true})", "{}",
     "name: fused, is: { gelu: false", "fused"},
    {"an enum's rest, there", "config: { act: { name: fused, is: { gelu: false } } }\n", 0, R"({"act": "relu"})", "{}",
     "name: fused, is: { gelu: false", "relu"},
    {"not of no bool", "config: { tie: not untie }\n", 1, R"({"untie": 3})", "{}", "not untie", "untie"},
    {"`from` without its key", "config: { n: { to: m = n, from: 2 * m } }\n", 1, "{}", "{}", "m", "m"},
    {"a default without its key", "config: { n: n, d: d }\ndefaults: { d: n // 2 }\n", 0, "{}", "{}", "n", "n"},
    {"a let",
     "config: { n: n }\nlet: { half: 4 // n }\naxes: { h: 'len([half])' }\nblocks: { b: { w: { hf: w  h, mcore: w  h } "
     "} }\n"
     "model: [{ use: b }]\n",
     0, R"({"n": 0})", "{}", "4 // n", "zero"},
    {"an unknown setting", "config: { hidden_size: h }\n", 0, "{}", R"({"hiden_size": 3})", "", "hidden_size"},
    {"a line that lies", "config: { step: { to: \"freq = [0] * 2 + [1] * step\", from: \"1\" } }\n", 0,
     R"({"step": 2})", "{}", "step", "2 -> 1"},
};

Model bound(const InlineRules& rules, SideId from, const Map& config, Map settings = {}) {
  ConfigRequest request{&rules.set, end_of(from), end_of(1 - from), &config, std::move(settings), true};
  Diagnostics diagnostics;
  auto model = bind(request, diagnostics);
  INFO(render(diagnostics, rules.sources));
  REQUIRE(model);
  return *std::move(model);
}

}  // namespace

TEST_CASE("configurations that are refused, and where") {
  for (const Refusal& test : refusals) {
    CAPTURE(test.what);
    const InlineRules rules(test.sections);
    const Map config = json_map(test.config);
    ConfigRequest request{&rules.set, end_of(test.from), end_of(1 - test.from), &config, json_map(test.settings), true};
    Diagnostics diagnostics;
    if (const auto model = bind(request, diagnostics)) CHECK(!target_config(*model, diagnostics));
    REQUIRE(diagnostics.failed());
    const Diagnostic& first = diagnostics.list().front();
    CHECK(first.id == "B03");
    CHECK(rules.text_at(first.span) == test.at);
    CHECK(first.message.find(test.message) != std::string::npos);
  }
}

TEST_CASE("order of belief: settings, the source, defaults") {
  const InlineRules rules("config: { a: a, b: b, c: c }\ndefaults: { a: 1, b: 1, c: 1 }\noptions: { o: [1, 2, 3] }\n");
  const Map config = json_map(R"({"a": 2, "b": 2, "o": 2})");
  const Map settings = json_map(R"({"a": 3, "o": 3})");
  for (const SideId from : {SideId{0}, SideId{1}}) {
    const Model model = bound(rules, from, config, settings);
    check_has(model.config, json_map(R"({"a": 3, "b": 2, "c": 1})"));
    check_has(model.options, json_map(R"({"o": 3})"));
    CHECK(model.defaulted == std::vector<std::string>{"c"});
  }
}

TEST_CASE("options: from a non-canonical source of the same name, else the first") {
  const InlineRules rules("options: { version: [3.0, 1.0], round: 128 }\n");
  const Map config = json_map(R"({"version": 1, "round": 64})");
  check_has(bound(rules, 1, config).options, json_map(R"({"version": 1.0, "round": 64})"));
  CHECK(*bound(rules, 1, config).options.find("version") == Value(1.0));
  check_has(bound(rules, 0, config).options, json_map(R"({"version": 3.0, "round": 128})"));
}

TEST_CASE("what is set need not be in the source, not even for a line that would read it") {
  const InlineRules rules("config: { n: { to: m = n, from: 2 * m } }\n");
  check_has(bound(rules, 1, {}, json_map(R"({"n": 7})")).config, json_map(R"({"n": 7})"));
}

TEST_CASE("a default comes after those that it speaks of, whatever their order") {
  const InlineRules rules("config: { a: a, b: b, c: c }\ndefaults: { a: b + 1, b: (c or 10) * 2, c: none }\n");
  const Model model = bound(rules, 0, {});
  check_has(model.config, json_map(R"({"a": 21, "b": 20, "c": null})"));
  CHECK(model.defaulted == std::vector<std::string>{"b", "a"});
}

TEST_CASE("notes that hold are told; one without a value does not hold") {
  const InlineRules rules(
      "config: { clip: clip, third: third }\nnotes: { clip != none: not clamped, third > 2: never told }\n");
  CHECK(bound(rules, 0, json_map(R"({"clip": 8})")).notes == std::vector<std::string>{"not clamped"});
}

TEST_CASE("keys that nothing speaks of are told") {
  const InlineRules rules(
      "match: { model_type: t }\nconfig: { a.b: x, n: { to: y = n, from: y or z } }\ndefaults: { silent: none }\n"
      "fixed: { mcore: { f: 1 } }\nderived: { mcore: { d.e: 2 } }\n");
  CHECK(bound(rules, 0,
              json_map(R"({"model_type": "t", "a": {"b": 1, "c": 2}, "silent": 3, "n": 1, "more": {}, "q": 1})"))
            .dropped_keys == std::vector<std::string>{"a.c", "q"});
  CHECK(bound(rules, 1, json_map(R"({"x": 1, "y": 2, "z": 3, "f": 1, "d": {"e": 4}, "lr": 0.1})")).dropped_keys ==
        std::vector<std::string>{"lr"});
}

TEST_CASE("a key in two spellings must say one thing") {
  const InlineRules rules("config: { theta: base }\n",
                          {"dialect: v5\nside: hf\nwhat: newer\nconfig: { theta: rope.theta }\n"});
  check_has(bound(rules, 0, json_map(R"({"theta": 5, "rope": {"theta": 5.0}})")).config,
            json_map(R"({"theta": 5, "rope": null})"));
  const Map both = json_map(R"({"theta": 5, "rope": {"theta": 6}})");
  ConfigRequest request{&rules.set, end_of(0), end_of(1), &both, {}, true};
  Diagnostics diagnostics;
  CHECK(!bind(request, diagnostics));
  CHECK(diagnostics.list().front().id == "B03");
  CHECK(rules.text_at(diagnostics.list().front().span) == "rope.theta");
}

TEST_CASE("one end as expressions see it") {
  const InlineRules rules(
      "config: { n: n }\nlet: { twice: 2 * n }\noptions: { o: 5 }\naxes: { h: 'twice + o', i: n }\n"
      "blocks: { b: { w: { hf: w  h i, mcore: w  h i } } }\nmodel: [{ use: b }]\n",
      {"dialect: legacy\nside: mcore\nwhat: old\nrename: { w: v }\n"});
  const Model model = bound(rules, 0, json_map(R"({"n": 3})"));
  const EndSpec end = end_of(1, {"legacy"}, {2, 3, 4, 5, 6});
  EndScope at(model, end);
  const auto value = [&](const char* name) {
    const Value* found = at.scope()(name);
    return found ? show(*found) : "absent";
  };
  for (const auto& [name, wanted] : std::map<const char*, const char*>{{"tp", "2"},
                                                                       {"pp", "3"},
                                                                       {"vpp", "4"},
                                                                       {"ep", "5"},
                                                                       {"etp", "6"},
                                                                       {"n", "3"},
                                                                       {"twice", "6"},
                                                                       {"o", "5"},
                                                                       {"legacy", "true"},
                                                                       {"i", "absent"}})
    CHECK(value(name) == wanted);
  at.set("i", 1);
  CHECK(value("i") == "1");
  at.unset("i");
  CHECK(value("i") == "absent");
  CHECK(show(*EndScope(model, end_of(1)).scope()("legacy")) == "false");
  CHECK(EndScope(model, end_of(0)).scope()("legacy") == nullptr);
}

TEST_CASE("places and stages") {
  EndSpec end = end_of(1, {}, {2, 2, 1, 1, 1});
  CHECK(places_of(end) == std::vector<Coordinates>{{0, 0, 0, 0, 0}, {0, 1, 0, 0, 0}, {1, 0, 0, 0, 0}, {1, 1, 0, 0, 0}});
  end.places = {{1, 1, 0, 0, 0}};
  CHECK(places_of(end) == end.places);
  CHECK(stage_of({0, 1, 2, 0, 0}, {1, 4, 3, 1, 1}) == 9);
  CHECK(consecutive_table({2, 0, 3}) == std::vector<std::vector<int64_t>>{{0, 1}, {}, {2, 3, 4}});
}
