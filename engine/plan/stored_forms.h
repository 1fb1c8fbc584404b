// Tensors that are there because of a companion (moments, LoRA) or an encoding (fp8, mxfp4, gptq): the language
// describes them, this version does not carry them. They are refused by what they are, instead of as names without a
// rule.
#pragma once
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "rules/ruleset.h"

namespace tessera {

// V01 for each companion and encoding of the side to which some of these names belong. False if there is one.
bool refuse_stored_forms(const RuleFile& file, SideId side, const std::vector<std::string>& unmapped,
                         Diagnostics& diagnostics);

}  // namespace tessera
