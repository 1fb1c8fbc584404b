// Fingerprints of parts of a file.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/file.h"

namespace tessera {

struct ByteRange {
  uint64_t offset = 0, bytes = 0;
};

struct RangeHash {
  std::string xxh3;    // XXH3-128
  uint32_t crc32 = 0;  // if it was asked for
};

// Reads the range once, front to back. Error(world) if it cannot be read.
RangeHash hash_range(const InputFile& file, ByteRange range, bool with_crc = false);
// All bytes that lie in none of the ranges, which are sorted and disjoint.
std::string hash_outside(const InputFile& file, const std::vector<ByteRange>& ranges);
std::string hash_text(std::string_view text);

}  // namespace tessera
