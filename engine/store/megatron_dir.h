// Megatron-LM's `torch` format: <root>/latest_checkpointed_iteration.txt,
// <root>/{release|iter_%07d}/mp_rank_TT[_PPP][_EEE]/ model_optim_rng.pt, one file for each model-parallel rank.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/checkpoint.h"

namespace tessera {

inline constexpr const char* megatron_tracker = "latest_checkpointed_iteration.txt";

// Where a path leads.
struct MegatronPath {
  std::filesystem::path root;    // holds the tracker and side files; the folder itself when it has no tracker
  std::filesystem::path folder;  // holds the ranks
  bool release = true;
  std::optional<int64_t> iteration;  // of iter_%07d
};
// nullopt: the path does not look like a Megatron checkpoint of any format (no tracker, no iteration or rank folder).
// Throws Error(world) for a tracker that is missing, broken, or leads nowhere.
std::optional<MegatronPath> find_megatron(const std::filesystem::path& path);

// Named like the folder of an iteration or a rank: readers enter it, be it a link.
bool is_megatron_folder(std::string_view name);

// The places of a mesh in the order of Contents::places (stage = vpp * PP + pp, then tp, ep, etp), labelled
// "mp_rank_00_001". Expert ranks fold over tensor ranks as Megatron's do: with r = 0 .. lcm(TP, ETP x EP) - 1, tp = r
// mod TP, etp = r mod ETP, ep = r div ETP mod EP. mesh[etp] is TP where experts are cut like the rest.
std::vector<PlaceInfo> megatron_places(const Mesh& mesh);
std::string megatron_label(const Coordinates& at, const Mesh& mesh);
int64_t megatron_ranks_of_stage(const Mesh& mesh);            // places of one stage
Coordinates megatron_rank(const Mesh& mesh, int64_t number);  // r of a stage, by the rule above

// A checkpoint's root or iteration folder in the `torch` format. Contents::mesh has etp = tp where the arguments do not
// say; Contents::config are the arguments with checkpoint_version (0.0 if absent) and, unless it is a release,
// iteration.
std::unique_ptr<Reader> open_megatron(const std::filesystem::path& path);

// options: dummy_optimizer = true | "distributed". Arguments that are objects of unknown classes are left out of
// `args`.
std::unique_ptr<Writer> create_megatron(const OutputSpec& spec);

}  // namespace tessera
