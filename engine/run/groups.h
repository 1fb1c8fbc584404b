// Outputs that share sources, with the comparisons of those sources: done by one worker, one after another.
#pragma once
#include <vector>

#include "plan/graph.h"
#include "store/checkpoint.h"

namespace tessera {

struct Group {
  std::vector<TensorId> outputs;
  std::vector<std::vector<uint32_t>> moves;  // of each output: indices into Graph::moves
  std::vector<uint32_t> compares;
};

// In the order of their sources on disk, so that reading is sequential.
std::vector<Group> group_moves(const Graph& graph, const Contents& contents);

}  // namespace tessera
