// The steps of link: what a rule becomes before it is put at its sites, and what follows from it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/text_hash.h"
#include "rules/ruleset.h"

namespace tessera {

// What the rules and copies at all places of a model may still come to.
class Room {
 public:
  explicit Room(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}
  // For one more; false, and an R01 at `span`, where there is none left.
  bool take(size_t weight, Span span);

 private:
  size_t rules_ = 0, bytes_ = 0;
  Diagnostics& diagnostics_;
};

// A rule of a block as it is written there, without prefixes and entry. A side that was not written has no
// alternatives.
Rule rule_of(const BlockDecl& block, const RuleDecl& decl);
// The bias rule that `decl` asks for, derived from `weight`; nullopt after an R03, and where the weight itself is wrong
// in a way that check tells.
std::optional<Rule> bias_of(const RuleFile& file, const RuleDecl& decl, const Rule& weight, Diagnostics& diagnostics);
// The copies that the items of `same` make: one for each rule of the name. R02 if there is none.
void link_copies(RuleSet& set, Room& room, Diagnostics& diagnostics);

}  // namespace tessera
