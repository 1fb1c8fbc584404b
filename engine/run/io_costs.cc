// The executor's walk without its bytes.
#include "run/io_costs.h"

#include <algorithm>
#include <map>
#include <utility>

#include "run/groups.h"

namespace tessera {
namespace {

// Requests and seeks of one direction.
class Head {
 public:
  Head(uint64_t& bytes, uint64_t& requests, uint64_t& seeks) : bytes_(bytes), requests_(requests), seeks_(seeks) {}
  void move(uint32_t file, uint64_t offset, uint64_t count) {
    if (count == 0) return;
    const auto [end, fresh] = ends_.try_emplace(file, 0);
    const bool near = offset >= end->second && offset - end->second <= IoCosts::near_bytes;
    if (!near && !(fresh && offset == 0)) ++seeks_;
    end->second = offset + count;
    bytes_ += count;
    requests_ += (count + IoCosts::request_bytes - 1) / IoCosts::request_bytes;
  }

 private:
  uint64_t &bytes_, &requests_, &seeks_;
  std::map<uint32_t, uint64_t> ends_;  // where the last request in a file ended
};

class Walk {
 public:
  Walk(const Graph& graph, const Contents& contents)
      : graph_(graph), contents_(contents), read_(graph.tensors.size()), offsets_(graph.tensors.size()) {
    std::map<uint32_t, uint64_t> ends;  // by place
    for (TensorId id = 0; id < graph.tensors.size(); ++id)
      if (graph.tensors[id].output) offsets_[id] = std::exchange(ends[place(id)], ends[place(id)] + bytes(id));
  }

  IoCosts run() {
    for (const Group& group : group_moves(graph_, contents_)) {
      for (size_t i = 0; i < group.outputs.size(); ++i) {
        for (const uint32_t move : group.moves[i]) read(graph_.moves[move].from);
        const TensorId output = group.outputs[i];
        writes_.move(place(output), offsets_[output], bytes(output));
      }
      for (const uint32_t move : group.compares) read(graph_.moves[move].from);
    }
    return costs_;
  }

 private:
  uint32_t place(TensorId id) const { return graph_.tensors[id].place; }
  uint64_t bytes(TensorId id) const {
    return uint64_t(volume(graph_.tensors[id].shape)) * byte_size(graph_.tensors[id].dtype);
  }

  void read(TensorId id) {
    if (id == none_id || read_[id]) return;
    read_[id] = true;
    for (const uint32_t source : source_tensors(graph_, graph_.tensors[id])) {
      const TensorInfo& tensor = contents_.tensors[source];
      for (const Chunk& chunk : tensor.chunks) {
        const Storage& storage = contents_.storages[chunk.storage];
        const Extents& shape = chunk.offsets.empty() ? tensor.shape : chunk.shape;
        const uint64_t size = byte_size(tensor.dtype), first = storage.offset + uint64_t(chunk.at) * size;
        reads_.move(storage.file, first, std::min(uint64_t(volume(shape)) * size, storage.bytes));
      }
    }
  }

  const Graph& graph_;
  const Contents& contents_;
  std::vector<bool> read_;         // sources
  std::vector<uint64_t> offsets_;  // of outputs in their places
  IoCosts costs_;
  Head reads_{costs_.read_bytes, costs_.read_requests, costs_.read_seeks};
  Head writes_{costs_.written_bytes, costs_.write_requests, costs_.write_seeks};
};

}  // namespace

IoCosts io_costs(const Graph& graph, const Contents& contents) { return Walk(graph, contents).run(); }

}  // namespace tessera
