// From a number back to indices: the coarsest axes first, each held to what the finer ones can still reach.
#include <algorithm>

#include "layout/box.h"

namespace tessera {
namespace {

class Finder {
 public:
  Finder(const Extents& shape, const Strided& at, size_t most)
      : shape_(shape), at_(at), most_(most), index_(shape.size(), 0) {
    for (size_t a = 0; a < shape.size(); ++a) axes_.push_back(a);
    std::ranges::stable_sort(axes_, std::greater(), [&](size_t a) { return at.strides[a]; });
    farthest_.assign(axes_.size() + 1, 0);
    for (size_t k = axes_.size(); k-- > 0;)
      farthest_[k] = farthest_[k + 1] + (shape[axes_[k]] - 1) * at.strides[axes_[k]];
  }

  std::vector<std::vector<int64_t>> run(int64_t number) {
    find(0, number - at_.offset);
    std::ranges::sort(found_);
    return std::move(found_);
  }

 private:
  // The axes from the k-th on are to add up to `left`. Depth is the rank of the box.
  void find(size_t k, int64_t left) {
    if (left < 0 || left > farthest_[k] || found_.size() >= most_) return;
    if (k == axes_.size()) return found_.push_back(index_);
    const int64_t stride = at_.strides[axes_[k]], last = shape_[axes_[k]] - 1;
    const int64_t finer = farthest_[k + 1];
    const int64_t lo = stride == 0 || left <= finer ? 0 : (left - finer - 1) / stride + 1;
    const int64_t hi = stride == 0 ? last : std::min(last, left / stride);
    for (int64_t i = lo; i <= hi && found_.size() < most_; ++i) {
      index_[axes_[k]] = i;
      find(k + 1, left - i * stride);
    }
  }

  const Extents& shape_;
  const Strided& at_;
  size_t most_;
  std::vector<size_t> axes_;       // coarsest first
  std::vector<int64_t> farthest_;  // what the axes from the k-th on reach together
  std::vector<int64_t> index_;
  std::vector<std::vector<int64_t>> found_;
};

}  // namespace

std::vector<std::vector<int64_t>> indices_at(const Extents& shape, const Strided& at, int64_t number, size_t most) {
  if (std::ranges::count(shape, 0) > 0) return {};
  return Finder(shape, at, most).run(number);
}

}  // namespace tessera
