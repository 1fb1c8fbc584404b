// Each box gets its fewest axes; boxes of one pair of tensors that continue each other on both ends become one.
#include <algorithm>
#include <numeric>
#include <tuple>

#include "plan/plan.h"

namespace tessera {
namespace {

// Does b continue a along `axis`?
bool continues(const Box& a, const Box& b, size_t axis) {
  for (size_t i = 0; i < a.shape.size(); ++i)
    if (i != axis && a.shape[i] != b.shape[i]) return false;
  return b.from.offset - a.from.offset == a.shape[axis] * a.from.strides[axis] &&
         b.to.offset - a.to.offset == a.shape[axis] * a.to.strides[axis];
}

bool join(Box& a, const Box& b) {
  if (a.shape.size() != b.shape.size() || a.from.strides != b.from.strides || a.to.strides != b.to.strides)
    return false;
  for (size_t axis = 0; axis < a.shape.size(); ++axis)
    if (continues(a, b, axis)) {
      a.shape[axis] += b.shape[axis];
      a = merge(a);
      return true;
    }
  return false;
}

// A single element as a run of one, so that it can be continued.
Box run_of(Box box) {
  if (!box.shape.empty()) return box;
  return {{1}, {box.from.offset, {1}}, {box.to.offset, {1}}};
}

auto pair_key(const Move& move) {
  return std::tuple(move.to, move.from, move.op, move.program, move.fill, move.pad, move.why);
}

bool joinable(const Graph& graph, const Move& move) { return move.fill == none_id || !graph.fills[move.fill].at; }

// One pass over moves sorted by key and offset; true if any two became one.
bool join_neighbours(const Graph& graph, std::vector<Move>& moves) {
  size_t kept = 0;
  for (size_t i = 1; i < moves.size(); ++i) {
    Move& last = moves[kept];
    Box longer = run_of(last.box);
    if (pair_key(last) == pair_key(moves[i]) && joinable(graph, last) && join(longer, run_of(moves[i].box)))
      last.box = std::move(longer);
    else if (++kept != i)
      moves[kept] = std::move(moves[i]);
  }
  const bool joined = !moves.empty() && kept + 1 < moves.size();
  if (joined) moves.resize(kept + 1);
  return joined;
}

}  // namespace

void merge(Graph& graph) {
  for (Move& move : graph.moves)
    if (joinable(graph, move)) move.box = merge(move.box);
  std::ranges::stable_sort(graph.moves, [](const Move& a, const Move& b) {
    const auto key_a = pair_key(a), key_b = pair_key(b);
    if (key_a != key_b) return key_a < key_b;
    return std::pair(a.box.to.offset, a.box.from.offset) < std::pair(b.box.to.offset, b.box.from.offset);
  });
  while (join_neighbours(graph, graph.moves)) {
  }
}

}  // namespace tessera
