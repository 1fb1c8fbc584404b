// What the two containers of torch.save need of each other.
#pragma once
#include "store/torch_file.h"

namespace tessera {

// How many of the first bytes of a file are the number in front of a stream; 0: it is none.
size_t torch_legacy_front(std::string_view head);
TorchFile read_torch_legacy(InputFile file, size_t front);

// The width to swap for each storage of a big-endian file: that of its elements. Error(world) if tensors disagree.
void set_swaps(std::vector<TorchStorage>& storages, const PickleTree& tree, const std::string& file);

}  // namespace tessera
