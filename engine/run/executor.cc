// Each thread takes the next group of outputs; nothing is read twice while the budget holds the group's sources.
#include "run/executor.h"

#include <algorithm>

#include "run/buffer.h"
#include "run/threads.h"
#include "run/worker.h"

namespace tessera {
namespace {

void add(RunResult& sum, const RunResult& one) {
  sum.bytes_read += one.bytes_read;
  sum.bytes_written += one.bytes_written;
  sum.compared += one.compared;
  sum.loss.rounded += one.loss.rounded;
  sum.loss.overflowed += one.loss.overflowed;
  sum.loss.underflowed += one.loss.underflowed;
  sum.losses.insert(sum.losses.end(), one.losses.begin(), one.losses.end());
  sum.interrupted |= one.interrupted;
}

}  // namespace

RunResult execute(const Graph& graph, const Reader& reader, Writer& writer, const RunOptions& options,
                  const Sources& sources, Diagnostics& diagnostics) {
  const std::vector<Group> groups = group_moves(graph, reader.contents(), options.done);
  CheckedStorages verified(reader.contents());
  Shared shared{graph, reader, writer, options, sources, diagnostics, verified, 0, {}, {}, {}};
  for (const Tensor& t : graph.tensors)
    if (t.output && !is_done(options.done, t)) shared.total += uint64_t(volume(t.shape)) * byte_size(t.dtype);

  const int count = worker_count(options.threads, groups.size());
  const uint64_t memory = affordable(options.memory) / uint64_t(count);
  std::atomic<size_t> next{0};
  RunResult sum;
  run_threads(count, shared.stop, [&] {
    Worker worker(shared, memory);
    for (size_t g = next++; g < groups.size() && !shared.stop; g = next++) worker.run(groups[g]);
    const std::lock_guard lock(shared.mutex);
    add(sum, worker.result);
  });
  std::sort(sum.losses.begin(), sum.losses.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  sum.kept = uint64_t(std::count(options.done.begin(), options.done.end(), true));
  if (sum.losses.size() > 20) sum.losses.resize(20);
  return sum;
}

}  // namespace tessera
