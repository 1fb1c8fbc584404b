// What one thread of the executor does: whole output tensors, tile by tile, and comparisons.
#pragma once
#include <atomic>
#include <mutex>

#include "run/executor.h"
#include "run/windows.h"

namespace tessera {

// Outputs that share sources, with the comparisons of those sources: done by one worker, one after another.
struct Group {
  std::vector<TensorId> outputs;
  std::vector<std::vector<uint32_t>> moves;  // of each output: indices into Graph::moves
  std::vector<uint32_t> compares;
};

// What all workers share.
struct Shared {
  const Graph& graph;
  const Reader& reader;
  Writer& writer;
  const RunOptions& options;
  const Sources& sources;
  Diagnostics& diagnostics;
  Verified& verified;
  uint64_t total = 0;
  std::mutex mutex;  // diagnostics, progress
  std::atomic<uint64_t> written{0};
  std::atomic<bool> stop{false};
};

class Worker {
 public:
  Worker(Shared& shared, uint64_t memory);
  void run(const Group& group);
  RunResult result;  // bytes, comparisons and losses of this worker

 private:
  void write_output(TensorId output, const std::vector<uint32_t>& moves);
  void fill_tile(const Move& move, int64_t first, int64_t count);
  void copy_piece(const Move& move, const Box& piece);
  void fill_piece(const Move& move, const Box& piece, const Window& window);
  void compare(const Move& move);
  void compare_piece(const Move& move, const Box& piece, const Window& window);
  void report_difference(const Move& move, int64_t from_element, int64_t to_element);
  void advance(uint64_t bytes);

  Shared& shared_;
  SourceWindows windows_;
  std::unique_ptr<Kernel> kernel_;
  uint64_t tile_bytes_;
  std::vector<std::byte> tile_, expected_;
  CastLoss loss_;  // of the output in work
};

}  // namespace tessera
