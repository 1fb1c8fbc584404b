// cover, merge and order on graphs written by hand.
#include <doctest/doctest.h>

#include "plan/folded.h"
#include "plan/plan.h"
#include "plan/values.h"

namespace tessera {
namespace {

// Two sources of 8 elements, one output of 8.
Graph small_graph() {
  Graph graph;
  graph.tensors = {{"a", DType::f32, Extents{8}, 0, false, 0, {}},
                   {"b", DType::f32, Extents{8}, 0, false, 1, {}},
                   {"o", DType::f32, Extents{2, 4}, 0, true, 0, {}}};
  return graph;
}
Move copy(TensorId from, Box box) { return {Op::copy, from, 2, std::move(box), none_id, none_id, false, 0, {}}; }
RuleSet one_rule() {
  RuleSet rules;
  rules.rules.resize(1);
  rules.rules[0].name = "b.w";
  return rules;
}
std::string proof(Graph& graph) {
  Diagnostics diagnostics;
  const bool good = cover(graph, one_rule(), diagnostics);
  CHECK(good == !diagnostics.failed());
  return good ? "" : diagnostics.list().front().message;
}

TEST_CASE("cover: each output element once, each source element at least once") {
  Graph graph = small_graph();
  graph.tensors.erase(graph.tensors.begin() + 1);
  const auto move = [](Box box) { return Move{Op::copy, 0, 1, std::move(box), none_id, none_id, false, 0, {}}; };
  graph.moves = {move({{4}, {0, {1}}, {0, {2}}}), move({{4}, {4, {1}}, {1, {2}}})};
  CHECK(proof(graph) == "");
  graph.moves[1] = move({{4}, {4, {1}}, {0, {2}}});
  CHECK(proof(graph) == "element [0, 0] of `o` is filled twice, by `b.w` and by `b.w`");
  graph.moves.pop_back();
  CHECK(proof(graph) == "element [0, 1] of `o` [2, 4] is filled by nothing");
  graph.moves = {move({{8}, {0, {0}}, {0, {1}}})};
  CHECK(proof(graph) == "element [1] of `a` [8] is read by nothing");
  graph.omissions = {{Omission::Kind::pad, 0, {{7}, {1, {1}}}, 0}};
  CHECK(proof(graph) == "");
}

TEST_CASE("cover: readers of a source may overlap, as long as nothing is left") {
  Graph graph = small_graph();
  graph.tensors.erase(graph.tensors.begin() + 1);
  graph.tensors.push_back({"p", DType::f32, Extents{5}, 0, true, 1, {}});
  graph.tensors.push_back({"q", DType::f32, Extents{5}, 0, true, 2, {}});
  graph.tensors.erase(graph.tensors.begin() + 1);
  const auto move = [](TensorId to, int64_t from) {
    return Move{Op::copy, 0, to, Box{{5}, {from, {1}}, {0, {1}}}, none_id, none_id, false, 0, {}};
  };
  graph.moves = {move(1, 0), move(2, 3)};
  CHECK(proof(graph) == "");
  graph.moves[1] = move(2, 2);
  CHECK(proof(graph) == "not every element of `a` is read");
}

TEST_CASE("merge: boxes that continue each other on both ends become one") {
  Graph graph = small_graph();
  graph.moves = {copy(0, {{2, 2}, {2, {4, 1}}, {2, {4, 1}}}), copy(0, {{2, 2}, {0, {4, 1}}, {0, {4, 1}}})};
  merge(graph);
  REQUIRE(graph.moves.size() == 1);
  CHECK(graph.moves[0].box == Box{{8}, {0, {1}}, {0, {1}}});
  graph.moves = {copy(0, {{}, {0, {}}, {0, {}}}), copy(0, {{}, {1, {}}, {1, {}}}), copy(0, {{}, {5, {}}, {2, {}}})};
  merge(graph);
  REQUIRE(graph.moves.size() == 2);
  CHECK(graph.moves[0].box == Box{{2}, {0, {1}}, {0, {1}}});
}

TEST_CASE("merge: other tensors, programs and values by index keep boxes apart") {
  Graph graph = small_graph();
  graph.moves = {copy(0, {{4}, {0, {1}}, {0, {1}}}), copy(1, {{4}, {4, {1}}, {4, {1}}})};
  merge(graph);
  CHECK(graph.moves.size() == 2);
  FillValue indexed;
  indexed.at = [](const std::vector<int64_t>& i) { return static_cast<double>(i[0]); };
  graph.fills = {indexed};
  graph.moves = {{Op::fill, none_id, 2, Box{{2, 2}, {0, {0, 0}}, {0, {2, 1}}}, none_id, 0, false, 0, {}},
                 {Op::fill, none_id, 2, Box{{2, 2}, {0, {0, 0}}, {4, {2, 1}}}, none_id, 0, false, 0, {}}};
  merge(graph);
  REQUIRE(graph.moves.size() == 2);
  CHECK(graph.moves[0].box->shape == Extents{2, 2});
}

TEST_CASE("order: front to back, comparisons behind the output that reads the same") {
  Graph graph = small_graph();
  graph.moves = {{Op::compare, 1, 0, Box{{8}, {0, {1}}, {0, {1}}}, none_id, none_id, false, 0, {}},
                 copy(0, {{4}, {4, {1}}, {4, {1}}}),
                 copy(0, {{4}, {0, {1}}, {0, {1}}})};
  order(graph, {});
  CHECK(graph.moves[0].box->to.offset == 0);
  CHECK(graph.moves[1].box->to.offset == 4);
  CHECK(graph.moves[2].op == Op::compare);
}

TEST_CASE("programs: undone from the last step, applied from the first, without what cancels") {
  using Kind = ScalarStep::Kind;
  const Program scaled = {{Kind::plus, 1}, {Kind::times, 3}};
  CHECK(between({}, scaled) == scaled);
  CHECK(between(scaled, {}) == Program{{Kind::divide, 3}, {Kind::plus, -1}});
  CHECK(between(scaled, scaled).empty());
  CHECK(between(scaled, {{Kind::plus, 1}, {Kind::times, 4}}) == Program{{Kind::divide, 3}, {Kind::times, 4}});
  CHECK(between({{Kind::neg_exp, 0}}, {}) == Program{{Kind::log_neg, 0}});
  CHECK(run_program(scaled, 2) == 9);
  CHECK(is_exact({Kind::times, 0.25}));
  CHECK(is_exact({Kind::divide, -8}));
  CHECK(!is_exact({Kind::times, 3}));
  CHECK(!is_exact({Kind::plus, 1}));
}

TEST_CASE("names that differ in numbers alone are told as one") {
  const auto folded = fold_names({"a.0.w", "a.2.w", "b.w", "a.1.w", "a.1.2", "a.007"});
  REQUIRE(folded.size() == 4);
  CHECK(folded[0].text == "a.<0..2>.w");
  CHECK(folded[0].count == 3);
  CHECK(folded[1].text == "b.w");
  CHECK(folded[2].text == "a.1.2");
  CHECK(folded[3].text == "a.007");
}

}  // namespace
}  // namespace tessera
