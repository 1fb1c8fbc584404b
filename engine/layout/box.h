// The one instruction: copy(shape, from: offset and strides, to: offset and strides), all in elements, strides >= 0.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tessera {

using Extents = std::vector<int64_t>;

// An affine map from the indices of a shape to one number.
struct Strided {
  int64_t offset = 0;
  std::vector<int64_t> strides;
  bool operator==(const Strided&) const = default;
};

struct Box {
  Extents shape;
  Strided from, to;
  bool operator==(const Box&) const = default;
};

int64_t volume(const Extents& shape);  // throws std::overflow_error beyond 2^63
// Lowest and one past the highest number reached; {offset, offset} if the volume is 0.
struct Reach {
  int64_t begin = 0, end = 0;
};
Reach reach(const Extents& shape, const Strided& at);

// Same copy with the fewest axes: size-1 axes dropped, axes sorted by `to` stride (largest first), neighbours fused
// where both ends allow. Canonical: equal copies give equal boxes where fusing is unique.
Box merge(const Box& box);
std::string to_text(const Box& box);  // copy([4, 524288], 2097152 + [524288, 1] -> [3145728, 1])

// A part of an index space: index i of axis a runs over first[a] .. first[a] + shape[a] - 1.
struct Window {
  std::vector<int64_t> first;
  Extents shape;
};
// The windows of `shape` where `at` takes a value in [lo, hi): disjoint, together exactly that set. `at` must be
// nested: sorted by stride, each axis' stride is at least the reach of the finer ones (true for layouts). Few windows:
// at most about two for each axis.
std::vector<Window> clip(const Extents& shape, const Strided& at, int64_t lo, int64_t hi);
// `box` restricted to a window of its index space.
Box restrict(const Box& box, const Window& window);

// The indices of `shape` where `at` is `number`, in order, at most `most` of them. In nested strides there is one, for
// each index of the axes of stride 0.
std::vector<std::vector<int64_t>> indices_at(const Extents& shape, const Strided& at, int64_t number, size_t most);

// Do two affine images have a number in common? Exact, for numbers up to 2^62; made for images of layouts (nested
// strides), for which it takes a few steps for each axis. `steps` bounds the search: nullopt when it ran out
// (undecided).
struct Image {
  Extents shape;
  Strided at;
};
std::optional<bool> intersects(const Image& a, const Image& b, int64_t steps = 1'000'000);

// Do the images (each nested, as for clip) tile [0, total) exactly once? Returns nothing if so, else an explanation:
// an image that reaches outside; else two that meet and the first number that both take; else the first number missing.
struct Untiled {
  enum class Kind { hole, twice, outside, undecided } kind;
  int64_t element = 0;
  size_t first = 0, second = 0;  // indices: of the images that meet; of the one outside (both)
};
std::optional<Untiled> tile(const std::vector<Image>& images, int64_t total);

}  // namespace tessera
