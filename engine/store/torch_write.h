// Writes one archive as torch.save does: stored members, 64-byte alignment, CRC-32, zip64 end records.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "store/checkpoint.h"
#include "store/zip_write.h"

namespace tessera {

// data.pkl of a flat state dict: an OrderedDict of tensors over storages "0", "1", ... in order.
std::string pickle_state_dict(std::span<const OutTensor> tensors);
uint64_t tensor_bytes(const OutTensor& tensor);

// What an archive holds, member by member: all but the storages' bytes is known from the start.
struct ArchiveMembers {
  ArchiveMembers(const std::string& prefix, std::string pickle, std::span<const uint64_t> storage_bytes);
  std::vector<uint32_t> checksums(std::span<const uint32_t> of_storages) const;  // by member
  ZipLayout layout;
  std::vector<std::string> known;  // by member; a storage's is empty
  size_t first_storage = 0;
};

// The archive of one value as a part of a larger file: everything around the bytes of its only storage.
class TorchBlob {
 public:
  TorchBlob(DType dtype, std::span<const int64_t> shape);  // a contiguous tensor
  explicit TorchBlob(std::string pickle);                  // a value without tensors
  uint64_t size() const;
  uint64_t data_offset() const;          // of the storage's first byte; for a value without tensors the size
  std::string head() const;              // up to data_offset()
  std::string tail(uint32_t crc) const;  // from the storage's end; crc: of its bytes
 private:
  std::string members(size_t first, size_t last, const std::vector<uint32_t>& crcs) const;
  ArchiveMembers archive_;
  uint64_t bytes_ = 0;  // of the storage
};

class TorchArchiveWriter {
 public:
  // Storage i has storage_bytes[i] bytes; the prefix of the members is the file's name without extension. Lays out; the
  // file is created by open, with its final size.
  TorchArchiveWriter(const std::filesystem::path& path, std::string pickle, const std::vector<uint64_t>& storage_bytes);
  TorchArchiveWriter(TorchArchiveWriter&&) noexcept;
  ~TorchArchiveWriter();
  uint64_t size() const;                  // of the whole file
  uint64_t offset(size_t storage) const;  // of its first byte
  void open(WriteBehind* behind);
  // Front to back within one storage; different storages from different threads at once.
  void write(size_t storage, uint64_t at, std::span<const std::byte> bytes);
  void keep(size_t storage, uint32_t crc);  // its bytes are in the file already
  void finish(bool sync);                   // pickle, headers, checksums, directory; closes
  std::string hash_outside() const;         // of all that finish wrote, which is all but the storages' bytes

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tessera
