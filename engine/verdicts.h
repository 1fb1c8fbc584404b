// What a rule set promises in each direction, as `check` and `families` show it.
#pragma once
#include <string>
#include <vector>

#include "rules/ruleset.h"

namespace tessera {
// "hf <-> mcore checked (tied copies)", or both directions where they differ; one line for each pair of sides.
std::vector<std::string> verdict_lines(const RuleSet& set);
List verdict_values(const RuleSet& set);  // { from, to, verdict, reason } for each direction
// What a family's rules say to those who use them: "if attn_logit_softcapping: Megatron-Core has no soft caps".
std::vector<std::string> note_lines(const RuleSet& set);
List note_values(const RuleSet& set);

}  // namespace tessera
