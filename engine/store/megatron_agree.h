// Ranks of one checkpoint must not contradict each other. Which tensors are copies of each other only rules know;
// names, shapes and arguments are held to each other here.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "store/megatron_rank.h"

namespace tessera {

// Same arguments (but for those that name the process), version, iteration and number of virtual stages as the first
// rank. Error(world) with both files.
void check_same_header(const MegatronRank& rank, const MegatronRank& first);

// Ranks of one stage hold the same names with the same shapes and dtypes, and some stage holds something. Tensors have
// their final places. Error(world) with the rank, `folder` before its label.
void check_stages(const std::vector<PlaceInfo>& places, std::span<const MegatronRank> ranks, const std::string& folder);

}  // namespace tessera
