// Moves in the order of writing; comparisons stand behind the first output that reads the same source.
#include <algorithm>
#include <tuple>

#include "plan/plan.h"

namespace tessera {

void order(Graph& graph, const Contents&) {
  std::vector<TensorId> first_output(graph.tensors.size(), none_id);  // that reads a source
  for (const Move& move : graph.moves)
    if (op_writes(move.op) && move.from != none_id)
      first_output[move.from] = std::min(first_output[move.from], move.to);
  const auto key = [&](const Move& move) {
    if (op_writes(move.op)) return std::tuple(move.to, 0, move.to, move.box->to.offset);
    const TensorId read = move.op == Op::compare ? move.to : move.from;
    return std::tuple(first_output[read], 1, move.from, move.box->from.offset);
  };
  std::ranges::stable_sort(graph.moves, std::less(), key);
}

}  // namespace tessera
