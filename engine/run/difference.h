// How two runs of numbers differ: bits where both have one dtype, else values; sizes of differences in f64.
#pragma once
#include <optional>
#include <span>

#include "base/dtype.h"

namespace tessera {

// Two elements at one index, as numbers. Where a dtype holds none that this program computes with: 0.
struct NumberPair {
  int64_t element = -1;  // row-major; -1: there is none
  double a = 0, b = 0;
};

// What was found so far of one tensor. An element that differs is one whose bits differ, or, of two dtypes, whose
// values do (a NaN by sign and payload). It counts as one of:
struct Difference {
  uint64_t elements = 0;             // differ
  uint64_t beyond = 0;               // of these, not within the tolerance
  uint64_t nan_a = 0, nan_b = 0;     // a NaN on one side alone
  uint64_t nan_both = 0;             // NaNs of other bits
  uint64_t infinite = 0;             // an infinity on one side alone, or of the other sign
  uint64_t zeros = 0;                // 0 and -0
  double largest = 0, relative = 0;  // |a - b|; |a - b| / max(|a|, |b|); of the other, finite ones
  NumberPair first, first_beyond, at_largest;
};

// Can elements of two dtypes be compared? Those of one always.
bool comparable(DType a, DType b);
// Are there numbers to be told, or bits alone?
bool has_numbers(DType dtype);

// Compares two tensors, run by run from front to back. Without a tolerance nothing is within it; with one (0 too),
// finite numbers that differ by no more, 0 and -0, and two NaNs are.
class Comparison {
 public:
  Comparison(DType a, DType b, std::optional<double> tolerance);
  // Elements from `first` on; both runs have as many.
  void add(int64_t first, std::span<const std::byte> a, std::span<const std::byte> b);
  const Difference& found() const { return found_; }

 private:
  void add_block(int64_t first, const std::byte* a, const std::byte* b, size_t count);
  void judge(int64_t element, double a, double b);
  bool judge_numbers(const NumberPair& pair);

  DType a_, b_;
  std::optional<double> tolerance_;
  Difference found_;
};

}  // namespace tessera
