// How much of the source comes through in one direction: grows weaker as reasons are met.
#pragma once
#include <string>

#include "base/dtype.h"
#include "rules/ruleset.h"

namespace tessera {

// Keeps the weakest grade and the first reason for it.
void weaken(Verdict& verdict, Grade grade, std::string reason);
// Every value of `from` is one of `to`, bit for bit or by an exact cast.
bool cast_is_exact(DType from, DType to);
// A cast that exists at all: among f16, bf16, f32 and f64.
bool cast_exists(DType from, DType to);

}  // namespace tessera
