// How well a checkpoint's names are those that a bound model declares: what detection compares candidates by.
#pragma once
#include <string>
#include <vector>

#include "plan/plan.h"

namespace tessera {

struct Fit {
  size_t names = 0;   // of the source
  size_t mapped = 0;  // declared, or an encoding's field of what is declared
  size_t ignored = 0;
  size_t unmapped = 0;
  size_t missing = 0;    // declared, not optional, not there
  size_t misshaped = 0;  // there, with another shape
  std::string first;     // one of the last three, in words; empty if there is none
};

// `declared`: of model.from, in the files' spelling.
Fit measure_fit(const Model& model, const std::vector<Declared>& declared, const Contents& source);

}  // namespace tessera
