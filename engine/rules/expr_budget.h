// One expression is bounded by itself; what a file makes of many, or of one at every index of a range, is bounded here.
#pragma once
#include <cstddef>

namespace tessera {

// While it lives, the evaluations of this thread share `work` steps (of some 20 ns each); when they are used up, each
// fails with "takes too long". An inner budget replaces the outer one for its time.
class EvalBudget {
 public:
  explicit EvalBudget(size_t work);
  ~EvalBudget();
  EvalBudget(const EvalBudget&) = delete;
  EvalBudget& operator=(const EvalBudget&) = delete;
  static size_t* left();           // nullptr: there is none
  static bool spend(size_t work);  // of what is no evaluation; false: nothing is left

 private:
  size_t left_;
  size_t* outer_;
};

// Of all names, ranges and conditions of one end together.
inline constexpr size_t most_model_work = 60'000'000;

}  // namespace tessera
