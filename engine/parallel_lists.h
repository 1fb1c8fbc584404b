// The classical tensor-parallel parameter lists, read off the table of axes (`check --tp-lists`).
#pragma once
#include "engine.h"
#include "rules/ruleset.h"

namespace tessera {
// Adds them to a report, for each side whose axes are split.
void add_parallel_lists(const RuleSet& set, Report& report);
}  // namespace tessera
