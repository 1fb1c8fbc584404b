// A checkpoint's names against those of a model: companions, encodings, ignored names, places, shapes.
#include "inline_rules.h"
#include "plan/fit.h"
#include "plan/kinds.h"

using namespace tessera;

namespace {

const char* const sections = R"(
axes: { f: { size: 4, split: tp }, h: 32, rank: 2 }
blocks:
  b:
    fc: { hf: fc.weight  f h, mcore: linear.weight  f h, in: h }
    norm: { hf: norm.weight  h, mcore: norm.weight  h }
model: [{ use: b }]
same:
  - { of: b.norm, hf: copy.weight, optional: true }
ignore: { hf: { mask.<l>: a constant } }
companions:
  exp_avg: { hf: exp_avg.<name>, mcore: exp_avg.<name> }
  lora_A: { hf: <stem>.lora_A.weight, mcore: <stem>.adapter.linear_in.weight }
encodings:
  fp8: { kind: fp8_block, block: [2, 2], on: { hf: <name>_scale_inv }, write: never }
  mxfp4: { kind: mxfp4, on: { hf: [<name>_blocks, <name>_scales] }, write: never }
)";

struct Case {
  std::string what;
  std::vector<std::pair<std::string, Extents>> tensors;
  size_t mapped, ignored, unmapped, missing, misshaped;
  std::string first;
};

const std::vector<Case> cases = {
    {"all there", {{"fc.weight", {4, 32}}, {"norm.weight", {32}}}, 2, 0, 0, 0, 0, ""},
    {"an optional copy", {{"fc.weight", {4, 32}}, {"norm.weight", {32}}, {"copy.weight", {32}}}, 3, 0, 0, 0, 0, ""},
    {"one ignored, one not",
     {{"fc.weight", {4, 32}}, {"norm.weight", {32}}, {"mask.3", {1}}, {"mask.x", {1}}},
     2,
     1,
     1,
     0,
     0,
     "`mask.x` is mapped by no rule"},
    {"one missing", {{"fc.weight", {4, 32}}}, 1, 0, 0, 1, 0, "`norm.weight` is missing"},
    {"one of another shape",
     {{"fc.weight", {32, 4}}, {"norm.weight", {32}}},
     1,
     0,
     0,
     0,
     1,
     "`fc.weight` has shape [32, 4], not [4, 32]"},
    {"moments", {{"exp_avg.norm.weight", {32}}, {"exp_avg.fc.weight", {4, 32}}}, 2, 0, 0, 0, 0, ""},
    {"a moment is missing",
     {{"fc.weight", {4, 32}}, {"norm.weight", {32}}, {"exp_avg.fc.weight", {4, 32}}},
     3,
     0,
     0,
     1,
     0,
     "`exp_avg.norm.weight` is missing"},
    {"an adapter alone", {{"fc.lora_A.weight", {2, 32}}}, 1, 0, 0, 0, 0, ""},
    {"scales beside the weight",
     {{"fc.weight", {4, 32}}, {"fc.weight_scale_inv", {2, 16}}, {"norm.weight", {32}}},
     3,
     0,
     0,
     0,
     0,
     ""},
    {"fields for the weight",
     {{"fc.weight_blocks", {4, 1, 16}}, {"fc.weight_scales", {4, 1}}, {"norm.weight", {32}}},
     3,
     0,
     0,
     0,
     0,
     ""},
    {"a field is lacking",
     {{"fc.weight_blocks", {4, 1, 16}}, {"norm.weight", {32}}},
     1,
     0,
     1,
     1,
     0,
     "`fc.weight` is missing"},
};

}  // namespace

TEST_CASE("how well names fit") {
  const InlineRules rules(sections);
  for (const Case& test : cases) {
    CAPTURE(test.what);
    Contents source;
    source.places = {{}};
    for (const auto& [name, shape] : test.tensors) source.tensors.push_back({name, DType::f32, shape, 0, {}});
    RuleSet set = rules.set;
    Diagnostics diagnostics;
    carry_kinds(set, kinds_of(set.file, 0, source), diagnostics);
    ConfigRequest request{&set, end_of(0), end_of(1), nullptr, {}, true};
    const auto model = bind(request, diagnostics);
    REQUIRE(model);
    const auto declared = declared_tensors(*model, model->from, diagnostics);
    REQUIRE(declared);
    const Fit fit = measure_fit(*model, *declared, source);
    CHECK(fit.names == test.tensors.size());
    CHECK(fit.mapped == test.mapped);
    CHECK(fit.ignored == test.ignored);
    CHECK(fit.unmapped == test.unmapped);
    CHECK(fit.missing == test.missing);
    CHECK(fit.misshaped == test.misshaped);
    CHECK(fit.first == test.first);
  }
}

TEST_CASE("each place holds its own names, in whatever order the source lists its places") {
  const InlineRules rules(sections);
  ConfigRequest request{&rules.set, end_of(1, {}, {2, 1, 1, 1, 1}), end_of(0), nullptr, {}, true};
  Diagnostics diagnostics;
  const auto model = bind(request, diagnostics);
  REQUIRE(model);
  const auto declared = declared_tensors(*model, model->from, diagnostics);
  REQUIRE(declared);
  Contents source;
  source.places = {{{1, 0, 0, 0, 0}, ""}, {{0, 0, 0, 0, 0}, ""}, {{2, 0, 0, 0, 0}, ""}};
  for (const uint32_t place : {0u, 1u}) {
    source.tensors.push_back({"linear.weight", DType::f32, {2, 32}, place, {}});
    source.tensors.push_back({"norm.weight", DType::f32, {32}, place, {}});
  }
  CHECK(measure_fit(*model, *declared, source).mapped == 4);
  source.tensors.pop_back();
  source.tensors.push_back({"norm.weight", DType::f32, {32}, 2, {}});
  const Fit fit = measure_fit(*model, *declared, source);
  CHECK(fit.mapped == 3);
  CHECK(fit.missing == 1);
  CHECK(fit.unmapped == 1);
}
