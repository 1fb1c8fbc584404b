// The graph is carried out: bounded memory, one owner for each output tensor, no locks on data.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "base/diagnostic.h"
#include "plan/graph.h"
#include "run/kernel.h"
#include "store/checkpoint.h"

namespace tessera {

struct RunOptions {
  uint64_t memory = uint64_t{256} << 20;  // budget for buffers
  int threads = 0;                        // 0: as threads.h says
  bool direct = false;  // tiles lie in memory as in their files, for writers that go past the page cache
  std::function<std::unique_ptr<Kernel>()> kernel = [] { return native_kernel(); };
  std::function<void(uint64_t done, uint64_t total)> progress;  // bytes of output; called from one thread at a time
  std::function<bool()> interrupted;                            // polled between tiles
  std::vector<bool> done = {};  // outputs, by index into OutputSpec::tensors, that stand already and are not made again
};

struct RunResult {
  uint64_t bytes_read = 0, bytes_written = 0;
  uint64_t kept = 0;      // outputs that stood already
  uint64_t compared = 0;  // elements of replicas, copies, constants
  CastLoss loss;
  std::vector<std::pair<TensorId, uint64_t>>
      overflowed;  // outputs with values that became infinite, and how many: the first 20
  bool interrupted = false;
};

// Throws Error(world) for I/O; X01 (unequal replicas, copies, constants) goes to `diagnostics`, and the run stops
// there.
RunResult execute(const Graph& graph, const Reader& reader, Writer& writer, const RunOptions& options,
                  const Sources& sources, Diagnostics& diagnostics);

}  // namespace tessera
