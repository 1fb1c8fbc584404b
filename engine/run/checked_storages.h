// Checksums of storages, taken while they are read: what is larger than can be held is read in pieces, in any order,
// and not a second time for its checksum.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "run/piecewise_sum.h"
#include "store/checkpoint.h"

namespace tessera {

// Shared by threads. Who has read a part of a storage knows that it is right only after `require`, or `finish`.
class CheckedStorages {
 public:
  explicit CheckedStorages(const Reader& reader);
  // As Reader::read. Error(world) when the last missing byte of a storage was read and its checksum does not fit.
  void read(StorageId storage, uint64_t at, std::span<std::byte> out);
  // It counts as read in part: what was made of it stands in an output already.
  void begin(StorageId storage);
  // Its checksum fits, if it has one; what was not read yet is read for that. Error(world).
  void require(StorageId storage);
  // All of which something was read.
  void finish(int threads);

 private:
  enum State : uint8_t { untouched, begun, right };
  void add(StorageId storage, uint64_t at, std::span<const std::byte> bytes, uint32_t wanted);
  bool join(StorageId storage, uint64_t begin, uint64_t end, uint32_t crc, uint32_t wanted);

  const Reader& reader_;
  std::unique_ptr<std::atomic<State>[]> states_;
  std::mutex mutex_;                        // sums_
  std::map<StorageId, PiecewiseSum> sums_;  // of those that are begun
};

}  // namespace tessera
