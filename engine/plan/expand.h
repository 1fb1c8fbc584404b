// A rule (or copy) at one model: every tuple of its loop axes for which its conditions hold, with the alternatives that
// hold there.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "plan/slots.h"

namespace tessera {

// One value for each axis of Expansion::axes.
struct LoopTuple {
  std::vector<int64_t> index;
  uint32_t turn = 0;  // which turn of the entry's loops: the same number for all rules of an entry
};

// Sites with the same alternatives.
struct Variant {
  std::vector<const Alternative*> chosen;  // one for each form
  std::vector<LoopTuple> sites;
};

struct Expansion {
  std::vector<std::string> axes;  // loop axes, then axes that only conditions name
  std::vector<Variant> variants;
  bool empty_range = false;  // some range has no element here
};

// What is to be expanded. Pointers must outlive the call.
struct Expandable {
  std::vector<const Range*> loops;
  size_t entry_loops = 0;              // how many of them are the model entry's
  std::vector<const Expr*> when;       // all must hold
  std::vector<const SideForm*> forms;  // one alternative of each is chosen ...
  std::vector<EndScope*> scopes;       // ... by conditions evaluated here
};

// nullopt after B03 (a condition or a bound without a value, a range beyond its axis, too many names).
std::optional<Expansion> expand(const Expandable& what, const RuleFile& file, EndAxes& axes, Diagnostics& diagnostics);

}  // namespace tessera
