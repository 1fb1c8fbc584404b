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
  sum.overflowed.insert(sum.overflowed.end(), one.overflowed.begin(), one.overflowed.end());
  sum.interrupted |= one.interrupted;
}

// Outputs that stand already may be of a run that was ended before all of their sources was read.
void begin_kept(const Graph& graph, const Contents& contents, const RunOptions& options, CheckedStorages& storages) {
  for (const Move& m : graph.moves)
    if (m.op == Op::copy && is_done(options.done, graph.tensors[m.to]))
      each_storage(graph, contents, m.from, [&](StorageId s) { storages.begin(s); });
}

}  // namespace

RunResult execute(const Graph& graph, const Reader& reader, Writer& writer, const RunOptions& options,
                  const Sources& sources, Diagnostics& diagnostics) {
  const std::vector<Group> groups = group_moves(graph, reader.contents(), options.done);
  CheckedStorages storages(reader);
  RunState state{graph, reader, writer, options, sources, diagnostics, storages, 0, {}, {}, {}};
  for (const Tensor& t : graph.tensors)
    if (t.output && !is_done(options.done, t)) state.total += uint64_t(volume(t.shape)) * byte_size(t.dtype);

  const int count = worker_count(options.threads, groups.size());
  const uint64_t memory = affordable(options.memory) / uint64_t(count);
  std::atomic<size_t> next{0};
  RunResult sum;
  run_threads(count, state.stop, [&] {
    Worker worker(state, memory);
    for (size_t g = next++; g < groups.size() && !state.stop; g = next++) worker.run(groups[g]);
    const std::lock_guard lock(state.mutex);
    add(sum, worker.result);
  });
  if (!state.stop) {
    begin_kept(graph, reader.contents(), options, storages);
    storages.finish(options.threads);
  }
  std::ranges::sort(sum.overflowed);
  sum.kept = uint64_t(std::count(options.done.begin(), options.done.end(), true));
  if (sum.overflowed.size() > 20) sum.overflowed.resize(20);
  return sum;
}

}  // namespace tessera
