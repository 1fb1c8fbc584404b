// Each box gets its fewest axes; boxes of one pair of tensors that continue each other on both ends become one.
#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "base/number_hash.h"
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

// Each box is merged once, and equal boxes become one; likewise what two of them are joined. A plan has many moves and
// few boxes.
class Boxes {
 public:
  const Shared<Box>& merged(const Shared<Box>& box) {
    const auto known = merged_.find(&*box);
    if (known != merged_.end()) return known->second.second;
    return merged_.emplace(&*box, std::pair(box, one_of(merge(*box)))).first->second.second;
  }
  // nullptr: they do not continue each other.
  const Shared<Box>* joined(const Shared<Box>& a, const Shared<Box>& b) {
    const auto [at, added] = joined_.try_emplace({&*a, &*b});
    if (!added) return at->second ? &*at->second : nullptr;
    Box longer = run_of(*a);
    if (!join(longer, run_of(*b))) return nullptr;
    return &at->second.emplace(one_of(std::move(longer)));
  }

 private:
  struct Hash {
    size_t operator()(const Box* box) const {
      size_t hash = box->shape.size();
      for (const auto* numbers : {&box->shape, &box->from.strides, &box->to.strides})
        for (const int64_t number : *numbers) hash = hash_with(hash, number);
      return hash_with(hash_with(hash, box->from.offset), box->to.offset);
    }
  };
  struct Same {
    bool operator()(const Box* a, const Box* b) const { return *a == *b; }
  };
  Shared<Box> one_of(Box box) {
    const auto known = all_.find(&box);
    if (known != all_.end()) return known->second;
    const Shared<Box> added(std::move(box));
    return all_.emplace(&*added, added).first->second;
  }

  std::unordered_map<const Box*, Shared<Box>, Hash, Same> all_;
  std::unordered_map<const Box*, std::pair<Shared<Box>, Shared<Box>>>
      merged_;  // holds the first, so that its address stays its own
  std::map<std::pair<const Box*, const Box*>, std::optional<Shared<Box>>> joined_;  // of boxes in all_
};

auto pair_key(const Move& move) {
  return std::tuple(move.to, move.from, move.op, move.program, move.fill, move.pad, move.why);
}

bool joinable(const Graph& graph, const Move& move) { return move.fill == none_id || !graph.fills[move.fill].at; }

// One pass over moves sorted by key and offset; true if any two became one.
bool join_neighbours(const Graph& graph, std::vector<Move>& moves, Boxes& boxes) {
  size_t kept = 0;
  for (size_t i = 1; i < moves.size(); ++i) {
    Move& last = moves[kept];
    const bool alike = pair_key(last) == pair_key(moves[i]) && joinable(graph, last);
    if (const Shared<Box>* longer = alike ? boxes.joined(last.box, moves[i].box) : nullptr)
      last.box = *longer;
    else if (++kept != i)
      moves[kept] = std::move(moves[i]);
  }
  const bool joined = !moves.empty() && kept + 1 < moves.size();
  if (joined) moves.erase(moves.begin() + static_cast<std::ptrdiff_t>(kept) + 1, moves.end());
  return joined;
}

}  // namespace

void merge(Graph& graph) {
  Boxes boxes;
  for (Move& move : graph.moves)
    if (joinable(graph, move)) move.box = boxes.merged(move.box);
  std::ranges::stable_sort(graph.moves, [](const Move& a, const Move& b) {
    const auto key_a = pair_key(a), key_b = pair_key(b);
    if (key_a != key_b) return key_a < key_b;
    return std::pair(a.box->to.offset, a.box->from.offset) < std::pair(b.box->to.offset, b.box->from.offset);
  });
  while (join_neighbours(graph, graph.moves, boxes)) {
  }
}

}  // namespace tessera
