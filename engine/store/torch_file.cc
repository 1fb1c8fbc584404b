// Reading what torch.save wrote: which container, and bytes of storages on demand.
#include "store/torch_file.h"

#include <algorithm>
#include <list>
#include <mutex>

#include "base/error.h"
#include "base/text.h"
#include "store/checksum.h"
#include "store/inflate.h"
#include "store/limits.h"
#include "store/sniff.h"
#include "store/torch_parts.h"

namespace tessera {
namespace {

constexpr size_t block_bytes = size_t{1} << 20;
constexpr uint64_t unpacked_bytes = 128 * limits::mib;  // kept of deflated storages; what is larger is read as a stream
constexpr size_t most_streams = 8;                      // as many threads may read on where each was before

uint32_t swap_width(DType dtype) {
  const bool complex = dtype == DType::c64 || dtype == DType::c128;
  return static_cast<uint32_t>(byte_size(dtype) / (complex ? 2 : 1));
}

void swap_each(std::span<std::byte> bytes, size_t width) {
  for (size_t at = 0; at + width <= bytes.size(); at += width)
    std::reverse(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.begin() + static_cast<ptrdiff_t>(at + width));
}

// Are the bytes in the file those that are read?
bool is_plain(const TorchStorage& storage) { return !storage.packed && storage.swap == 1; }

}  // namespace

struct TorchArchive::Unpacked {
  struct Entry {
    const TorchStorage* of;
    std::vector<std::byte> bytes;
  };
  std::mutex mutex;
  struct Stream {
    const TorchStorage* of;
    InflateStream bytes;
  };
  std::list<Entry> entries;   // used last, first
  std::list<Stream> streams;  // the same
  uint64_t total = 0;

  void read(const TorchStorage& storage, const InputFile& file, uint64_t at, std::span<std::byte> out) {
    if (storage.bytes > unpacked_bytes) return stream(storage, file, at).read(at, out);
    const std::vector<std::byte>& bytes = get(storage, file);
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), out.size(), out.begin());
  }

  // The one that has the least way to go.
  InflateStream& stream(const TorchStorage& storage, const InputFile& file, uint64_t at) {
    auto best = streams.end();
    for (auto one = streams.begin(); one != streams.end(); ++one)
      if (one->of == &storage && one->bytes.front() <= at &&
          (best == streams.end() || one->bytes.front() > best->bytes.front()))
        best = one;
    if (best != streams.end()) {
      streams.splice(streams.begin(), streams, best);
    } else {
      if (streams.size() == most_streams) streams.pop_back();
      streams.push_front(
          {&storage, InflateStream(file, {storage.offset, *storage.packed, storage.bytes}, storage.name)});
    }
    return streams.front().bytes;
  }

  const std::vector<std::byte>& get(const TorchStorage& storage, const InputFile& file) {
    const auto known =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.of == &storage; });
    if (known != entries.end()) {
      entries.splice(entries.begin(), entries, known);
      return entries.front().bytes;
    }
    total += storage.bytes;
    for (; total > unpacked_bytes && !entries.empty(); entries.pop_back()) total -= entries.back().of->bytes;
    std::vector<std::byte> bytes;
    bytes.reserve(storage.bytes);
    inflate(file, {storage.offset, *storage.packed, storage.bytes}, storage.name,
            [&](std::span<const std::byte> block) {
              bytes.insert(bytes.end(), block.begin(), block.end());
              return true;
            });
    entries.push_front({&storage, std::move(bytes)});
    return entries.front().bytes;
  }
};

TorchArchive::TorchArchive(InputFile file, std::vector<TorchStorage> storages, std::vector<TorchStorage> rest)
    : file_(std::move(file)),
      storages_(std::move(storages)),
      rest_(std::move(rest)),
      unpacked_(std::make_unique<Unpacked>()) {
  // Whether a deflated storage has the size it says shows only when it is inflated; larger ones are judged when read.
  for (size_t i = 0; i < storages_.size(); ++i)
    if (storages_[i].packed && storages_[i].bytes <= unpacked_bytes) verify(i);
}
TorchArchive::TorchArchive(TorchArchive&&) noexcept = default;
TorchArchive::~TorchArchive() = default;

