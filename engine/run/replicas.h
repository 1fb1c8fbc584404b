// Comparisons of a graph: what stands more than once in a source, or must be a constant, is looked at.
#pragma once
#include <atomic>
#include <optional>
#include <string>

#include "run/windows.h"

namespace tessera {

// The first element that is not what it must be, counted row-major in the tensors of a move's ends.
struct Unequal {
  int64_t from = 0, to = 0;  // to: of compare alone
};

// Looks at a compare or compare_fill in pieces of at most `piece` bytes, until an element is unequal or `stop` is set.
// Adds what was looked at to `compared`.
std::optional<Unequal> compare_sources(const Graph& graph, SourceWindows& windows, const Move& move, uint64_t piece,
                                       const std::atomic<bool>& stop, uint64_t& compared);
// "`x` of mp_rank_01 differs at [3] from ..."
std::string unequal_text(const Graph& graph, const Contents& source, const Move& move, const Unequal& at);

}  // namespace tessera
