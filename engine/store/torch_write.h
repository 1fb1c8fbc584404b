// Writes one archive as torch.save does: stored members, 64-byte alignment, CRC-32, zip64 end records.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "store/checkpoint.h"

namespace tessera {

// data.pkl of a flat state dict: an OrderedDict of tensors over storages "0", "1", ... in order.
std::string pickle_state_dict(std::span<const OutTensor> tensors);
uint64_t tensor_bytes(const OutTensor& tensor);

class TorchArchiveWriter {
 public:
  // Storage i has storage_bytes[i] bytes; the prefix of the members is the file's name without extension. Lays out; the
  // file is created by open, with its final size.
  TorchArchiveWriter(const std::filesystem::path& path, std::string pickle, const std::vector<uint64_t>& storage_bytes);
  TorchArchiveWriter(TorchArchiveWriter&&) noexcept;
  ~TorchArchiveWriter();
  uint64_t size() const;                  // of the whole file
  uint64_t offset(size_t storage) const;  // of its first byte
  void open();
  // Front to back within one storage; different storages from different threads at once.
  void write(size_t storage, uint64_t at, std::span<const std::byte> bytes);
  void finish(bool sync);  // pickle, headers, checksums, directory; closes

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tessera
