#include "store/hash_file.h"

#include <algorithm>
#include <span>

#include "store/checksum.h"

namespace tessera {
namespace {

constexpr uint64_t block_bytes = uint64_t{1} << 20;

template <class Sink>
void each_block(const InputFile& file, ByteRange range, Sink&& sink) {
  std::vector<std::byte> block(std::min(block_bytes, range.bytes));
  for (uint64_t at = 0; at < range.bytes; at += block.size()) {
    const std::span part = std::span(block).first(std::min<uint64_t>(block.size(), range.bytes - at));
    file.read(range.offset + at, part);
    sink(std::span<const std::byte>(part));
  }
}

}  // namespace

RangeHash hash_range(const InputFile& file, ByteRange range, bool with_crc) {
  Hasher hasher;
  RangeHash out;
  each_block(file, range, [&](std::span<const std::byte> block) {
    hasher.add(block);
    if (with_crc) out.crc32 = crc32(block, out.crc32);
  });
  out.xxh3 = hasher.hex();
  return out;
}

std::string hash_outside(const InputFile& file, const std::vector<ByteRange>& ranges) {
  Hasher hasher;
  uint64_t at = 0;
  const auto up_to = [&](uint64_t end) {
    if (end > at) each_block(file, {at, end - at}, [&](std::span<const std::byte> block) { hasher.add(block); });
  };
  for (const ByteRange& range : ranges) {
    up_to(range.offset);
    at = range.offset + range.bytes;
  }
  up_to(file.size());
  return hasher.hex();
}

std::string hash_text(std::string_view text) {
  Hasher hasher;
  hasher.add(std::as_bytes(std::span(text)));
  return hasher.hex();
}

}  // namespace tessera
