// Do images tile an interval? Volumes must add up and no two images may meet. Only images whose reaches overlap are
// compared, and where they interleave alike (rows of one tensor, groups of one row) the common axis is taken off first.
#include <algorithm>
#include <utility>

#include "layout/box.h"

namespace tessera {
namespace {

struct Piece {
  size_t index = 0;  // of the image
  Image image;       // what is left of it, coarsest axis first
  Reach span;
};
using Pieces = std::vector<Piece>;

Piece piece_of(size_t index, const Image& image) {
  Box merged = merge({image.shape, image.at, image.at});
  Reach span = reach(image.shape, image.at);
  return {index, {std::move(merged.shape), std::move(merged.to)}, span};
}

void drop_coarsest_axis(Piece& piece) {
  piece.image.shape.erase(piece.image.shape.begin());
  piece.image.at.strides.erase(piece.image.at.strides.begin());
  piece.span = reach(piece.image.shape, piece.image.at);
}

// If all step alike in their coarsest axis, and one step is as wide as all they reach within it, they meet exactly if
// they meet without it.
bool take_off_common_axis(Pieces& pieces) {
  for (const Piece& p : pieces)
    if (p.image.shape.empty() || p.image.shape[0] != pieces[0].image.shape[0] ||
        p.image.at.strides[0] != pieces[0].image.at.strides[0])
      return false;
  int64_t stride = pieces[0].image.at.strides[0], length = pieces[0].image.shape[0];
  int64_t begin = pieces[0].span.begin, end = begin;
  for (const Piece& p : pieces) {
    begin = std::min(begin, p.span.begin);
    end = std::max(end, p.span.end - (length - 1) * stride);
  }
  if (end - begin > stride) return false;
  for (Piece& p : pieces) drop_coarsest_axis(p);
  return true;
}

// `pieces` sorted by where they begin.
std::optional<Untiled> compare_pairs(const Pieces& pieces) {
  for (auto a = pieces.begin(); a != pieces.end(); ++a)
    for (auto b = a + 1; b != pieces.end() && b->span.begin < a->span.end; ++b) {
      std::optional<bool> meet = intersects(a->image, b->image);
      if (meet == false) continue;
      auto [first, second] = std::minmax(a->index, b->index);
      return Untiled{meet ? Untiled::Kind::twice : Untiled::Kind::undecided, 0, first, second};
    }
  return std::nullopt;
}

// Two pieces that meet, if any do. Each call deeper has one axis less.
std::optional<Untiled> find_meeting(Pieces pieces) {
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.span.begin < b.span.begin; });
  for (size_t first = 0, last; first < pieces.size(); first = last) {
    int64_t end = pieces[first].span.end;
    for (last = first + 1; last < pieces.size() && pieces[last].span.begin < end; ++last)
      end = std::max(end, pieces[last].span.end);
    if (last - first == 1) continue;
    Pieces chain(pieces.begin() + static_cast<ptrdiff_t>(first), pieces.begin() + static_cast<ptrdiff_t>(last));
    bool simpler = take_off_common_axis(chain);
    if (auto found = simpler ? find_meeting(std::move(chain)) : compare_pairs(chain)) return found;
  }
  return std::nullopt;
}

// The least x in (lo, hi] for which `holds`, which is false at lo, true at hi and never false again once true.
template <class Test>
int64_t least(int64_t lo, int64_t hi, Test holds) {
  while (hi - lo > 1) {
    int64_t middle = lo + (hi - lo) / 2;
    (holds(middle) ? hi : lo) = middle;
  }
  return hi;
}

bool meet_below(const Image& a, const Image& b, int64_t limit) {
  for (const Window& window : clip(a.shape, a.at, 0, limit)) {
    Box part = restrict({a.shape, a.at, a.at}, window);
    if (intersects({part.shape, part.from}, b).value_or(false)) return true;
  }
  return false;
}

int64_t first_common(const Image& a, const Image& b) {
  Reach of_a = reach(a.shape, a.at), of_b = reach(b.shape, b.at);
  int64_t begin = std::max(of_a.begin, of_b.begin), end = std::min(of_a.end, of_b.end);
  return least(begin, end, [&](int64_t limit) { return meet_below(a, b, limit); }) - 1;
}

int64_t count_below(const std::vector<Image>& images, int64_t limit) {
  int64_t count = 0;
  for (const Image& image : images)
    for (const Window& window : clip(image.shape, image.at, 0, limit)) count += volume(window.shape);
  return count;
}

}  // namespace

std::optional<Untiled> tile(const std::vector<Image>& images, int64_t total) {
  Pieces pieces;
  for (size_t i = 0; i < images.size(); ++i) {
    Piece piece = piece_of(i, images[i]);
    if (piece.span.begin == piece.span.end) continue;
    if (piece.span.begin < 0) return Untiled{Untiled::Kind::outside, piece.span.begin, i, i};
    if (piece.span.end > total) return Untiled{Untiled::Kind::outside, piece.span.end - 1, i, i};
    pieces.push_back(std::move(piece));
  }
  if (auto found = find_meeting(std::move(pieces))) {
    if (found->kind == Untiled::Kind::twice) found->element = first_common(images[found->first], images[found->second]);
    return found;
  }
  if (count_below(images, total) == total) return std::nullopt;
  int64_t upto = least(0, total, [&](int64_t limit) { return count_below(images, limit) < limit; });
  return Untiled{Untiled::Kind::hole, upto - 1, 0, 0};
}

}  // namespace tessera
