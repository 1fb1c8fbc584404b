// Coordinates of a dimension are sorted into classes by the parts that stand there; a combination of classes that no
// part shares is a hole.
#include "plan/rest.h"

#include <algorithm>
#include <map>

namespace tessera {
namespace {

using PartSet = std::vector<bool>;
struct Interval {
  int64_t lo = 0, hi = 0;
};
// Intervals of one dimension where the same parts stand.
using Classes = std::map<PartSet, std::vector<Interval>>;

// The coordinates of one part in one dimension, ascending, neighbours joined.
std::vector<Interval> coordinates(const Slab& slab, uint32_t dimension) {
  std::vector<const SlabAxis*> axes;
  for (const SlabAxis& axis : slab.axes)
    if (axis.dimension == dimension) axes.push_back(&axis);
  std::ranges::stable_sort(axes, std::less(), &SlabAxis::step);
  std::vector<Interval> intervals = {{slab.coordinate[dimension], slab.coordinate[dimension] + 1}};
  for (const SlabAxis* axis : axes) {
    std::vector<Interval> wider;
    for (int64_t slot = 0; slot < axis->slots->width; ++slot)
      for (const Interval& one : intervals) {
        const Interval moved{one.lo + slot * axis->step, one.hi + slot * axis->step};
        if (!wider.empty() && wider.back().hi == moved.lo)
          wider.back().hi = moved.hi;
        else
          wider.push_back(moved);
      }
    intervals = std::move(wider);
  }
  return intervals;
}

Classes classes(const std::vector<Slab>& slabs, uint32_t dimension, Interval whole) {
  std::vector<std::pair<int64_t, size_t>> borders;  // coordinate, part whose presence changes
  for (size_t part = 0; part < slabs.size(); ++part)
    for (const Interval& one : coordinates(slabs[part], dimension)) {
      borders.emplace_back(one.lo, part);
      borders.emplace_back(one.hi, part);
    }
  std::ranges::sort(borders);
  borders.emplace_back(whole.hi, slabs.size());
  Classes out;
  PartSet present(slabs.size());
  int64_t at = whole.lo;
  for (const auto& [coordinate, part] : borders) {
    const int64_t end = std::min(coordinate, whole.hi);
    if (end > at) {
      auto& intervals = out[present];
      if (!intervals.empty() && intervals.back().hi == at)
        intervals.back().hi = end;
      else
        intervals.push_back({at, end});
      at = end;
    }
    if (part < slabs.size()) present[part] = !present[part];
  }
  return out;
}

class Holes {
 public:
  Holes(const LocalTensor& tensor, std::vector<Classes> dimensions)
      : tensor_(tensor), dimensions_(std::move(dimensions)), chosen_(dimensions_.size()) {}

  std::vector<Image> find(size_t parts) {
    walk(0, PartSet(parts, true));
    return std::move(images_);
  }

 private:
  // Depth is the rank of the tensor.
  void walk(size_t dimension, const PartSet& common) {
    if (dimension == dimensions_.size()) {
      if (std::ranges::count(common, true) == 0) emit();
      return;
    }
    for (const auto& [parts, intervals] : dimensions_[dimension]) {
      PartSet both = common;
      for (size_t i = 0; i < both.size(); ++i) both[i] = both[i] && parts[i];
      chosen_[dimension] = &intervals;
      walk(dimension + 1, both);
    }
  }

  void emit() {
    std::vector<Image> images = {{{}, {0, tensor_.strides}}};
    for (size_t k = 0; k < dimensions_.size(); ++k) {
      std::vector<Image> longer;
      const int64_t origin = tensor_.cut && tensor_.cut->dimension == k ? tensor_.cut->lo : 0;
      for (const Image& image : images)
        for (const Interval& interval : *chosen_[k]) {
          longer.push_back(image);
          longer.back().shape.push_back(interval.hi - interval.lo);
          longer.back().at.offset += (interval.lo - origin) * tensor_.strides[k];
        }
      images = std::move(longer);
    }
    images_.insert(images_.end(), images.begin(), images.end());
  }

  const LocalTensor& tensor_;
  std::vector<Classes> dimensions_;
  std::vector<const std::vector<Interval>*> chosen_;
  std::vector<Image> images_;
};

}  // namespace

std::vector<Image> unfilled(EndAddress& address, const Ranks& ranks, EndAxes& axes) {
  const LocalTensor& tensor = *address.local(ranks);
  std::vector<Slab> slabs;
  for (const std::string& part : address.part_names()) slabs.push_back(*slab_of(address, part, ranks, axes, {}));
  std::vector<Classes> dimensions;
  for (uint32_t k = 0; k < tensor.shape.size(); ++k) {
    Interval whole{0, tensor.shape[k]};
    if (tensor.cut && tensor.cut->dimension == k) whole = {tensor.cut->lo, tensor.cut->hi};
    dimensions.push_back(classes(slabs, k, whole));
  }
  return Holes(tensor, std::move(dimensions)).find(slabs.size());
}

}  // namespace tessera
