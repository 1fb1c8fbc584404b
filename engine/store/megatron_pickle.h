// data.pkl of a rank's file: what Megatron's loader asks for, and the dummy optimizer of older conversion tools.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/checkpoint.h"
#include "store/pickle_write.h"

namespace tessera {

// Legacy checkpoints hold dicts in dicts. Of their names, `language_model.<module>.` is two dicts and then one flat
// dict; below `embedding` each dot is a dict; any other name is under a dict of its first part. {"a", "b.c"}: dict a,
// key b.c.
bool is_legacy_name(std::string_view name);
std::vector<std::string> dict_path(const std::string& name, bool legacy);

struct RankModel {
  std::vector<std::vector<const OutTensor*>> chunks;  // by virtual stage; storages count on through all of them
  bool legacy = false;                                // nested dicts
};
enum class DummyOptimizer { none, in_each_rank, distributed };

// The keys args, checkpoint_version and iteration of a dict that is begun, and those of `beside`. config: the
// arguments, and checkpoint_version (3.0 if absent).
void put_header(PickleWriter& pickle, const Map& config, int64_t iteration, const Map& beside);
std::string pickle_rank(const RankModel& model, const OutputSpec& spec, DummyOptimizer optimizer);
std::string pickle_dummy_optimizer();  // of optim.pt

}  // namespace tessera
