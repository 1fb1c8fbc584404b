// A plan carried out in memory, by the executor or by the interpreter.
#pragma once
#include "conformance/case.h"
#include "conformance/interpret.h"

namespace tessera {

enum class Means { executor, interpreter };
// What `target` holds afterwards; X01 goes to the diagnostics.
MemoryCheckpoint carry_out(const Graph& graph, const EndSpec& target, const MemoryCheckpoint& source, Means means,
                           const Sources& sources, Diagnostics& diagnostics);
// Nothing, or in words the first difference: exactly these places, names, shapes, dtypes and bits.
std::string difference(const MemoryCheckpoint& found, const MemoryCheckpoint& wanted, int64_t ulp);

}  // namespace tessera
