// `match`, `fixed` and `config` of a draft.
#pragma once
#include <set>
#include <string>

#include "plan/draft_compose.h"

namespace tessera {

// `keys`: of the configuration, that the draft's expressions speak of; each gets a line. Further lines are those that
// the rule files which are there have for this configuration's keys.
void add_config(const ComposeInput& input, const std::set<std::string>& keys, Draft& draft);

}  // namespace tessera
