// Files that torch.save wrote: a zip archive, or the legacy stream before it. Only structure is read here; weights come
// by TorchArchive. Nothing in a file is ever run (pickle.h).
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/checkpoint.h"
#include "store/pickle.h"
#include "store/zip_read.h"

namespace tessera {

// The bytes of one storage in the file.
struct TorchStorage {
  std::string name;     // for messages: "data/0"
  uint64_t offset = 0;  // in the file, of the first (packed) byte
  uint64_t bytes = 0;
  std::optional<uint64_t> packed;  // bytes in the file, if deflated
  std::optional<uint32_t> crc;
  uint32_t swap = 1;  // width of what must be byte-swapped; 1: nothing
};

// An open file and its storages.
class TorchArchive {
 public:
  // `rest`: members that no storage is.
  TorchArchive(InputFile file, std::vector<TorchStorage> storages, std::vector<TorchStorage> rest = {});
  TorchArchive(TorchArchive&&) noexcept;
  ~TorchArchive();
  const InputFile& file() const { return file_; }
  const std::vector<TorchStorage>& storages() const { return storages_; }
  // Bytes [at, at + out.size()) of a storage, little-endian. Thread-safe. Error(world).
  void read(size_t storage, uint64_t at, std::span<std::byte> out) const;
  void verify(size_t storage) const { verify(storages_[storage]); }  // reads it once; CRC-32 where there is one
  void verify_rest() const;
  std::optional<uint32_t> checksum(size_t storage) const;  // of the bytes that `read` gives
  bool cached(size_t storage, uint64_t at) const;          // by the system, as they are

 private:
  struct Unpacked;  // deflated storages that were read lately
  void verify(const TorchStorage& storage) const;
  void read_as_stored(const TorchStorage& storage, uint64_t at, std::span<std::byte> out) const;
  InputFile file_;
  std::vector<TorchStorage> storages_, rest_;
  std::unique_ptr<Unpacked> unpacked_;
};

struct TorchFile {
  TorchArchive archive;
  PickleTree tree;                    // its storages have the numbers of the archive's
  std::vector<std::string> warnings;  // "no checksums: ...", unknown members, unreferenced storages
};
TorchFile read_torch_file(const std::filesystem::path& path);
// The zip archive in a part of a file (torch_dist keeps one for each slab of a tensor); offsets are those of the file.
struct TorchSlice {
  PickleTree tree;
  std::vector<TorchStorage> storages;  // as the tree's
  std::vector<TorchStorage> rest;      // members that were not read and that the tree does not name
  std::vector<std::string> warnings;
};
TorchSlice read_torch_slice(const InputFile& file, FileSlice slice);

// One bare file: a state dict (format "bin"), or the dict of a Megatron checkpoint of one rank (format "torch").
std::unique_ptr<Reader> open_torch_file(const std::filesystem::path& path);

}  // namespace tessera
