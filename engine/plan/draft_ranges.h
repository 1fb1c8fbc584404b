// The indices at which something stands, as ranges of the language.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/value.h"

namespace tessera {

struct LoopGuess {
  std::vector<std::string> loops;  // "l in 0..n where l % 4 == 3"; several: one for each run
  std::string comment;             // the indices, where the loops do not show them
  std::vector<std::string> keys;   // of the configuration, that the loops speak of
  bool all = false;                // every index from 0 to `size`
};

// `size_text` says `size`. The configuration's lists of layers are looked at first, then runs, then every n-th.
LoopGuess guess_loops(const std::string& axis, const std::string& size_text, int64_t size,
                      const std::vector<int64_t>& indices, const Map& config);

}  // namespace tessera
