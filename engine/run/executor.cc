// Groups and threads. Outputs that read a common source form a group; groups are taken in the order of their sources on
// disk, so that reading is sequential and nothing is read twice while the budget holds the group's sources.
#include "run/executor.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "run/worker.h"
#include "store/parallel.h"

namespace tessera {
namespace {

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

// File and offset of a source tensor's first chunk: the order of reading.
std::pair<uint64_t, uint64_t> position(const Contents& contents, const Tensor& tensor) {
  const TensorInfo& info = contents.tensors[tensor.index];
  if (info.chunks.empty()) return {0, 0};
  const Storage& storage = contents.storages[info.chunks[0].storage];
  return {storage.file, storage.offset + uint64_t(info.chunks[0].at) * byte_size(info.dtype)};
}

bool is_done(const std::vector<bool>& done, const Tensor& output) {
  return output.index < done.size() && done[output.index];
}

std::vector<Group> group_moves(const Graph& graph, const Contents& contents, const std::vector<bool>& done) {
  UnionFind sets(graph.tensors.size());
  for (const Move& m : graph.moves)
    if (m.from != none_id && m.to != none_id) sets.join(m.from, m.to);
  using Key = std::pair<std::pair<uint64_t, uint64_t>, uint32_t>;
  std::map<uint32_t, std::pair<uint64_t, uint64_t>> first;
  for (TensorId t = 0; t < graph.tensors.size(); ++t) {
    if (graph.tensors[t].output) continue;
    const auto at = position(contents, graph.tensors[t]);
    const auto [entry, added] = first.emplace(sets.find(t), at);
    if (!added) entry->second = std::min(entry->second, at);
  }
  std::map<Key, Group> groups;
  std::map<TensorId, std::pair<Key, size_t>> slot;
  for (uint32_t i = 0; i < graph.moves.size(); ++i) {
    const Move& m = graph.moves[i];
    if (op_writes(m.op) && is_done(done, graph.tensors[m.to])) continue;
    const TensorId anchor = m.to != none_id ? m.to : m.from;
    const uint32_t root = sets.find(anchor);
    const auto at = first.find(root);
    const Key key{at == first.end() ? std::pair<uint64_t, uint64_t>{0, 0} : at->second, root};
    Group& group = groups[key];
    if (!op_writes(m.op)) {
      group.compares.push_back(i);
      continue;
    }
    const auto [entry, added] = slot.emplace(m.to, std::pair{key, group.outputs.size()});
    if (added) {
      group.outputs.push_back(m.to);
      group.moves.emplace_back();
    }
    group.moves[entry->second.second].push_back(i);
  }
  std::vector<Group> ordered;
  for (auto& [key, group] : groups) ordered.push_back(std::move(group));
  return ordered;
}

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
  Shared shared{graph, reader, writer, options, sources, diagnostics, 0, {}, {}, {}};
  for (const Tensor& t : graph.tensors)
    if (t.output && !is_done(options.done, t)) shared.total += uint64_t(volume(t.shape)) * byte_size(t.dtype);

  const int count = thread_count(options.threads, groups.size());
  std::atomic<size_t> next{0};
  RunResult sum;
  in_parallel(size_t(count), count, [&](size_t) {
    try {
      Worker worker(shared, options.memory / uint64_t(count));
      for (size_t g = next++; g < groups.size() && !shared.stop; g = next++) worker.run(groups[g]);
      const std::lock_guard lock(shared.mutex);
      add(sum, worker.result);
    } catch (...) {
      shared.stop = true;
      throw;
    }
  });
  std::sort(sum.losses.begin(), sum.losses.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  sum.kept = uint64_t(std::count(options.done.begin(), options.done.end(), true));
  if (sum.losses.size() > 20) sum.losses.resize(20);
  return sum;
}

}  // namespace tessera
