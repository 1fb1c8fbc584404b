// The output's shape from the plan: tensors, places, configuration, what goes along.
#include "base/path.h"
#include "base/text.h"
#include "planning.h"
#include "store/format_keys.h"

namespace tessera {
namespace {

// A config.json that came along gives the keys of which the rules do not speak, and nothing else.
Map over_companion(const RuleSet& rules, Map companion, Map config) {
  const RuleFile& file = rules.file;
  std::vector<std::string> spoken;
  for (const ConfigLine& line : file.config) spoken.push_back(line.key.s);
  for (const KeyedValue& fixed : file.fixed[0]) spoken.push_back(fixed.key.s);
  for (const KeyedExpr& derived : file.derived[0]) spoken.push_back(derived.key.s);
  for (const Dialect& dialect : rules.dialects)
    if (dialect.side == file.sides[0].s)
      for (const auto& [left, right] : dialect.config) spoken.push_back(right.s);
  for (const std::string& path : spoken) erase_path(companion, path);
  for (const auto& [key, value] : config) {
    Value* const there = companion.find(key);
    if (there && there->as_map() && value.as_map()) {
      for (const auto& [inner, v] : *value.as_map()) (*there->as_map())[inner] = v;
    } else {
      companion[key] = value;
    }
  }
  return companion;
}

}  // namespace

std::filesystem::path folder_of(const Contents& source) {
  std::error_code ignored;
  return std::filesystem::is_directory(source.root, ignored) ? source.root : absolute_path(source.root).parent_path();
}

OutputSpec output_spec(const Prepared& prepared, const Format& format_, uint64_t max_shard_size) {
  const Contents& source = prepared.reader->contents();
  const Model& model = prepared.plan.model;
  OutputSpec spec;
  spec.format = std::string(format_.name);
  spec.mesh = model.to.mesh;
  for (const Coordinates& at : places_of(model.to)) spec.places.push_back({at, ""});
  if (const auto table = model.to.tables.find(MeshDim::pp); table != model.to.tables.end())
    for (const auto& layers : table->second) spec.stages.push_back(std::ssize(layers));
  for (const Tensor& t : prepared.plan.graph.tensors)
    if (t.output) {
      if (spec.tensors.size() <= t.index) spec.tensors.resize(t.index + 1);
      spec.tensors[t.index] = {t.name, t.dtype, t.shape, t.place};
    }
  for (const Move& move : prepared.plan.graph.moves)
    if (op_writes(move.op) && model.rules->rules[move.why].linear)
      spec.tensors[prepared.plan.graph.tensors[move.to].index].linear = true;
  spec.max_shard_size = max_shard_size;
  const Value* iteration = source.side == "mcore" ? source.config.find("iteration") : nullptr;
  if (iteration && iteration->as_int()) {
    spec.iteration = *iteration->as_int();
    spec.release = spec.iteration == 0;
  }
  spec.side_files = source.side_files;
  if (source.side == format_.side) spec.beside = source.beside;
  if (source.side == "hf" && format_.side == "mcore" && source.has_config)
    spec.side_files.push_back(path_in(folder_of(source), "config.json"));
  spec.config = prepared.plan.target_config;
  if (!source.companion_config.empty() && model.to.side == 0)
    spec.config = over_companion(*model.rules, source.companion_config, std::move(spec.config));
  add_format_keys(spec);
  return spec;
}

}  // namespace tessera
