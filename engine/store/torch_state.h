// A torch file as a checkpoint: which tensors a dict names, and the Reader of one file.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "store/checkpoint.h"
#include "store/torch_file.h"

namespace tessera {

struct StateTensor {
  std::string name;
  uint32_t tensor = 0;  // index into PickleTree::tensors
};
struct StateDict {
  std::vector<StateTensor> tensors;  // in the order of the dicts
  std::vector<std::string> unnamed;  // where tensors stand in lists or objects, and so have no name: the first few
  size_t unnamed_count = 0;          // all of these
};

// The tensors below `dict`, names of nested dicts joined with dots; entries named `_extra_state` are left out.
// `strict`: anything but dicts, tensors and none is refused, else it is only told (`unnamed`) when it holds tensors.
// `file` is for messages. Error(world).
StateDict state_dict(const PickleTree& tree, PickleId dict, bool strict, const std::string& file);

// One file: storages are the archive's.
class TorchReader : public Reader {
 public:
  // `about` says all that is not storages, files and tensors.
  TorchReader(TorchArchive archive, Contents about);
  void add(const PickleTree& tree, StateTensor tensor, uint32_t place);
  void describe(Contents about);  // in place of what it was made with; warnings are added
  // Tensors of place i move to places[i].
  void renumber(const std::vector<uint32_t>& places);
  const Contents& contents() const override { return contents_; }
  void read(StorageId storage, uint64_t at, std::span<std::byte> out) const override {
    archive_.read(storage, at, out);
  }
  void verify(StorageId storage) const override { archive_.verify(storage); }
  void verify_rest() const override { archive_.verify_rest(); }
  std::optional<uint32_t> checksum(StorageId storage) const override { return archive_.checksum(storage); }
  bool cached(StorageId storage, uint64_t at) const override { return archive_.cached(storage, at); }
  void check_unchanged() const override { archive_.file().check_unchanged(); }

 private:
  TorchArchive archive_;
  Contents contents_;
};

}  // namespace tessera
