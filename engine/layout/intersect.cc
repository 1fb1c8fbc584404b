// Do two affine images meet? One equation over bounded indices, offset_a + sum(i * s) = offset_b + sum(j * t), solved
// by branch and bound from the largest stride down.
#include <algorithm>
#include <numeric>

#include "layout/box.h"

namespace tessera {
namespace {

// coefficient * x with 0 <= x <= most.
struct Unknown {
  int64_t coefficient, most;
};

void add_unknowns(const Image& image, std::vector<Unknown>& unknowns) {
  for (size_t a = 0; a < image.shape.size(); ++a)
    if (image.shape[a] > 1 && image.at.strides[a] > 0) unknowns.push_back({image.at.strides[a], image.shape[a] - 1});
}

// Two unknowns of which the coarser steps over no multiple of the finer are one: c*x + m*c*y = c*(x + m*y).
bool fuse_pair(std::vector<Unknown>& unknowns) {
  for (size_t fine = 0; fine < unknowns.size(); ++fine)
    for (size_t coarse = fine + 1; coarse < unknowns.size(); ++coarse) {
      Unknown &f = unknowns[fine], &c = unknowns[coarse];
      int64_t ratio = c.coefficient / f.coefficient;
      if (c.coefficient % f.coefficient != 0 || ratio > f.most + 1) continue;
      f.most += ratio * c.most;
      unknowns.erase(unknowns.begin() + static_cast<ptrdiff_t>(coarse));
      return true;
    }
  return false;
}

class Equation {
 public:
  Equation(std::vector<Unknown> unknowns, int64_t steps) : unknowns_(std::move(unknowns)), steps_(steps) {
    std::sort(unknowns_.begin(), unknowns_.end(), [](auto a, auto b) { return a.coefficient < b.coefficient; });
    while (fuse_pair(unknowns_)) {
    }
    std::reverse(unknowns_.begin(), unknowns_.end());
    most_.assign(unknowns_.size() + 1, 0);
    divisor_.assign(unknowns_.size() + 1, 0);
    for (size_t k = unknowns_.size(); k-- > 0;) {
      most_[k] = most_[k + 1] + unknowns_[k].coefficient * unknowns_[k].most;
      divisor_[k] = std::gcd(divisor_[k + 1], unknowns_[k].coefficient);
    }
  }

  // Can the unknowns from the k-th on add up to `sum`?
  bool solvable(size_t k, int64_t sum) {
    if (sum == 0) return true;
    if (sum < 0 || sum > most_[k] || sum % divisor_[k] != 0) return false;
    const Unknown& x = unknowns_[k];
    int64_t least = sum > most_[k + 1] ? (sum - most_[k + 1] - 1) / x.coefficient + 1 : 0;
    for (int64_t i = std::min(x.most, sum / x.coefficient); i >= least && steps_ > 0; --i, --steps_)
      if (solvable(k + 1, sum - i * x.coefficient)) return true;
    return false;
  }
  bool out_of_steps() const { return steps_ <= 0; }

 private:
  std::vector<Unknown> unknowns_;  // largest coefficient first
  std::vector<int64_t> most_;      // of the sum of the unknowns from the k-th on
  std::vector<int64_t> divisor_;   // of all such sums
  int64_t steps_;
};

}  // namespace

std::optional<bool> intersects(const Image& a, const Image& b, int64_t steps) {
  Reach of_a = reach(a.shape, a.at), of_b = reach(b.shape, b.at);
  if (std::max(of_a.begin, of_b.begin) >= std::min(of_a.end, of_b.end)) return false;
  // With the indices of b counted from its end all coefficients are positive.
  std::vector<Unknown> unknowns;
  add_unknowns(a, unknowns);
  add_unknowns(b, unknowns);
  Equation equation(std::move(unknowns), steps);
  if (equation.solvable(0, of_b.end - 1 - of_a.begin)) return true;
  return equation.out_of_steps() ? std::nullopt : std::optional(false);
}

}  // namespace tessera
