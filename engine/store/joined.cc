// Storages of the parts are numbered one after the other.
#include "store/joined.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "store/file.h"
#include "store/limits.h"

namespace tessera {
namespace {

void append(Contents& all, Reader& reader) {
  const Contents& part = reader.contents();
  const auto storages = static_cast<StorageId>(all.storages.size());
  const auto files = static_cast<uint32_t>(all.files.size());
  if (all.tensors.size() + part.tensors.size() > limits::tensors_per_checkpoint)
    fail_world(format("{}: more than {} tensors, the limit", show_path(all.root), limits::tensors_per_checkpoint));
  for (Storage storage : part.storages) {
    storage.file += files;
    all.storages.push_back(storage);
  }
  for (TensorInfo& tensor : reader.hand_over_tensors()) {
    for (Chunk& chunk : tensor.chunks) chunk.storage += storages;
    all.tensors.push_back(std::move(tensor));
  }
  all.files.insert(all.files.end(), part.files.begin(), part.files.end());
  all.warnings.insert(all.warnings.end(), part.warnings.begin(), part.warnings.end());
}

}  // namespace

JoinedReader::JoinedReader(Contents contents, std::vector<std::unique_ptr<Reader>> parts)
    : contents_(std::move(contents)), parts_(std::move(parts)) {
  for (const auto& part : parts_) {
    first_.push_back(static_cast<StorageId>(contents_.storages.size()));
    append(contents_, *part);
  }
}

size_t JoinedReader::part_of(StorageId storage) const {
  return static_cast<size_t>(std::upper_bound(first_.begin(), first_.end(), storage) - first_.begin()) - 1;
}

void JoinedReader::read(StorageId storage, uint64_t at, std::span<std::byte> out) const {
  const size_t part = part_of(storage);
  parts_[part]->read(storage - first_[part], at, out);
}

bool JoinedReader::cached(StorageId storage, uint64_t at) const {
  const size_t part = part_of(storage);
  return parts_[part]->cached(storage - first_[part], at);
}

void JoinedReader::verify_rest() const {
  for (const auto& part : parts_) part->verify_rest();
}

void JoinedReader::verify(StorageId storage) const {
  const size_t part = part_of(storage);
  parts_[part]->verify(storage - first_[part]);
}

std::optional<uint32_t> JoinedReader::checksum(StorageId storage) const {
  const size_t part = part_of(storage);
  return parts_[part]->checksum(storage - first_[part]);
}

void JoinedReader::check_unchanged() const {
  for (const auto& part : parts_) part->check_unchanged();
}

}  // namespace tessera
