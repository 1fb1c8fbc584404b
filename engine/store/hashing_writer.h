// A Writer that takes the XXH3-128 of each tensor while its bytes pass to another.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/checkpoint.h"
#include "store/checksum.h"

namespace tessera {

class HashingWriter : public Writer {
 public:
  // `done` is called when the last byte of a tensor was written, from the thread that wrote it. Empty tensors are never
  // written, and so never told.
  using Done = std::function<void(uint32_t tensor, const std::string& hash)>;
  HashingWriter(Writer& inner, Done done);
  const std::vector<OutPlace>& places() const override { return inner_.places(); }
  const std::vector<FileInfo>& files() const override { return inner_.files(); }
  void open(WriteBehind* behind) override { inner_.open(behind); }
  void write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) override;
  void keep(uint32_t tensor, uint32_t crc) override { inner_.keep(tensor, crc); }
  void keep(uint32_t tensor, uint32_t crc, std::string hash);
  void finish(bool sync) override { inner_.finish(sync); }
  std::vector<SmallFile> marks() const override { return inner_.marks(); }
  std::map<std::filesystem::path, std::string> outside() const override { return inner_.outside(); }
  const std::vector<std::string>& hashes() const { return hashes_; }  // by tensor, when all is written

 private:
  Writer& inner_;
  Done done_;
  std::vector<std::unique_ptr<Hasher>> open_;  // by tensor, while it is being written
  std::vector<std::string> hashes_;
};

}  // namespace tessera
