// The target's configuration: what the rules say of it, and from a side to itself what it said before. Lines are
// tested, not trusted: what was written is read back.
#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "plan/config.h"
#include "plan/dialects.h"

namespace tessera {
namespace {

bool sets_canonical_keys(const Model& model) {
  const auto& options = model.rules->file.options;
  return std::any_of(model.settings.begin(), model.settings.end(), [&](const Map::Entry& set) {
    return std::none_of(options.begin(), options.end(), [&](const OptionDecl& o) { return o.name.s == set.first; });
  });
}

bool same_or_absent(const Value* a, const Value* b) { return a && b ? same_value(*a, *b) : a == b; }

// From a side to itself: the source's own words, but for what the rules write otherwise for the other end (its mesh,
// its dialects). Corrected by settings, all that the rules say is written.
Map carried_config(const Model& model, const Map& written, Diagnostics& diagnostics) {
  Map config = model.given, before;
  if (sets_canonical_keys(model)) {
    read_spellings(*model.rules, model.to.side, config, diagnostics);
    write_spellings(*model.rules, model.to, config);
  } else {
    before = written_config(model, model.from, diagnostics);
  }
  for (const std::string& key : leaf_keys(before))
    if (!find_path(written, key)) erase_path(config, key);
  for (const KeyedExpr& item : model.rules->file.derived[model.to.side])
    if (!find_path(written, item.key.s)) erase_path(config, item.key.s);
  for (const std::string& key : leaf_keys(written)) {
    const Value* value = find_path(written, key);
    if (!same_or_absent(find_path(before, key), value)) set_path(config, key, *value);
  }
  return config;
}

// Of a value and none, either way, it is enough that the line writes the same for both.
bool writes_the_same(const Model& model, const ConfigLine& line, const Value* back) {
  const ConfigWay& way = *line.ways[model.to.side];
  Map other = model.config;
  if (!set_path(other, line.key.s, back ? *back : Value())) return false;
  const Map flags = dialect_flags(*model.rules, model.to);
  Diagnostics faults;
  const auto written = [&](const Map& config) {
    return written_value(line, way, config, scope_over({&flags, &model.lets, &model.options, &config}), faults);
  };
  const auto a = written(model.config), b = written(other);
  return a && b && same_value(*a, *b);
}

void read_back(const Model& model, const Map& written, Diagnostics& diagnostics) {
  const RuleSet& rules = *model.rules;
  Map source = pruned(written);
  if (!read_spellings(rules, model.to.side, source, diagnostics)) return;
  Map config = inverted(rules, model.to, source, model.options, {}, diagnostics);
  apply_defaults(rules, model.options, said_none(rules, model.to.side, source, {}, config), config, diagnostics);
  for (const ConfigLine& line : rules.file.config) {
    if (!line.ways[model.to.side]) continue;
    const Value* ours = find_path(model.config, line.key.s);
    const Value* back = find_path(config, line.key.s);
    if (same_or_absent(ours, back) || ((!ours || !back) && writes_the_same(model, line, back))) continue;
    diagnostics.error("B03", line.key.span,
                      format("{}: {} -> {}", line.key.s, ours ? show(*ours) : "none", back ? show(*back) : "none"),
                      "what this line writes it does not read back");
  }
}

// Of maps and lists in each other. The rules put values that files hold, 64 deep, under keys of up to 32 steps.
size_t depth(const Value& value) {
  size_t inner = 0;
  if (const List* list = value.as_list())
    for (const Value& item : *list) inner = std::max(inner, depth(item));
  if (const Map* map = value.as_map())
    for (const auto& [key, item] : *map) inner = std::max(inner, depth(item));
  return value.as_list() || value.as_map() ? inner + 1 : 0;
}

void require_readable(const Map& config, Diagnostics& diagnostics) {
  constexpr size_t most = JsonLimits{}.depth;
  for (const auto& [key, value] : config)
    if (depth(value) + 1 > most)
      diagnostics.error("B03", {},
                        format("`{}` nests more than {} deep: no file of it could be read back", escape(key), most));
}

}  // namespace

std::optional<Map> target_config(const Model& model, Diagnostics& diagnostics) {
  const size_t before = diagnostics.error_count();
  const auto failed = [&] { return diagnostics.error_count() > before; };
  Map config = written_config(model, model.to, diagnostics);
  if (failed()) return std::nullopt;
  if (model.to.side == model.from.side) config = carried_config(model, config, diagnostics);
  if (failed()) return std::nullopt;
  if (model.to.side != 0) read_back(model, config, diagnostics);
  if (failed()) return std::nullopt;
  require_readable(config, diagnostics);
  if (failed()) return std::nullopt;
  return config;
}

}  // namespace tessera
