// The CRC-32 of bytes that come in pieces, in any order, some of them more than once.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace tessera {

class PiecewiseSum {
 public:
  // The parts of [begin, end) that were not added yet.
  std::vector<std::pair<uint64_t, uint64_t>> missing(uint64_t begin, uint64_t end) const;
  // The bytes [begin, end) have this CRC-32. Left out where some of them were added before, or where they lie apart
  // from all others and those are too many already: then there is no sum of the whole.
  void add(uint64_t begin, uint64_t end, uint32_t crc);
  std::optional<uint32_t> whole(uint64_t bytes) const;  // of [0, bytes), if all were added

 private:
  struct Piece {
    uint64_t end;
    uint32_t crc;
  };
  static constexpr size_t most_pieces = 4096;
  std::map<uint64_t, Piece> pieces_;  // by their begin; no two touch
};

}  // namespace tessera
