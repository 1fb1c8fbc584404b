// What a rule set promises in each direction, as `check` and `families` show it.
#pragma once
#include <string>
#include <vector>

#include "rules/ruleset.h"

namespace tessera {
// "hf <-> mcore checked (tied copies)", or both directions where they differ; one line for each pair of sides.
std::vector<std::string> verdict_lines(const RuleSet& set);
List verdict_values(const RuleSet& set);  // { from, to, verdict, reason } for each direction
}  // namespace tessera
