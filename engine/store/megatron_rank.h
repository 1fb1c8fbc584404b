// One rank's file of the `torch` format: {args, checkpoint_version, iteration, model | model0, model1, ..., ...}.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "store/torch_state.h"

namespace tessera {

struct MegatronRank {
  std::string file;                     // for messages
  std::unique_ptr<TorchReader> reader;  // its tensors are in place i for virtual stage i
  uint32_t chunks = 1;                  // virtual stages
  std::optional<Map> args;
  double version = 0;
  std::optional<int64_t> iteration;
};

bool is_megatron_dict(const PickleTree& tree);  // rather than a dict of weights
// Error(world) with the file and the key.
MegatronRank read_megatron_rank(TorchFile file);

// A positive size among the arguments; nullopt if the key is not there, or holds none where `none_is_absent`.
std::optional<int32_t> size_argument(const MegatronRank& rank, const char* key, bool none_is_absent = false);
// The mesh that arguments tell; sizes they do not tell stay as they are in `mesh`.
Mesh mesh_of_arguments(const MegatronRank& rank, Mesh mesh);

}  // namespace tessera
