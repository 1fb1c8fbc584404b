// Checkpoints in RAM: tests read and write them, dry runs count with them.
#include "store/memory.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "store/torch_write.h"

namespace tessera {

uint32_t MemoryCheckpoint::add_place(Coordinates at, std::string label) {
  contents_.format = "memory";
  contents_.places.push_back({at, std::move(label)});
  return static_cast<uint32_t>(contents_.places.size() - 1);
}

void MemoryCheckpoint::add(uint32_t place, std::string name, DType dtype, std::vector<int64_t> shape,
                           std::vector<std::byte> bytes) {
  assert(place < contents_.places.size());
  assert(bytes.size() == tensor_bytes({name, dtype, shape, place}));
  TensorInfo info{std::move(name), dtype, std::move(shape), place, std::vector<Chunk>(1)};
  info.chunks[0].storage = static_cast<StorageId>(data_.size());
  contents_.storages.push_back({0, 0, bytes.size()});
  contents_.tensors.push_back(std::move(info));
  data_.push_back(std::move(bytes));
}

void MemoryCheckpoint::read(StorageId storage, uint64_t at, std::span<std::byte> out) const {
  const std::vector<std::byte>& bytes = data_[storage];
  assert(at <= bytes.size() && out.size() <= bytes.size() - at);
  if (!out.empty()) std::memcpy(out.data(), bytes.data() + at, out.size());
}

std::span<const std::byte> MemoryCheckpoint::bytes(size_t tensor) const {
  return data_[contents_.tensors[tensor].chunks[0].storage];
}

MemoryWriter::MemoryWriter(const OutputSpec& spec) : spec_(spec) {
  uint64_t end = 0;
  for (const OutTensor& tensor : spec_.tensors) {
    places_.push_back({0, end, tensor_bytes(tensor)});
    data_.emplace_back(places_.back().bytes);
    end += places_.back().bytes;
  }
  files_ = {{"memory", end}};
}

void MemoryWriter::write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) {
  assert(offset <= data_[tensor].size() && bytes.size() <= data_[tensor].size() - offset);
  if (!bytes.empty()) std::memcpy(data_[tensor].data() + offset, bytes.data(), bytes.size());
}

MemoryCheckpoint MemoryWriter::take() {
  MemoryCheckpoint result;
  for (const PlaceInfo& place : spec_.places) result.add_place(place.at, place.label);
  for (size_t i = 0; i < spec_.tensors.size(); ++i) {
    OutTensor& tensor = spec_.tensors[i];
    result.add(tensor.place, std::move(tensor.name), tensor.dtype, std::move(tensor.shape), std::move(data_[i]));
  }
  result.edit().mesh = spec_.mesh;
  result.edit().config = spec_.config;
  result.edit().has_config = true;
  return result;
}

}  // namespace tessera
