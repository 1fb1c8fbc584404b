// What one thread of the executor does: whole output tensors, tile by tile, and comparisons.
#pragma once
#include <atomic>
#include <mutex>

#include "run/executor.h"
#include "run/groups.h"
#include "run/tiles.h"

namespace tessera {

// What all workers share.
struct RunState {
  const Graph& graph;
  const Reader& reader;
  Writer& writer;
  const RunOptions& options;
  const Sources& sources;
  Diagnostics& diagnostics;
  CheckedStorages& storages;
  uint64_t total = 0;
  std::mutex mutex;  // diagnostics, progress
  std::atomic<uint64_t> written{0};
  std::atomic<bool> stop{false};
};

class Worker {
 public:
  Worker(RunState& state, uint64_t memory);
  void run(const Group& group);
  RunResult result;  // bytes, comparisons and losses of this worker

 private:
  void write_output(TensorId output, const std::vector<uint32_t>& moves);
  void hand_over(uint32_t tensor, uint64_t at, std::span<const std::byte> tile);
  void compare(const Move& move);
  void advance(uint64_t bytes);

  RunState& state_;
  Tiles tiles_;
  CastLoss loss_;  // of the output in work
};

}  // namespace tessera
