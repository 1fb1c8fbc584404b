// Outputs of two graphs compared, tile by tile: neither is ever there as a whole, and nothing is written.
#pragma once
#include <functional>

#include "run/difference.h"
#include "run/replicas.h"

namespace tessera {

struct CompareEnd {
  const Graph& graph;
  const Reader& reader;
};

// Outputs of the same shape and of comparable dtypes.
struct OutputPair {
  TensorId a = none_id, b = none_id;
};

struct CompareOptions {
  std::optional<double> tolerance;
  uint64_t memory = uint64_t{256} << 20;                        // budget for buffers, of both ends together
  int threads = 0;                                              // 0: cores
  std::function<void(uint64_t done, uint64_t total)> progress;  // bytes of both; from one thread at a time
};

// A replica, copy or constant of one end that is not what it must be.
struct Disagreement {
  uint32_t move = 0;  // index into Graph::moves
  Unequal at;
};

struct CompareResult {
  std::vector<Difference> pairs;                 // as they were given
  std::vector<Disagreement> within_a, within_b;  // in order of the moves
  uint64_t bytes_read = 0, compared = 0;         // compared: elements of replicas, copies and constants
};

// Reads both sources once, as far as the budget allows. Throws Error(world) for I/O.
CompareResult compare_outputs(const CompareEnd& a, const CompareEnd& b, const std::vector<OutputPair>& pairs,
                              const CompareOptions& options);

}  // namespace tessera
