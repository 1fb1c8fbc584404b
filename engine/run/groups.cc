// Union-find over the moves: outputs that read a common source form a group.
#include "run/groups.h"

#include <algorithm>
#include <map>

namespace tessera {
namespace {

// File and offset of a source tensor's first chunk: the order of reading.
std::pair<uint64_t, uint64_t> position(const Contents& contents, const Tensor& tensor) {
  const TensorInfo& info = contents.tensors[tensor.index];
  if (info.chunks.empty()) return {0, 0};
  const Storage& storage = contents.storages[info.chunks[0].storage];
  return {storage.file, storage.offset + uint64_t(info.chunks[0].at) * byte_size(info.dtype)};
}

}  // namespace

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

}  // namespace tessera
