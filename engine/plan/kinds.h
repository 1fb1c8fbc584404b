// Which kinds a source holds: weights, and the companions that the rule file speaks of. A kind is all or nothing: one
// tensor of it, and all are wanted (V01).
#pragma once
#include "rules/companions.h"
#include "store/checkpoint.h"

namespace tessera {

Kinds kinds_of(const RuleFile& file, SideId side, const Contents& source);

}  // namespace tessera
