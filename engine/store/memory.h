// A checkpoint in RAM: a format like the others, for tests and dry runs.
#pragma once
#include <map>

#include "store/checkpoint.h"

namespace tessera {

class MemoryCheckpoint : public Reader {
 public:
  // Places are made in the order in which they are first named by add_place.
  uint32_t add_place(Coordinates at, std::string label = {});
  void add(uint32_t place, std::string name, DType dtype, std::vector<int64_t> shape, std::vector<std::byte> bytes);
  Contents& edit() { return contents_; }
  const Contents& contents() const override { return contents_; }
  void read(StorageId storage, uint64_t at, std::span<std::byte> out) const override;
  void verify(StorageId) const override {}
  std::span<const std::byte> bytes(size_t tensor) const;  // contiguous bytes of contents().tensors[tensor]

 private:
  Contents contents_;
  std::vector<std::vector<std::byte>> data_;  // by StorageId
};

class MemoryWriter : public Writer {
 public:
  explicit MemoryWriter(const OutputSpec& spec);
  const std::vector<OutPlace>& places() const override { return places_; }
  const std::vector<FileInfo>& files() const override { return files_; }
  void open(WriteBehind*) override {}
  void write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) override;
  void finish(bool) override {}
  MemoryCheckpoint take();  // after finish: what was written, as a source

 private:
  OutputSpec spec_;
  std::vector<OutPlace> places_;
  std::vector<FileInfo> files_;
  std::vector<std::vector<std::byte>> data_;
};

}  // namespace tessera
