// The part of an index space whose numbers lie in an interval. In nested strides the numbers rise with the indices, so
// the interval cuts one slab of an axis at each end and takes whole those between.
#include <algorithm>
#include <utility>

#include "layout/box.h"

namespace tessera {
namespace {

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b > 0 ? 1 : 0); }

class Clipper {
 public:
  Clipper(const Extents& shape, const Strided& at, int64_t lo, int64_t hi) : shape_(shape), at_(at), lo_(lo), hi_(hi) {
    for (size_t a = 0; a < shape.size(); ++a)
      if (shape[a] > 1 && at.strides[a] > 0) axes_.push_back(a);
    std::sort(axes_.begin(), axes_.end(), [&](size_t a, size_t b) { return at.strides[a] > at.strides[b]; });
    spans_.assign(axes_.size() + 1, 1);
    for (size_t k = axes_.size(); k-- > 0;) spans_[k] = spans_[k + 1] + (shape[axes_[k]] - 1) * at.strides[axes_[k]];
  }

  std::vector<Window> run() {
    cut(0, at_.offset, {std::vector<int64_t>(shape_.size(), 0), shape_});
    return std::move(windows_);
  }

 private:
  // `window` fixes the axes before the k-th; its numbers lie in [at, at + spans_[k]).
  void cut(size_t k, int64_t at, Window window);
  void cut_slabs(size_t k, int64_t at, const Window& window, int64_t first, int64_t last);

  const Extents& shape_;
  const Strided& at_;
  int64_t lo_, hi_;
  std::vector<size_t> axes_;    // coarsest first
  std::vector<int64_t> spans_;  // how far the axes from the k-th on reach
  std::vector<Window> windows_;
};

void Clipper::cut(size_t k, int64_t at, Window window) {
  if (at >= hi_ || at + spans_[k] <= lo_) return;
  if (at >= lo_ && at + spans_[k] <= hi_) return windows_.push_back(std::move(window));
  size_t axis = axes_[k];
  int64_t stride = at_.strides[axis], slab = spans_[k + 1];
  int64_t touched = std::max<int64_t>(0, floor_div(lo_ - at - slab, stride) + 1);
  int64_t past = std::min(shape_[axis], ceil_div(hi_ - at, stride));
  int64_t whole = std::max<int64_t>(0, ceil_div(lo_ - at, stride));
  int64_t whole_past = std::min(past, floor_div(hi_ - at - slab, stride) + 1);
  cut_slabs(k, at, window, touched, std::min(whole, past));
  if (whole < whole_past) {
    window.first[axis] = whole;
    window.shape[axis] = whole_past - whole;
    windows_.push_back(window);
  }
  cut_slabs(k, at, window, std::max(whole, whole_past), past);
}

// At most one slab, since slabs do not overlap.
void Clipper::cut_slabs(size_t k, int64_t at, const Window& window, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i) {
    Window slab = window;
    slab.first[axes_[k]] = i;
    slab.shape[axes_[k]] = 1;
    cut(k + 1, at + i * at_.strides[axes_[k]], std::move(slab));
  }
}

}  // namespace

std::vector<Window> clip(const Extents& shape, const Strided& at, int64_t lo, int64_t hi) {
  if (std::count(shape.begin(), shape.end(), 0) > 0) return {};
  Reach all = reach(shape, at);
  lo = std::max(lo, all.begin);
  hi = std::min(hi, all.end);
  return lo < hi ? Clipper(shape, at, lo, hi).run() : std::vector<Window>{};
}

}  // namespace tessera