void TorchArchive::read_as_stored(const TorchStorage& storage, uint64_t at, std::span<std::byte> out) const {
  if (!storage.packed) {
    file_.read(storage.offset + at, out);
    return;
  }
  const std::scoped_lock lock(unpacked_->mutex);
  unpacked_->read(storage, file_, at, out);
}

void TorchArchive::read(size_t index, uint64_t at, std::span<std::byte> out) const {
  const TorchStorage& storage = storages_[index];
  if (at > storage.bytes || out.size() > storage.bytes - at)
    fail_world(format("{}: {}: {} bytes are wanted at {}, it has {}", show_path(file_.path()), storage.name, out.size(),
                      at, storage.bytes));
  const uint64_t first = at - at % storage.swap,
                 last = std::min(storage.bytes, (at + out.size() + storage.swap - 1) / storage.swap * storage.swap);
  if (first == at && last == at + out.size()) {
    read_as_stored(storage, at, out);
    if (storage.swap > 1) swap_each(out, storage.swap);
    return;
  }
  std::vector<std::byte> whole(last - first);  // elements that are cut at the ends
  read_as_stored(storage, first, whole);
  swap_each(whole, storage.swap);
  std::copy_n(whole.begin() + static_cast<ptrdiff_t>(at - first), out.size(), out.begin());
}

void TorchArchive::verify_rest() const {
  for (const TorchStorage& member : rest_) verify(member);
}

void TorchArchive::verify(const TorchStorage& storage) const {
  uint32_t crc = 0;
  const auto add = [&](std::span<const std::byte> block) {
    crc = crc32(block, crc);
    return true;
  };
  if (storage.packed) {
    inflate(file_, {storage.offset, *storage.packed, storage.bytes}, storage.name, add);
  } else {
    std::vector<std::byte> block(std::min<uint64_t>(block_bytes, storage.bytes));
    for (uint64_t at = 0; at < storage.bytes; at += block.size()) {
      const std::span part = std::span(block).first(std::min<uint64_t>(block.size(), storage.bytes - at));
      file_.read(storage.offset + at, part);
      add(part);
    }
  }
  if (storage.crc && *storage.crc != crc)
    throw Damaged(format("{}: {}: its checksum is {:08x}, the archive says {:08x}", show_path(file_.path()),
                         storage.name, crc, *storage.crc));
}

std::optional<uint32_t> TorchArchive::checksum(size_t index) const {
  return is_plain(storages_[index]) ? storages_[index].crc : std::nullopt;
}

bool TorchArchive::cached(size_t index, uint64_t at) const {
  return is_plain(storages_[index]) && file_.cached(storages_[index].offset + at);
}

void set_swaps(std::vector<TorchStorage>& storages, const PickleTree& tree, const std::string& file) {
  for (size_t i = 0; i < storages.size(); ++i)
    if (tree.storages[i].dtype) storages[i].swap = swap_width(*tree.storages[i].dtype);
  std::vector<bool> seen(storages.size(), false);
  for (const PickleTensor& tensor : tree.tensors) {
    TorchStorage& storage = storages[tensor.storage];
    if (seen[tensor.storage] && storage.swap != swap_width(tensor.dtype))
      fail_world(format("{}: {}: big-endian, with elements of two sizes", file, storage.name));
    seen[tensor.storage] = true;
    storage.swap = swap_width(tensor.dtype);
  }
}

TorchFile read_torch_file(const std::filesystem::path& path) {
  InputFile file(path);
  std::string head(std::min<uint64_t>(file.size(), sniff_bytes), '\0');
  file.read(0, std::as_writable_bytes(std::span(head)));
  const FileSlice whole{0, file.size()};
  if (head.starts_with("PK")) {
    TorchSlice zip = read_torch_slice(file, whole);
    return {TorchArchive(std::move(file), std::move(zip.storages), std::move(zip.rest)), std::move(zip.tree),
            std::move(zip.warnings)};
  }
  const Sniff seen = sniff(head);
  const size_t front = seen.kind == FileKind::foreign ? 0 : torch_legacy_front(head);
  if (front > 0) return read_torch_legacy(std::move(file), front);
  fail_world(format("{}: not a file of torch.save{}{}", show_path(path), seen.name.empty() ? "" : " but ", seen.name));
}

}  // namespace tessera
