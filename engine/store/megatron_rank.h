// One rank's file of the `torch` format: {args, checkpoint_version, iteration, model | model0, model1, ..., ...}.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "store/megatron_dir.h"
#include "store/torch_state.h"

namespace tessera {

// What a file says of the checkpoint as a whole.
struct MegatronHeader {
  std::string file;  // for messages
  std::optional<Map> args;
  double version = 0;  // checkpoint_version; stays as it is where the file has none
  std::optional<int64_t> iteration;
  Map beside;                     // other keys with plain values
  std::vector<std::string> left;  // the rest of them
  bool optimizer = false;         // one of them holds an optimizer's tensors
};
// Of a dict with the keys args, checkpoint_version, iteration, and others. Error(world) with the file and the key.
void read_header(const PickleTree& tree, PickleId dict, MegatronHeader& header);

// What a checkpoint of such headers says beside its tensors: side, arguments, iteration, files that came along.
void describe_header(const MegatronHeader& header, const MegatronPath& where, Contents& contents);

struct MegatronRank : MegatronHeader {
  std::unique_ptr<TorchReader> reader;  // its tensors are in place i for virtual stage i
  uint32_t chunks = 1;                  // virtual stages
};

bool is_megatron_dict(const PickleTree& tree);  // rather than a dict of weights
// Error(world) with the file and the key.
MegatronRank read_megatron_rank(TorchFile file);

// A positive size among the arguments; nullopt if the key is not there, or holds none where `none_is_absent`.
std::optional<int32_t> size_argument(const MegatronHeader& header, const char* key, bool none_is_absent = false);
// The mesh that arguments tell; sizes they do not tell stay as they are in `mesh`, but for etp, which is then tp.
Mesh mesh_of_arguments(const MegatronHeader& header, Mesh mesh);

}  // namespace tessera
