// Small archives for tests, and what is in a checkpoint as plain bytes.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/pickle_asm.h"
#include "store/temp_folder.h"
#include "store/torch_file.h"
#include "store/torch_write.h"

namespace tessera::testing {

// One archive with this data.pkl and these storages "0", "1", ...
inline std::string archive(const TempFolder& folder, const std::string& pickle,
                           const std::vector<std::string>& storages) {
  const std::filesystem::path path = folder / "made/archive.pt";
  std::filesystem::create_directories(path.parent_path());
  std::filesystem::remove(path);
  std::vector<uint64_t> sizes;
  for (const std::string& storage : storages) sizes.push_back(storage.size());
  TorchArchiveWriter writer(path, pickle, sizes);
  writer.open(nullptr);
  for (size_t i = 0; i < storages.size(); ++i) writer.write(i, 0, std::as_bytes(std::span(storages[i])));
  writer.finish(false);
  return get(path);
}

// The elements of a tensor in row-major order.
inline std::string elements(const Reader& reader, const TensorInfo& tensor) {
  const Chunk& chunk = tensor.chunks.at(0);
  const size_t width = byte_size(tensor.dtype);
  std::string storage(reader.contents().storages[chunk.storage].bytes, '\0'), out;
  reader.read(chunk.storage, 0, std::as_writable_bytes(std::span(storage)));
  const auto walk = [&](const auto& self, size_t axis, int64_t at) -> void {
    if (axis == tensor.shape.size()) {
      out += storage.substr(static_cast<size_t>(at) * width, width);
      return;
    }
    for (int64_t i = 0; i < tensor.shape[axis]; ++i) self(self, axis + 1, at + i * chunk.strides[axis]);
  };
  walk(walk, 0, chunk.at);
  return out;
}

inline const TensorInfo& tensor_named(const Reader& reader, const std::string& name, uint32_t place = 0) {
  for (const TensorInfo& tensor : reader.contents().tensors)
    if (tensor.name == name && tensor.place == place) return tensor;
  FAIL("no tensor " << name);
  return reader.contents().tensors[0];
}

inline std::string floats(const std::vector<float>& values) {
  const auto* bytes = reinterpret_cast<const char*>(values.data());
  return {bytes, bytes + 4 * values.size()};
}

}  // namespace tessera::testing
