// Outputs that share sources, with the comparisons of those sources: done by one worker, one after another.
#pragma once
#include <numeric>
#include <vector>

#include "plan/graph.h"
#include "store/checkpoint.h"

namespace tessera {

// Which of n things belong together.
class UnionFind {
 public:
  explicit UnionFind(size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), 0u); }
  uint32_t find(uint32_t x) {
    while (parent_[x] != x) x = parent_[x] = parent_[parent_[x]];
    return x;
  }
  void join(uint32_t a, uint32_t b) { parent_[find(a)] = find(b); }

 private:
  std::vector<uint32_t> parent_;
};

struct Group {
  std::vector<TensorId> outputs;
  std::vector<std::vector<uint32_t>> moves;  // of each output: indices into Graph::moves
  std::vector<uint32_t> compares;
};

// In the order of their sources on disk, so that reading is sequential. Outputs whose index is set in `done` are left
// out.
std::vector<Group> group_moves(const Graph& graph, const Contents& contents, const std::vector<bool>& done = {});
bool is_done(const std::vector<bool>& done, const Tensor& output);

}  // namespace tessera
