// Pieces that touch are joined, so what comes front to back is one piece.
#include "run/piecewise_sum.h"

#include <algorithm>

#include "store/checksum.h"

namespace tessera {

std::vector<std::pair<uint64_t, uint64_t>> PiecewiseSum::missing(uint64_t begin, uint64_t end) const {
  std::vector<std::pair<uint64_t, uint64_t>> found;
  auto next = pieces_.upper_bound(begin);
  if (next != pieces_.begin()) begin = std::max(begin, std::prev(next)->second.end);
  for (; next != pieces_.end() && next->first < end; ++next) {
    if (begin < next->first) found.emplace_back(begin, next->first);
    begin = next->second.end;
  }
  if (begin < end) found.emplace_back(begin, end);
  return found;
}

void PiecewiseSum::add(uint64_t begin, uint64_t end, uint32_t crc) {
  if (begin >= end || missing(begin, end) != std::vector{std::pair(begin, end)}) return;
  const auto next = pieces_.lower_bound(begin);
  const auto before = next == pieces_.begin() ? pieces_.end() : std::prev(next);
  const bool follows = before != pieces_.end() && before->second.end == begin;
  const bool precedes = next != pieces_.end() && next->first == end;
  Piece made{end, crc};
  if (precedes) {
    made = {next->second.end, crc32_joined(crc, next->second.crc, next->second.end - end)};
    pieces_.erase(next);
  }
  if (follows) {
    before->second = {made.end, crc32_joined(before->second.crc, made.crc, made.end - begin)};
  } else if (precedes || pieces_.size() < most_pieces) {
    pieces_[begin] = made;
  }
}

std::optional<uint32_t> PiecewiseSum::whole(uint64_t bytes) const {
  if (pieces_.size() != 1 || pieces_.begin()->first != 0 || pieces_.begin()->second.end != bytes) return std::nullopt;
  return pieces_.begin()->second.crc;
}

}  // namespace tessera
