// Companions of the weights (moments, master weights, LoRA): rules of their own, derived from those of the weights. A
// conversion carries kinds, each as a whole: the weights are one, each companion is another.
#pragma once
#include <optional>
#include <vector>

#include "rules/ruleset.h"

namespace tessera {

struct Kinds {
  bool weights = true;
  std::vector<size_t> companions;  // indices into RuleFile::companions
};

// Makes `set` the rules of these kinds: those of the weights leave if they are not among them, those of companions
// follow. V01 for a companion without a name on the side `to`, and for a weight whose companion cannot be derived
// (`neg_exp`; LoRA of parts that the sides group differently).
void carry_kinds(RuleSet& set, const Kinds& kinds, SideId to, Diagnostics& diagnostics);

// One companion of one weight's rule; nullopt where it has none, or after an error.
std::optional<Rule> moment_of(const Rule& weight, const CompanionDecl& kind, Diagnostics& diagnostics);
std::optional<Rule> lora_of(const RuleFile& file, const Rule& weight, const CompanionDecl& kind,
                            Diagnostics& diagnostics);

// What both have in common: name, form of the names, nothing pinned, no layer of its own.
Rule companion_base(const Rule& weight, const CompanionDecl& kind);

}  // namespace tessera
