// One element followed through the moves of a graph: what is read for it, what must be equal to it, where it is
// written.
#pragma once
#include <optional>
#include <vector>

#include "plan/graph.h"

namespace tessera {

// An element of a tensor, counted row-major, and the move that names it.
struct ElementAt {
  TensorId tensor = none_id;
  int64_t element = 0;
  uint32_t move = none_id;  // none_id: the element that was asked for
};

struct Trace {
  std::optional<ElementAt> read;    // the source element whose value it is; none for constants, pads, what is left out
  std::vector<ElementAt> compared;  // source elements that must be equal to it: replicas and copies
  std::vector<ElementAt> written;   // target elements that get it, in order of the moves
  std::optional<ElementAt> constant;  // of a fill, or a comparison with one: `move` says which
  std::optional<FillValue> value;     // of `constant`, at this element
  std::optional<uint32_t> omission;   // left out: index into Graph::omissions
  bool more = false;                  // `written` was cut at `most`
};

// The whole story of one element, whichever end it is at: of a target element also the other places of its value.
Trace trace(const Graph& graph, TensorId tensor, int64_t element, size_t most = 1000);

}  // namespace tessera
