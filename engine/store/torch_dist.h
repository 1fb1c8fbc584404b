// Megatron-Core's distributed checkpoints (`torch_dist`): <root>/latest_checkpointed_iteration.txt,
// <root>/{release|iter_%07d}/ with metadata.json, common.pt, `.metadata` and data files `__R_W.distcp`. One place:
// every tensor is global, whatever the mesh of the run that wrote it, and stands in slabs.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "store/checkpoint.h"
#include "store/megatron_dir.h"

namespace tessera {

// Is there a distributed checkpoint in this folder? (By `.metadata` or metadata.json, as Megatron looks.)
bool is_torch_dist(const std::filesystem::path& folder);

// The folder that find_megatron found. Names are the format's keys. Left out, as they hold no weight: `_extra_state`
// objects, optimizer and random state. Contents::config are the arguments of common.pt (or the object `common_state`),
// with checkpoint_version (3.0 if absent) and, unless it is a release, iteration. Without metadata.json it is a plain
// checkpoint of torch.distributed.checkpoint, "torch_dcp": all its tensors, no side, no configuration. Error(world).
std::unique_ptr<Reader> open_torch_dist(const MegatronPath& where);

// Slabs are the output's tensors, one archive for each, in files of at most max_shard_size (a larger tensor has its
// own). For each linear layer's weight an empty `_extra_state` object is written, which Megatron asks for.
std::unique_ptr<Writer> create_torch_dist(const OutputSpec& spec);

}  // namespace tessera
