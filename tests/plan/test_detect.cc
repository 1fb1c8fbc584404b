// Dialects: names renamed both ways, and found out from a source's names.
#include "inline_rules.h"
#include "plan/dialects.h"

using namespace tessera;

namespace {

const char* const local = R"(dialect: local
side: mcore
what: norms are modules of their own
rename:
  decoder.<l>.qkv.norm_<p:word>: decoder.<l>.norm.<p:word>
)";
const char* const sequential = R"(dialect: sequential
side: mcore
what: one module for each expert
rename:
  decoder.<l>.experts.weight<e>: decoder.<l>.experts.<e>.weight
)";
const char* const bare = R"(dialect: bare
side: hf
what: without the prefix
rename: { transformer.<r:rest>: <r:rest> }
)";
const char* const other = R"(dialect: other
side: hf
what: another prefix
rename: { transformer.<r:rest>: model.<r:rest> }
)";
const char* const twin = R"(dialect: twin
side: hf
what: the same as bare
rename: { transformer.<r:rest>: <r:rest> }
)";
const char* const legacy = R"(dialect: legacy
side: mcore
what: old names
rename: { decoder.0.experts.<r:rest>: old.<r:rest> }
)";

const char* const model_text = R"(
options: { masks: [absent, present] }
axes: { l: 2, e: 2, h: 3, f: 4 }
blocks:
  top:
    out: { hf: lm_head.weight  f h, mcore: output.weight  f h }
  layer:
    norm: { hf: norm.weight  h, mcore: qkv.norm_weight  h }
    experts: { hf: mlp.<e>.weight  f h, mcore: experts.weight<e>  f h }
    mask: { when: masks == "present", hf: mask  h, mcore: constant(0)  h, dtype: f32 }
model:
  - { use: top }
  - { use: layer, hf: transformer.<l>, mcore: decoder.<l>, for: l in 0..2 }
ignore:
  hf: { transformer.<l>.mask: a constant }
)";

Contents contents(const std::vector<std::pair<std::string, std::vector<int64_t>>>& tensors) {
  Contents source;
  source.places = {{}};
  for (const auto& [name, shape] : tensors) source.tensors.push_back({name, DType::f32, shape, 0, {}});
  return source;
}

// The model's tensors on a side, each name through `spell`.
template <class Spell>
Contents checkpoint(SideId side, bool masks, Spell spell) {
  Contents source = contents({{side ? "output.weight" : "lm_head.weight", {4, 3}}});
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    source.tensors.push_back({spell(name), DType::f32, std::move(shape), 0, {}});
  };
  for (const std::string l : {"0", "1"}) {
    add(side ? "decoder." + l + ".qkv.norm_weight" : "transformer." + l + ".norm.weight", {3});
    for (const std::string e : {"0", "1"})
      add(side ? "decoder." + l + ".experts.weight" + e : "transformer." + l + ".mlp." + e + ".weight", {4, 3});
    if (masks) add("transformer." + l + ".mask", {3});
  }
  return source;
}

struct Found {
  bool ok;
  std::vector<std::string> dialects;
  std::string masks;
  Diagnostics diagnostics;
};

Found detect(const InlineRules& rules, SideId side, const Contents& source) {
  const Map config;
  ConfigRequest request{&rules.set, end_of(side), end_of(1 - side), &config, {}, true};
  Found found;
  found.ok = detect_dialects(request, source, found.diagnostics);
  found.dialects = request.from.dialects;
  if (const Value* masks = request.settings.find("masks")) found.masks = *masks->as_string();
  return found;
}

using Names = std::vector<std::string>;
std::string without_prefix(const std::string& name) { return name.substr(name.find('.') + 1); }

}  // namespace

TEST_CASE("names under dialects, both ways") {
  const InlineRules rules(model_text, {local, sequential, bare});
  const Renamer mcore(rules.set, 1, {"local", "sequential"});
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"decoder.7.qkv.norm_weight", "decoder.7.norm.weight"},
      {"decoder.12.experts.weight3", "decoder.12.experts.3.weight"},
      {"decoder.x.experts.weight3", "decoder.x.experts.weight3"},
      {"output.weight", "output.weight"},
  };
  for (const auto& pair : pairs) {
    const std::string &rule = pair.first, &file = pair.second;
    CAPTURE(rule);
    CHECK(mcore.to_file(rule) == file);
    CHECK(mcore.to_rule(file) == (rule == file ? Names{file} : Names{file, rule}));
  }
  CHECK(mcore.to_rule("decoder.7.qkv.norm_weight").empty());  // nothing is written so
  const Renamer hf(rules.set, 0, {"bare"});
  CHECK(hf.to_file("transformer.0.mask") == "0.mask");
  CHECK(hf.to_rule("lm_head.weight") == Names{"lm_head.weight", "transformer.lm_head.weight"});
  CHECK(Renamer(rules.set, 1, {}).to_file("decoder.7.qkv.norm_weight") == "decoder.7.qkv.norm_weight");
}

