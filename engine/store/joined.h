// Several files of one checkpoint as one Reader.
#pragma once
#include <memory>
#include <vector>

#include "store/checkpoint.h"

namespace tessera {

class JoinedReader : public Reader {
 public:
  // Tensors, storages, files and warnings of all parts in order go to `contents`, which says everything else.
  JoinedReader(Contents contents, std::vector<std::unique_ptr<Reader>> parts);
  const Contents& contents() const override { return contents_; }
  Contents& edit() { return contents_; }
  void read(StorageId storage, uint64_t at, std::span<std::byte> out) const override;
  bool cached(StorageId storage, uint64_t at) const override;
  void verify(StorageId storage) const override;
  void verify_rest() const override;
  std::optional<uint32_t> checksum(StorageId storage) const override;
  void check_unchanged() const override;

 private:
  size_t part_of(StorageId storage) const;
  Contents contents_;
  std::vector<std::unique_ptr<Reader>> parts_;
  std::vector<StorageId> first_;  // of each part, in the joined numbering
};

}  // namespace tessera
