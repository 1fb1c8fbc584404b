// Ids of the two ends become ids of the graph: sources that are used, then outputs in writing order.
#include <algorithm>

#include "plan/resolve.h"

namespace tessera {
namespace {

// Ids of outputs in writing order: by place, then as the model goes.
std::vector<TensorId> writing_order(const std::vector<EndTensor>& outputs) {
  std::vector<TensorId> order;
  for (TensorId id = 0; id < outputs.size(); ++id)
    if (!outputs[id].dropped) order.push_back(id);
  std::ranges::stable_sort(order, [&](TensorId a, TensorId b) {
    const EndTensor &x = outputs[a], &y = outputs[b];
    return x.place != y.place ? x.place < y.place : x.standing.order() < y.standing.order();
  });
  return order;
}

Stored stored_of(const Encoded& encoded, const Contents& source) {
  Stored stored{encoded.encoding->kind, encoded.encoding->block, encoded.fields, {}, 0};
  for (const uint32_t field : encoded.fields) {
    const TensorInfo& there = source.tensors[field];
    stored.names.push_back(there.name);
    stored.bytes += static_cast<uint64_t>(volume(there.shape)) * byte_size(there.dtype);
  }
  return stored;
}

SharedText weight_name(const EndTensors& tensors, const EndTensor& field) {
  return field.weight == none_id ? SharedText() : tensors.name(tensors.tensors()[field.weight]);
}

// An output that wants what is not there would have holes.
void drop_unmade(Draft& draft, const std::vector<TensorId>& from_ids) {
  for (const Move& move : draft.graph.moves)
    if (op_writes(move.op) && move.from != none_id && from_ids[move.from] == none_id) draft.to.tensors.drop(move.to);
}

}  // namespace

void number_tensors(Draft& draft, const Contents& source, bool partial, std::vector<Standing>& standings) {
  Graph& graph = draft.graph;
  const auto& tensor_of = draft.tensor_of;
  std::vector<TensorId> from_ids(tensor_of.size(), none_id);
  const auto& wanted = draft.from.tensors.tensors();
  for (TensorId id = 0; id < wanted.size(); ++id) {
    if (tensor_of[id] == none_id || wanted[id].dropped) continue;
    const TensorInfo& info = source.tensors[tensor_of[id]];
    from_ids[id] = static_cast<TensorId>(graph.tensors.size());
    Tensor tensor{info.name,     info.dtype,     info.shape, wanted[id].place, false,
                  tensor_of[id], wanted[id].why, {},         none_id};
    if (const auto encoded = draft.encoded.find(id); encoded != draft.encoded.end()) {
      tensor.name = draft.from.tensors.name(wanted[id]);
      tensor.dtype = DType::f32;
      tensor.shape = wanted[id].shape;
      tensor.stored = static_cast<uint32_t>(graph.stored.size());
      graph.stored.push_back(stored_of(encoded->second, source));
    }
    tensor.weight = weight_name(draft.from.tensors, wanted[id]);
    graph.tensors.push_back(std::move(tensor));
  }
  if (partial) drop_unmade(draft, from_ids);
  const auto& outputs = draft.to.tensors.tensors();
  std::vector<TensorId> to_ids(outputs.size(), none_id);
  for (const TensorId id : writing_order(outputs)) {
    const EndTensor& tensor = outputs[id];
    to_ids[id] = static_cast<TensorId>(graph.tensors.size());
    graph.tensors.push_back({draft.to.tensors.name(tensor), DType::f32, tensor.shape, tensor.place, true,
                             static_cast<uint32_t>(standings.size()), tensor.why,
                             weight_name(draft.to.tensors, tensor)});
    standings.push_back(tensor.standing);
  }
  std::erase_if(graph.moves, [&](Move& move) {
    if (move.from != none_id && (move.from = from_ids[move.from]) == none_id) return true;
    const bool has_end = move.to != none_id;
    if (has_end) move.to = op_writes(move.op) ? to_ids[move.to] : from_ids[move.to];
    return has_end && move.to == none_id;
  });
  std::erase_if(graph.omissions, [&](Omission& omission) {
    omission.tensor = from_ids[omission.tensor];
    return omission.tensor == none_id;
  });
}

}  // namespace tessera
