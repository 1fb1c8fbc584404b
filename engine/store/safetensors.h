// The safetensors format: u64 header length, JSON header, data (https://github.com/huggingface/safetensors). The reader
// accepts less than the reference does: no name twice, no unknown field, no
// byte of the file that belongs to no tensor.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "store/checkpoint.h"
#include "store/file.h"

namespace tessera {

// One file. Tensors stand in the order of their data; storage i is tensor i's range.
class SafetensorsReader : public Reader {
 public:
  explicit SafetensorsReader(const std::filesystem::path& path);  // Error(world) with file, tensor and byte
  const Contents& contents() const override { return contents_; }
  std::vector<TensorInfo> hand_over_tensors() override { return std::move(contents_.tensors); }
  void read(StorageId storage, uint64_t at, std::span<std::byte> out) const override;
  bool cached(StorageId storage, uint64_t at) const override {
    return file_.cached(contents_.storages[storage].offset + at);
  }
  void verify(StorageId storage) const override;  // there is no checksum: every byte is read
  void check_unchanged() const override { file_.check_unchanged(); }

 private:
  InputFile file_;
  Contents contents_;
};

// One file, as the reference writer lays it out: widest dtypes first, then names in order of their bytes, so that every
// tensor is aligned; a header padded with spaces to 8. Error(usage) for a dtype that the format lacks.
class SafetensorsWriter : public Writer {
 public:
  SafetensorsWriter(const std::filesystem::path& path, std::span<const OutTensor> tensors);
  const std::vector<OutPlace>& places() const override { return places_; }
  const std::vector<FileInfo>& files() const override { return files_; }
  void open(WriteBehind* behind) override { file_.emplace(path_, files_[0].bytes, behind); }
  void write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) override;
  void finish(bool sync) override;
  std::map<std::filesystem::path, std::string> outside() const override {
    return {{files_[0].path, file_->hash_of_put()}};
  }

 private:
  std::filesystem::path path_;
  std::vector<OutPlace> places_;
  std::vector<FileInfo> files_;
  std::string head_;  // length and header
  std::optional<OutputFile> file_;
};

}  // namespace tessera