TEST_CASE("a dialect that extends another renames what that one has written, and is found with it") {
  const char* const deeper =
      "dialect: deeper\nside: mcore\nwhat: older still\nextends: sequential\n"
      "rename: { decoder.<l>.experts.<e>.weight: decoder.<l>.local.<e>.weight }\n";
  const InlineRules rules(model_text, {deeper, sequential, local});
  const Renamer renamer(rules.set, 1, {"deeper"});
  CHECK(renamer.to_file("decoder.1.experts.weight0") == "decoder.1.local.0.weight");
  CHECK(renamer.to_rule("decoder.1.local.0.weight") ==
        Names{"decoder.1.experts.0.weight", "decoder.1.experts.weight0", "decoder.1.local.0.weight"});
  const Found found = detect(rules, 1, checkpoint(1, false, [&](const std::string& n) { return renamer.to_file(n); }));
  CHECK(found.ok);
  CHECK(found.diagnostics.list().empty());
  CHECK(found.dialects == Names{"deeper", "sequential"});
}

TEST_CASE("dialects in use are known and do not overlap") {
  const InlineRules rules(model_text, {sequential, legacy, bare});
  Diagnostics fine, meeting, unknown;
  CHECK(check_dialects(rules.set, end_of(1, {"sequential"}), fine));
  CHECK(!check_dialects(rules.set, end_of(1, {"legacy", "sequential"}), meeting));
  CHECK(meeting.list().front().id == "R05");
  CHECK(rules.text_at(meeting.list().front().span) == "decoder.0.experts.<r:rest>");
  CHECK(!check_dialects(rules.set, end_of(1, {"sequental"}), unknown));
  CHECK(unknown.list().front().id == "R02");
  CHECK(unknown.list().front().message.find("`sequential`") != std::string::npos);
}

TEST_CASE("dialects are found out from the names") {
  const InlineRules rules(model_text, {local, sequential, bare, other, legacy});
  const auto same = [](const std::string& name) { return name; };
  struct Case {
    std::string what;
    SideId side;
    Contents source;
    Names dialects;
    std::string masks;
  };
  const std::vector<Case> cases = {
      {"as the rules write it", 1, checkpoint(1, false, same), {}, ""},
      {"one",
       1,
       checkpoint(1, false, [&](const std::string& n) { return Renamer(rules.set, 1, {"local"}).to_file(n); }),
       {"local"},
       ""},
      {"two",
       1,
       checkpoint(1, false,
                  [&](const std::string& n) {
                    return Renamer(rules.set, 1, {"local", "sequential"}).to_file(n);
                  }),
       {"local", "sequential"},
       ""},
      {"a name that never had the prefix stays", 0, checkpoint(0, false, without_prefix), {"bare"}, "absent"},
      {"what can be mapped is not ignored", 0, checkpoint(0, true, without_prefix), {"bare"}, "present"},
      {"an open option alone", 0, checkpoint(0, true, same), {}, "present"},
      {"another prefix",
       0,
       checkpoint(0, false, [](const std::string& n) { return "model." + without_prefix(n); }),
       {"other"},
       "absent"},
  };
  for (const Case& test : cases) {
    CAPTURE(test.what);
    const Found found = detect(rules, test.side, test.source);
    INFO(render(found.diagnostics, rules.sources));
    CHECK(found.ok);
    CHECK(found.diagnostics.list().empty());
    CHECK(found.dialects == test.dialects);
    CHECK(found.masks == test.masks);
  }
}

TEST_CASE("where none explains every name, the nearest is taken and all are told") {
  const InlineRules rules(model_text, {local, sequential});
  const Renamer renamer(rules.set, 1, {"local"});
  Contents source = checkpoint(1, false, [&](const std::string& n) { return renamer.to_file(n); });
  source.tensors.push_back({"decoder.0.experts.0.weight", DType::f32, {4, 3}, 0, {}});
  const Found found = detect(rules, 1, source);
  CHECK(found.ok);
  CHECK(found.dialects == Names{"local"});
  REQUIRE(found.diagnostics.list().size() == 1);
  const Diagnostic& told = found.diagnostics.list().front();
  CHECK(told.severity == Severity::warning);
  CHECK(told.help.find("local: 7 of 8 (0 ignored, 1 unmapped, 0 missing, 0 of another shape)") != std::string::npos);
  CHECK(told.help.find("`decoder.0.experts.0.weight` is mapped by no rule") != std::string::npos);
}

TEST_CASE("several that explain all alike are refused") {
  const InlineRules rules(model_text, {bare, twin});
  const Found found = detect(rules, 0, checkpoint(0, false, without_prefix));
  CHECK(!found.ok);
  REQUIRE(found.diagnostics.failed());
  CHECK(found.diagnostics.list().front().help.find("twin, masks = \"absent\": 7 of 7") != std::string::npos);
}
