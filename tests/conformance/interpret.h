// The meaning of a graph, element by element: slow, and independent of the executor and its kernels.
#pragma once
#include <cstddef>
#include <vector>

#include "base/diagnostic.h"
#include "plan/graph.h"
#include "store/memory.h"

namespace tessera {

// The bytes of each output, in order of Graph::tensors. Unequal copies and constants are X01.
std::vector<std::vector<std::byte>> interpret(const Graph& graph, const MemoryCheckpoint& source,
                                              Diagnostics& diagnostics);

// A number as it stands in memory, for comparing results: f32 of -0.0 and NaN keep their bits only as bytes.
double number_at(DType dtype, const std::byte* bytes);

}  // namespace tessera
