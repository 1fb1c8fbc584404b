// Where the bytes of a tensor stand: what its headers say, and what the layout of the output says.
#include "base/text.h"
#include "explaining.h"

namespace tessera {
namespace {

// To one element; false if it is not in this chunk.
bool narrow(const Chunk& chunk, const Extents& shape, const Strided& stored, const Extents& at, Reach& range) {
  range.begin = stored.offset;
  for (size_t k = 0; k < at.size(); ++k) {
    const int64_t index = at[k] - (chunk.offsets.empty() ? 0 : chunk.offsets[k]);
    if (index < 0 || index >= shape[k]) return false;
    range.begin += index * stored.strides[k];
  }
  range.end = range.begin + 1;
  return true;
}

}  // namespace

std::vector<FileBytes> source_bytes(const Contents& source, uint32_t index, const std::optional<Extents>& at) {
  const TensorInfo& tensor = source.tensors[index];
  const uint64_t bits = info(tensor.dtype).bits;
  std::vector<FileBytes> all;
  for (const Chunk& chunk : tensor.chunks) {
    const Extents& shape = chunk.offsets.empty() ? tensor.shape : chunk.shape;
    const Strided stored{chunk.at, chunk.strides.empty() ? row_major(shape) : chunk.strides};
    Reach range = reach(shape, stored);
    if (at && !narrow(chunk, shape, stored, *at, range)) continue;
    const Storage& storage = source.storages[chunk.storage];
    const uint64_t base = storage.packed ? 0 : storage.offset;
    all.push_back({source.files[storage.file].path.string(), base + uint64_t(range.begin) * bits / 8,
                   base + (uint64_t(range.end) * bits + 7) / 8,
                   storage.packed ? std::optional(storage.offset) : std::nullopt});
  }
  return all;
}

std::vector<FileBytes> target_bytes(const OutTensor& tensor, const OutPlace& place, const std::vector<FileInfo>& files,
                                    const std::optional<Extents>& at) {
  FileBytes bytes{files[place.file].path.string(), place.offset, place.offset + place.bytes, std::nullopt};
  if (!at) return {bytes};
  const std::vector<int64_t> strides = row_major(tensor.shape);
  for (size_t k = 0; k < at->size(); ++k) bytes.begin += uint64_t((*at)[k] * strides[k]) * byte_size(tensor.dtype);
  bytes.end = bytes.begin + byte_size(tensor.dtype);
  return {bytes};
}

}  // namespace tessera
