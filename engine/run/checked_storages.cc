// Bytes count once; a storage whose bytes are not those that were summed up (packed, or swapped) is read for its
// checksum first.
#include "run/checked_storages.h"

#include "base/error.h"
#include "base/text.h"
#include "store/checksum.h"
#include "store/file.h"
#include "store/parallel.h"

namespace tessera {

CheckedStorages::CheckedStorages(const Reader& reader)
    : reader_(reader), states_(new std::atomic<State>[reader.contents().storages.size()]()) {}

void CheckedStorages::begin(StorageId storage) {
  State state = untouched;
  if (reader_.contents().storages[storage].summed) states_[storage].compare_exchange_strong(state, begun);
}

void CheckedStorages::read(StorageId storage, uint64_t at, std::span<std::byte> out) {
  begin(storage);
  if (states_[storage] != begun) return reader_.read(storage, at, out);
  const auto wanted = reader_.checksum(storage);
  if (!wanted) require(storage);
  reader_.read(storage, at, out);
  if (wanted) add(storage, at, out, *wanted);
}

void CheckedStorages::require(StorageId storage) {
  begin(storage);
  if (states_[storage] != begun) return;
  reader_.verify(storage);
  states_[storage] = right;
}

void CheckedStorages::finish(int threads) {
  std::vector<StorageId> open;
  for (StorageId s = 0; s < reader_.contents().storages.size(); ++s)
    if (states_[s] == begun) open.push_back(s);
  in_parallel(open.size(), threads, [&](size_t i) { require(open[i]); });
}

void CheckedStorages::add(StorageId storage, uint64_t at, std::span<const std::byte> bytes, uint32_t wanted) {
  std::vector<std::pair<uint64_t, uint64_t>> missing;
  {
    const std::lock_guard lock(mutex_);
    missing = sums_[storage].missing(at, at + bytes.size());
  }
  for (const auto& [begin, end] : missing) {
    const uint32_t crc = crc32(bytes.subspan(begin - at, end - begin));
    if (join(storage, begin, end, crc, wanted)) continue;
    reader_.verify(storage);  // says what is wrong
    const Contents& contents = reader_.contents();
    fail_world(format("{}: two readings of the same bytes differ",
                      show_path(contents.files[contents.storages[storage].file].path)));
  }
}

// False: all of it was read, and the checksum is not the wanted one.
bool CheckedStorages::join(StorageId storage, uint64_t begin, uint64_t end, uint32_t crc, uint32_t wanted) {
  const std::lock_guard lock(mutex_);
  const auto sum = sums_.find(storage);
  if (sum == sums_.end()) return true;  // another thread was the last
  sum->second.add(begin, end, crc);
  const auto whole = sum->second.whole(reader_.contents().storages[storage].bytes);
  if (!whole) return true;
  sums_.erase(sum);
  if (*whole == wanted) states_[storage] = right;
  return *whole == wanted;
}

}  // namespace tessera
