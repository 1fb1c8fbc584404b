// Source tensors as contiguous row-major elements, whatever lies on disk: strided views, several chunks. Keeps what was
// read last within a budget, so that the outputs that share a source read it once.
#pragma once
#include <array>
#include <list>
#include <memory>
#include <vector>

#include "plan/graph.h"
#include "run/buffer.h"
#include "run/checked_storages.h"

namespace tessera {

// The axis along which a box strides farthest, among those longer than 1.
size_t farthest_axis(const Extents& shape, const Strided& at);
// A box of at least two elements, cut in two along the axis that strides farthest in its source.
std::array<Box, 2> halves(const Box& box);

// Do the elements follow each other alike on both ends?
bool lies_alike(const Box& box);

// The storages that hold a source tensor, fields of an encoding among them.
template <class F>
void each_storage(const Graph& graph, const Contents& contents, TensorId source, F&& f) {
  const Tensor& tensor = graph.tensors[source];
  const auto of = [&](uint32_t index) {
    for (const Chunk& chunk : contents.tensors[index].chunks) f(chunk.storage);
  };
  if (tensor.stored == none_id) return of(tensor.index);
  for (const uint32_t field : graph.stored[tensor.stored].fields) of(field);
}

class SourceWindows {
 public:
  // budget: bytes kept. A tensor of at most half of it is read whole and kept; of a larger one only what is asked for.
  SourceWindows(const Graph& graph, const Reader& reader, CheckedStorages& storages, uint64_t budget);

  struct View {
    std::span<const std::byte> bytes;  // elements [first, ...) of the tensor; good until the second next call
    int64_t first = 0;
  };
  // A window that holds elements [first, first + count) of a source tensor.
  View get(TensorId tensor, int64_t first, int64_t count);
  // Are the elements best read straight to where they are wanted? Not where they are few, of a view or an encoding, or
  // with a disk to wait for: a window serves several pieces.
  bool straight(TensorId tensor, int64_t first, int64_t count) const;
  void read_straight(TensorId tensor, int64_t first, std::span<std::byte> out) { load(tensor, first, out); }
  // What was read of the tensor is as it was written, by its checksums. Error(world).
  void require(TensorId tensor);
  // Nothing that was read is wanted again; its memory is used for what comes.
  void forget();
  // Largest number of bytes that `get` may be asked for of a tensor that is not kept whole.
  uint64_t piece() const { return budget_ / 4; }
  bool kept_whole(TensorId tensor) const;
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  struct Entry {
    TensorId tensor;
    int64_t first, count;
    Buffer buffer;
    std::span<std::byte> bytes;
  };
  Entry& insert(TensorId tensor, int64_t first, int64_t count);
  uint64_t file_offset(TensorId tensor, int64_t first) const;
  Buffer take_buffer(uint64_t bytes);
  void load(TensorId tensor, int64_t first, std::span<std::byte> out);
  void decode(const Tensor& tensor, int64_t first, std::span<std::byte> out);
  void load(const TensorInfo& tensor, int64_t first, std::span<std::byte> out);
  void load_chunk(const TensorInfo& tensor, const Chunk& chunk, int64_t first, std::span<std::byte> out);
  void read(StorageId storage, uint64_t at, std::span<std::byte> out);
  void gather(StorageId storage, uint64_t element, const Box& box, std::span<std::byte> out);

  const Graph& graph_;
  const Reader& reader_;
  CheckedStorages& storages_;
  static constexpr size_t most_entries = 64;
  uint64_t budget_, bytes_read_ = 0, held_ = 0;  // held_: all buffers, spare ones too
  std::list<Entry> entries_;                     // the last used first
  std::vector<Buffer> spare_;                    // of entries that were dropped
  std::vector<std::byte> scratch_;               // of gather
};

}  // namespace tessera
