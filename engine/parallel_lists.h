// The classical tensor-parallel parameter lists, read off the table of axes (`check --tp-lists`).
#pragma once
#include <map>
#include <set>
#include <string>

#include "rules/ruleset.h"

namespace tessera {
// For one side: kind ("vocab parallel", "column parallel", "row parallel", "expert parallel", "replicated") -> names.
std::map<std::string, std::set<std::string>> parallel_lists(const RuleSet& set, SideId side);
}  // namespace tessera
