// Between which numbers an axis, or a number in a name, lies at a site: the range proofs of R05.
#pragma once
#include <vector>

#include "rules/linear.h"
#include "rules/ruleset.h"

namespace tessera {

// Lower bounds and (exclusive) upper ones, each of which holds.
struct Bounds {
  std::vector<Linear> lo, hi;
};

// What the loops, and its size, say of an axis.
Bounds axis_bounds(const RuleFile& file, const std::string& axis, const std::vector<Range>& loops);
// Of the number in a hole. With `slots` an axis that is split on the side prints its slot there, which may begin again
// at 0; without, it counts as its index.
Bounds hole_bounds(const RuleFile& file, const Expr& hole, const std::vector<Range>& loops, SideId side, bool slots);
Bounds number_bounds(int64_t number);
// Is all of x below all of y, or the other way round, where the facts hold? `work` as for proves_nonnegative.
bool are_apart(const Bounds& x, const Bounds& y, const std::vector<Linear>& facts, size_t* work);

bool is_split(const RuleFile& file, const std::string& axis, SideId side);

}  // namespace tessera
