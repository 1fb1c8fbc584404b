// What the two containers of torch.save need of each other.
#pragma once
#include "store/torch_file.h"

namespace tessera {

bool is_torch_legacy(std::string_view head);  // the first bytes of a file
inline constexpr size_t torch_legacy_head = 15;
TorchFile read_torch_legacy(InputFile file);

// The width to swap for each storage of a big-endian file: that of its elements. Error(world) if tensors disagree.
void set_swaps(std::vector<TorchStorage>& storages, const PickleTree& tree, const std::string& file);

}  // namespace tessera
