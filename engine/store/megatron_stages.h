// Which pipeline stage holds which layers, as Megatron says it: in the names of its files, which count layers within a
// stage (`decoder.layers.0`), and in its arguments. Stages are numbered vpp * PP + pp.
// Source: megatron-core 0.16.1, transformer/transformer_block.py and pipeline_parallel_layer_layout.py.
#pragma once
#include <optional>
#include <vector>

#include "store/checkpoint.h"

namespace tessera {

// Sets Contents::stages from the names. What has no layer's number stands in the first stage or at the end: a loss, a
// final norm and modules of multi-token prediction that have stages of their own are told as the last stage's.
// Throws Error(world) where the arguments say another number of layers for a stage.
void settle_stages(Contents& contents);

// Layers of each stage by the arguments; none where they do not say, or say nonsense.
std::optional<std::vector<int64_t>> said_stages(const Map& args, const Mesh& mesh);

// The arguments that say where layers stand are settled: all of them go but those that `counts` needs. Empty: even.
// Throws Error(usage) for what Megatron cannot build.
void say_stages(Map& args, const std::vector<int64_t>& counts, const Mesh& mesh);

}  // namespace tessera
