// Keys of configurations: which ones the rules know, and how dialects spell them.
#include <algorithm>

#include "base/text.h"
#include "plan/config.h"
#include "plan/dialects.h"

namespace tessera {
namespace {

void add_names(std::set<std::string>& known, const Expr& expr) {
  for (const NameUse& use : names_of(expr)) known.insert(use.path);
}

void add_canonical_keys(std::set<std::string>& known, const RuleFile& file) {
  for (const auto& [key, value] : file.match) known.insert(key);
  for (const ConfigLine& line : file.config) known.insert(line.key.s);
  for (const KeyedExpr& item : file.defaults) known.insert(item.key.s);
  for (const Stated& stated : file.require) add_names(known, stated.condition);
  for (const Stated& stated : file.notes) add_names(known, stated.condition);
}

void add_side_keys(std::set<std::string>& known, const RuleFile& file, SideId side) {
  for (const ConfigLine& line : file.config) {
    if (!line.ways[side]) continue;
    known.insert(line.ways[side]->other.s);
    if (line.ways[side]->from) add_names(known, *line.ways[side]->from);
  }
  for (const OptionDecl& option : file.options) known.insert(option.name.s);
}

bool lies_in(std::string_view key, std::string_view map) {
  return key.size() > map.size() && key[map.size()] == '.' && key.starts_with(map);
}

// "Keys tell themselves": a line acts where the rules know its left key and not its right one.
template <class Act>
void each_spelling(const RuleSet& rules, SideId side, Act act) {
  const std::set<std::string> known = known_keys(rules, side);
  for (const Dialect* dialect : dialects_of(rules, side))
    for (const auto& [left, right] : dialect->config)
      if (known.contains(left.s) && !known.contains(right.s)) act(*dialect, left, right);
}

}  // namespace

Map pruned(const Map& config) {
  Map kept;
  for (const auto& [key, value] : config) {
    if (value.is_none()) continue;
    if (!value.as_map())
      kept.insert(key, value);
    else if (Map inner = pruned(*value.as_map()); !inner.empty())
      kept.insert(key, std::move(inner));
  }
  return kept;
}

std::set<std::string> known_keys(const RuleSet& rules, SideId side) {
  std::set<std::string> known;
  if (side == 0)
    add_canonical_keys(known, rules.file);
  else
    add_side_keys(known, rules.file, side);
  for (const KeyedValue& item : rules.file.fixed[side]) known.insert(item.key.s);
  for (const KeyedExpr& item : rules.file.derived[side]) known.insert(item.key.s);
  return known;
}

bool overlaps(std::string_view a, std::string_view b) { return a == b || lies_in(a, b) || lies_in(b, a); }

bool is_known(const std::set<std::string>& known, std::string_view key) {
  return std::any_of(known.begin(), known.end(), [&](const std::string& other) { return overlaps(key, other); });
}

std::vector<std::string> leaf_keys(const Map& config) {
  std::vector<std::string> leaves;
  for (const auto& [key, value] : config) {
    if (!value.as_map())
      leaves.push_back(key);
    else
      for (const std::string& inner : leaf_keys(*value.as_map())) leaves.push_back(key + "." + inner);
  }
  return leaves;
}

bool read_spellings(const RuleSet& rules, SideId side, Map& config, Diagnostics& diagnostics) {
  const size_t before = diagnostics.error_count();
  each_spelling(rules, side, [&](const Dialect&, const Text& left, const Text& right) {
    const Value* theirs = find_path(config, right.s);
    if (!theirs) return;
    const Value* ours = find_path(config, left.s);
    if (ours && !same_value(*ours, *theirs)) {
      diagnostics.error(
          "B03", right.span,
          format("the configuration says `{}` = {} and `{}` = {}", left.s, show(*ours), right.s, show(*theirs)));
      return;
    }
    Value moved = *theirs;
    erase_path(config, right.s);
    if (!set_path(config, left.s, std::move(moved)))
      diagnostics.error("B03", left.span, format("`{}` has no place: what holds it is no map", left.s));
  });
  config = pruned(config);
  return diagnostics.error_count() == before;
}

void write_spellings(const RuleSet& rules, const EndSpec& end, Map& config) {
  const Map flags = dialect_flags(rules, end);
  each_spelling(rules, end.side, [&](const Dialect& dialect, const Text& left, const Text& right) {
    const Value* ours = find_path(config, left.s);
    if (!ours || !*flags.find(dialect.name)->as_bool()) return;
    Value moved = *ours;
    erase_path(config, left.s);
    set_path(config, right.s, std::move(moved));
  });
  config = pruned(config);
}

}  // namespace tessera
