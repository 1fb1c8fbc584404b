// The order of keys is that of Megatron's own files.
#include "store/megatron_pickle.h"

#include "base/text.h"
#include "base/text_hash.h"

namespace tessera {
namespace {

// One tensor on its way into nested dicts.
struct Leaf {
  std::vector<std::string> path;
  const OutTensor* tensor;
  uint64_t key;
};

// Leaves by their key at `depth`, in order of appearance.
std::vector<std::vector<Leaf>> groups(const std::vector<Leaf>& leaves, size_t depth) {
  std::vector<std::vector<Leaf>> out;
  TextMap<size_t> known;
  for (const Leaf& leaf : leaves) {
    const auto [at, fresh] = known.try_emplace(leaf.path[depth], out.size());
    if (fresh) out.emplace_back();
    out[at->second].push_back(leaf);
  }
  return out;
}

void put_dict(PickleWriter& pickle, const std::vector<Leaf>& leaves, size_t depth) {
  pickle.begin_dict();
  for (const std::vector<Leaf>& group : groups(leaves, depth)) {
    const Leaf& first = group[0];
    pickle.text(first.path[depth]);
    if (first.path.size() == depth + 1)
      pickle.tensor(first.key, first.tensor->dtype, first.tensor->shape);
    else
      put_dict(pickle, group, depth + 1);
  }
  pickle.end_dict();
}

void put_optimizer(PickleWriter& pickle) {
  pickle.begin_dict();
  pickle.text("step");
  pickle.integer(0);
  pickle.text("param_groups");
  pickle.begin_list();
  pickle.begin_dict();
  for (const char* key : {"lr", "beta1", "beta2", "eps", "weight_decay"}) {
    pickle.text(key);
    pickle.real(0);
  }
  pickle.text("correct_bias");
  pickle.boolean(false);
  pickle.text("params");
  pickle.begin_list();
  pickle.end_list();
  pickle.end_dict();
  pickle.end_list();
  pickle.end_dict();
}

double version_of(const Map& config) {
  const Value* version = config.find("checkpoint_version");
  if (version && version->as_float()) return *version->as_float();
  return version && version->as_int() ? static_cast<double>(*version->as_int()) : 3.0;
}

}  // namespace

bool is_legacy_name(std::string_view name) { return name.starts_with("language_model."); }

std::vector<std::string> dict_path(const std::string& name, bool legacy) {
  const size_t dot = name.find('.');
  if (!legacy || dot == std::string::npos) return {name};
  if (name.starts_with("language_model.embedding.")) return split(name, '.');
  const size_t second = name.find('.', dot + 1);
  if (!is_legacy_name(name) || second == std::string::npos) return {name.substr(0, dot), name.substr(dot + 1)};
  return {name.substr(0, dot), name.substr(dot + 1, second - dot - 1), name.substr(second + 1)};
}

void put_header(PickleWriter& pickle, const Map& config, int64_t iteration, const Map& beside) {
  pickle.text("args");
  Map args = config;
  args.erase("checkpoint_version");
  pickle.attributes(args);
  pickle.text("checkpoint_version");
  pickle.real(version_of(config));
  pickle.text("iteration");
  pickle.integer(iteration);
  for (const auto& [key, value] : beside) {
    pickle.text(key);
    pickle.value(value);
  }
}

std::string pickle_rank(const RankModel& model, const OutputSpec& spec, DummyOptimizer optimizer) {
  PickleWriter pickle;
  pickle.begin_dict();
  put_header(pickle, spec.config, spec.release ? 0 : spec.iteration, spec.beside);
  uint64_t key = 0;
  for (size_t chunk = 0; chunk < model.chunks.size(); ++chunk) {
    std::vector<Leaf> leaves;
    for (const OutTensor* tensor : model.chunks[chunk])
      leaves.push_back({dict_path(tensor->name, model.legacy), tensor, key++});
    pickle.text(model.chunks.size() == 1 ? "model" : format("model{}", chunk));
    put_dict(pickle, leaves, 0);
  }
  if (optimizer == DummyOptimizer::in_each_rank) {
    pickle.text("optimizer");
    put_optimizer(pickle);
  }
  pickle.end_dict();
  return pickle.finish();
}

std::string pickle_dummy_optimizer() {
  PickleWriter pickle;
  pickle.begin_dict();
  pickle.text("optimizer");
  put_optimizer(pickle);
  pickle.end_dict();
  return pickle.finish();
}

}  // namespace tessera
