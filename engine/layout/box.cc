// Boxes: volume, reach, the fewest axes, a window of one, and as text.
#include "layout/box.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <tuple>

#include "base/checked.h"
#include "base/text.h"

namespace tessera {
namespace {

std::string strided_text(const Strided& at) {
  return at.offset == 0 ? show_shape(at.strides) : format("{} + {}", at.offset, show_shape(at.strides));
}

// Axes of more than one element, largest `to` stride first.
std::vector<size_t> axes_by_stride(const Box& box) {
  std::vector<size_t> axes;
  for (size_t a = 0; a < box.shape.size(); ++a)
    if (box.shape[a] != 1) axes.push_back(a);
  std::stable_sort(axes.begin(), axes.end(), [&](size_t a, size_t b) {
    return std::tie(box.to.strides[a], box.from.strides[a]) > std::tie(box.to.strides[b], box.from.strides[b]);
  });
  return axes;
}

}  // namespace

int64_t volume(const Extents& shape) {
  auto product = checked_product<int64_t>(shape);
  if (!product) throw std::overflow_error("a shape of more than 2^63 elements");
  return *product;
}

Reach reach(const Extents& shape, const Strided& at) {
  int64_t last = at.offset;
  for (size_t a = 0; a < shape.size(); ++a) {
    if (shape[a] == 0) return {at.offset, at.offset};
    last += (shape[a] - 1) * at.strides[a];
  }
  return {at.offset, last + 1};
}

Box merge(const Box& box) {
  if (volume(box.shape) == 0) return {{0}, {box.from.offset, {1}}, {box.to.offset, {1}}};
  Box merged{{}, {box.from.offset, {}}, {box.to.offset, {}}};
  for (size_t a : axes_by_stride(box)) {
    int64_t n = box.shape[a], from = box.from.strides[a], to = box.to.strides[a];
    bool joins = !merged.shape.empty() && merged.from.strides.back() == n * from && merged.to.strides.back() == n * to;
    if (joins) {
      merged.shape.back() *= n;
      merged.from.strides.back() = from;
      merged.to.strides.back() = to;
    } else {
      merged.shape.push_back(n);
      merged.from.strides.push_back(from);
      merged.to.strides.push_back(to);
    }
  }
  return merged;
}

std::string to_text(const Box& box) {
  return format("copy({}, {} -> {})", show_shape(box.shape), strided_text(box.from), strided_text(box.to));
}

Box restrict(const Box& box, const Window& window) {
  auto shifted = [&](const Strided& at) {
    return Strided{std::inner_product(window.first.begin(), window.first.end(), at.strides.begin(), at.offset),
                   at.strides};
  };
  return {window.shape, shifted(box.from), shifted(box.to)};
}

}  // namespace tessera
