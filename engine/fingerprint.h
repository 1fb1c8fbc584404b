// One hash of everything that decides an output's bytes, but the source's: rules, configuration, ends, moves, layout,
// version of the program. Two runs with one plan may go on with each other's work.
#pragma once
#include <string>

#include "planning.h"

namespace tessera {

std::string program_version();
std::string plan_hash(const Prepared& prepared);

}  // namespace tessera
