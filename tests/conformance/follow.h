// Every element of a plan followed from both ends (plan/trace.h, plan/explain.h), against what really comes out.
#pragma once
#include <string>

#include "plan/plan.h"
#include "store/memory.h"

namespace tessera {

// Empty, or the first element of which the story is wrong: a target element must come from a source element that says
// the same, bear the same part and indices on both ends, and hold its bits in `made`; a source element must be
// accounted for. Tensors with many elements are sampled.
std::string follow(const Plan& plan, const MemoryCheckpoint& source, const MemoryCheckpoint& made);

}  // namespace tessera
