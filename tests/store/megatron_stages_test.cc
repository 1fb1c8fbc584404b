// Layers of stages: what names say, what arguments say, and what is said of them.
#include "store/megatron_stages.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "store/megatron_dir.h"

namespace tessera {
namespace {

using Counts = std::vector<int64_t>;

Mesh stages(int32_t pp, int32_t vpp = 1) { return {1, pp, vpp, 1, 1}; }

Map args(std::initializer_list<std::pair<const char*, Value>> entries) {
  Map map;
  for (const auto& [key, value] : entries) map[key] = value;
  return map;
}

Counts said(std::initializer_list<std::pair<const char*, Value>> entries, const Mesh& mesh) {
  return said_stages(args(entries), mesh).value_or(Counts{-1});
}

// A checkpoint with these names in its stages.
Contents holding(const std::vector<std::vector<const char*>>& names) {
  Contents contents;
  contents.mesh = stages(static_cast<int32_t>(names.size()));
  contents.places = megatron_places(contents.mesh);
  for (uint32_t place = 0; place < names.size(); ++place)
    for (const char* name : names[place]) contents.tensors.push_back({name, DType::f32, {1}, place, {}});
  return contents;
}

}  // namespace

TEST_CASE("arguments for the ends, and equal shares between") {
  CHECK(said({{"num_layers", 8}}, stages(4)) == Counts{2, 2, 2, 2});
  CHECK(said({{"num_layers", 8}, {"decoder_first_pipeline_num_layers", 1}, {"decoder_last_pipeline_num_layers", 3}},
             stages(4)) == Counts{1, 2, 2, 3});
  CHECK(said({{"num_layers", 8}, {"decoder_last_pipeline_num_layers", 2}}, stages(3)) == Counts{3, 3, 2});
  CHECK(said({{"num_layers", 8}, {"decoder_first_pipeline_num_layers", 3}}, stages(3)) == Counts{-1});
  CHECK(said({{"num_layers", 8}}, stages(3)) == Counts{-1});
}

TEST_CASE("embedding and loss that count as layers") {
  CHECK(said({{"num_layers", 6},
              {"account_for_embedding_in_pipeline_split", true},
              {"account_for_loss_in_pipeline_split", true}},
             stages(4)) == Counts{1, 2, 2, 1});
  CHECK(said({{"num_layers", 7}, {"account_for_loss_in_pipeline_split", true}}, stages(4)) == Counts{2, 2, 2, 1});
}

TEST_CASE("layouts") {
  const auto layout = [](const char* text, int32_t pp, int32_t vpp = 1) {
    return said({{"pipeline_model_parallel_layout", text}}, stages(pp, vpp));
  };
  CHECK(layout("Ettt|tt|tL", 3) == Counts{3, 2, 1});
  CHECK(layout("Et*3|(tt|)*2,m|L", 5) == Counts{3, 2, 2, 0, 0});  // megatron-core's own parser says so too
  CHECK(layout("(t|)*3", 2, 2) == Counts{1, 1, 1, 0});
  CHECK(layout("Et|t*2||tL", 2, 2) == Counts{1, 2, 0, 1});
  CHECK(layout("Et|tL", 3) == Counts{-1});
  CHECK(layout("Ex|tL", 2) == Counts{-1});
  CHECK(layout("Et*999999999|tL", 2) == Counts{-1});
  CHECK(layout("((t|)*2|)*2", 4) == Counts{-1});
}

TEST_CASE("layers are counted by name, and what stands behind them is told of the last stage") {
  Contents contents = holding({{"embedding.w", "decoder.layers.0.a", "decoder.layers.1.a"},
                               {"decoder.layers.0.a", "decoder.final_layernorm.w"},
                               {"mtp.layers.0.a", "embedding.w"},
                               {"output_layer.w"}});
  settle_stages(contents);
  CHECK(contents.stages == Counts{2, 1, 0, 0});
  std::vector<uint32_t> places;
  for (const TensorInfo& tensor : contents.tensors) places.push_back(tensor.place);
  CHECK(places == std::vector<uint32_t>{0, 0, 0, 1, 3, 3, 3, 3});
}

TEST_CASE("numbers that are left out say nothing; two stacks of layers neither") {
  Contents gap = holding({{"decoder.layers.1.a"}, {"decoder.layers.0.a"}});
  settle_stages(gap);
  CHECK(gap.stages.empty());
  Contents two = holding({{"encoder.layers.0.a"}, {"decoder.layers.0.a"}});
  settle_stages(two);
  CHECK(two.stages.empty());
}

TEST_CASE("arguments that say otherwise are refused") {
  Contents contents = holding({{"decoder.layers.0.a"}, {"decoder.layers.0.a", "decoder.layers.1.a"}});
  contents.config = args({{"num_layers", 3}, {"decoder_first_pipeline_num_layers", 2}});
  CHECK_THROWS_WITH_AS(settle_stages(contents), doctest::Contains("stage 0 holds 2 layers, in the files it holds 1"),
                       Error);
}

TEST_CASE("what is said of them is read again") {
  const auto told = [](const Counts& counts, const Mesh& mesh) {
    Map map = args(
        {{"num_layers", 12}, {"account_for_loss_in_pipeline_split", true}, {"decoder_first_pipeline_num_layers", 7}});
    say_stages(map, counts, mesh);
    return said_stages(map, mesh).value_or(Counts{-1});
  };
  for (const Counts& counts :
       {Counts{3, 3, 3, 3}, Counts{1, 4, 4, 3}, Counts{1, 2, 4, 5}, Counts{0, 6, 6, 0}, Counts{12, 0, 0, 0}})
    CHECK(told(counts, stages(4)) == counts);
  CHECK(told({1, 5, 4, 2}, stages(2, 2)) == Counts{1, 5, 4, 2});
  Map even = args({{"num_layers", 12}, {"pipeline_model_parallel_layout", "Et|tL"}});
  say_stages(even, {}, stages(2, 2));
  CHECK(even.find("pipeline_model_parallel_layout")->is_none());
  CHECK(*even.find("num_layers_per_virtual_pipeline_stage") == Value(3));
}

TEST_CASE("with multi-token prediction the last stage wants a layer") {
  Map map = args({{"num_layers", 4}, {"mtp_num_layers", 1}});
  CHECK_THROWS_WITH_AS(say_stages(map, {2, 2, 0}, stages(3)), doctest::Contains("the last stage wants one"), Error);
}

}  // namespace tessera
