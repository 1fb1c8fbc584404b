// The steps of link: what a rule becomes before it is put at its sites, and what follows from it.
#pragma once
#include <optional>
#include <string>

#include "rules/ruleset.h"

namespace tessera {

// A rule of a block as it is written there, without prefixes and entry. A side that was not written has no
// alternatives.
Rule rule_of(const BlockDecl& block, const RuleDecl& decl);
// The bias rule that `decl` asks for, derived from `weight`; nullopt after an R03, and where the weight itself is wrong
// in a way that check tells.
std::optional<Rule> bias_of(const RuleFile& file, const RuleDecl& decl, const Rule& weight, Diagnostics& diagnostics);
// The copies that one item of `same` makes: one for each rule of its name. R02 if there is none.
void link_copies(const CopyDecl& decl, RuleSet& set, Diagnostics& diagnostics);

}  // namespace tessera
