// Slabs tile a tensor if they are disjoint and their volumes add up. Disjointness: along any axis, slabs fall into runs
// that do not touch; each run is looked at alone, until runs are single slabs or overlap along every axis.
#include <algorithm>
#include <numeric>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "store/dcp_metadata.h"
#include "store/limits.h"

namespace tessera {
namespace {

using Group = std::vector<uint32_t>;  // indices of slabs

class Disjoint {
 public:
  Disjoint(const DcpTensor& tensor, const std::string& where) : tensor_(tensor), where_(where) {}

  void require(Group all) {
    std::vector<Group> open{std::move(all)};
    while (!open.empty()) {
      const Group group = std::move(open.back());
      open.pop_back();
      if (group.size() < 2) continue;
      if (std::vector<Group> runs = separated(group); !runs.empty())
        std::move(runs.begin(), runs.end(), std::back_inserter(open));
      else
        compare_pairs(group);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    fail_world(format("{}: `{}`: {}", where_, escape(tensor_.name), what));
  }

  void spend(uint64_t steps) {
    steps_ += steps;
    if (steps_ > limits::tiling_steps) fail("its slabs lie too irregularly to be checked");
  }

  const DcpSlab& slab(uint32_t i) const { return tensor_.slabs[i]; }

  // The runs along the first axis that has more than one; empty if there is none.
  std::vector<Group> separated(const Group& group) {
    for (size_t axis = 0; axis < tensor_.shape.size(); ++axis) {
      spend(group.size());
      Group sorted = group;
      std::sort(sorted.begin(), sorted.end(),
                [&](uint32_t a, uint32_t b) { return slab(a).offsets[axis] < slab(b).offsets[axis]; });
      std::vector<Group> runs;
      int64_t end = -1;
      for (uint32_t i : sorted) {
        if (slab(i).offsets[axis] >= end) runs.emplace_back();
        runs.back().push_back(i);
        end = std::max(end, slab(i).offsets[axis] + slab(i).shape[axis]);
      }
      if (runs.size() > 1) return runs;
    }
    return {};
  }

  void compare_pairs(const Group& group) {
    spend(group.size() * group.size());
    for (size_t i = 0; i < group.size(); ++i)
      for (size_t j = i + 1; j < group.size(); ++j)
        if (meet(slab(group[i]), slab(group[j])))
          fail(format("the slabs at {} and {} overlap", show_shape(slab(group[i]).offsets),
                      show_shape(slab(group[j]).offsets)));
  }

  static bool meet(const DcpSlab& a, const DcpSlab& b) {
    for (size_t k = 0; k < a.shape.size(); ++k)
      if (a.offsets[k] + a.shape[k] <= b.offsets[k] || b.offsets[k] + b.shape[k] <= a.offsets[k]) return false;
    return true;
  }

  const DcpTensor& tensor_;
  const std::string& where_;
  uint64_t steps_ = 0;
};

int64_t volume_of(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace

// Slabs lie within the tensor, so products and sums of their sizes fit as long as they are disjoint.
void require_tiled(const DcpTensor& tensor, const std::string& where) {
  Group filled;
  for (uint32_t i = 0; i < tensor.slabs.size(); ++i)
    if (volume_of(tensor.slabs[i].shape) > 0) filled.push_back(i);
  Disjoint(tensor, where).require(filled);
  int64_t covered = 0;
  for (uint32_t i : filled) covered += volume_of(tensor.slabs[i].shape);
  if (const int64_t all = volume_of(tensor.shape); covered != all)
    fail_world(format("{}: `{}`: its slabs hold {} of {} elements: some are missing", where, escape(tensor.name),
                      covered, all));
}

}  // namespace tessera
