// Union-find over the moves: outputs that read a common source form a group.
#include "run/groups.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace tessera {
namespace {

// File and offset of a source tensor's first chunk: the order of reading.
using FilePlace = std::pair<uint64_t, uint64_t>;
FilePlace position(const Contents& contents, const Tensor& tensor) {
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
  std::vector<std::optional<FilePlace>> first(graph.tensors.size());  // by root: where the set's sources begin
  for (TensorId t = 0; t < graph.tensors.size(); ++t) {
    if (graph.tensors[t].output) continue;
    auto& known = first[sets.find(t)];
    const FilePlace at = position(contents, graph.tensors[t]);
    known = known ? std::min(*known, at) : at;
  }
  std::vector<Group> groups;
  std::vector<std::tuple<FilePlace, uint32_t, size_t>> order;  // of each group: its position, root and index
  std::vector<uint32_t> group_of(graph.tensors.size(), none_id),
      slot_of(graph.tensors.size(), none_id);  // by root; by output
  for (uint32_t i = 0; i < graph.moves.size(); ++i) {
    const Move& m = graph.moves[i];
    if (op_writes(m.op) && is_done(done, graph.tensors[m.to])) continue;
    const uint32_t root = sets.find(m.to != none_id ? m.to : m.from);
    if (group_of[root] == none_id) {
      group_of[root] = static_cast<uint32_t>(groups.size());
      order.emplace_back(first[root].value_or(FilePlace()), root, groups.size());
      groups.emplace_back();
    }
    Group& group = groups[group_of[root]];
    if (!op_writes(m.op)) {
      group.compares.push_back(i);
      continue;
    }
    if (slot_of[m.to] == none_id) {
      slot_of[m.to] = static_cast<uint32_t>(group.outputs.size());
      group.outputs.push_back(m.to);
      group.moves.emplace_back();
    }
    group.moves[slot_of[m.to]].push_back(i);
  }
  std::ranges::sort(order);
  std::vector<Group> ordered;
  for (const auto& [at, root, index] : order) ordered.push_back(std::move(groups[index]));
  return ordered;
}

}  // namespace tessera
