// Reading: options, lines inverted, defaults.
#include <algorithm>

#include "base/text.h"
#include "plan/config.h"
#include "plan/dialects.h"

namespace tessera {
namespace {

std::string show_choices(const std::vector<Value>& values) {
  std::vector<std::string> shown;
  for (const Value& value : values) shown.push_back(show(value));
  return join(shown, ", ");
}

// An option that is one value fixes the type alone; an integer may stand for a float.
bool same_type(const Value& wanted, const Value& value) {
  return std::string_view(type_name(wanted)) == type_name(value) || (wanted.as_float() && value.as_int());
}

std::optional<Value> negated(const ConfigWay& way, const Value& value, Diagnostics& diagnostics) {
  if (const bool* b = value.as_bool()) return !*b;
  diagnostics.error("B03", way.span, format("`{}` is {}, neither true nor false", way.other.s, show(value)));
  return std::nullopt;
}

std::optional<Value> canonical_word(const ConfigLine& line, const ConfigWay& way, const Value& value,
                                    Diagnostics& diagnostics) {
  for (const auto& [canonical, other] : way.table)
    if (same_value(other, value)) return canonical;
  diagnostics.error("B03", way.span,
                    format("`{}` is {}, for which `{}` has no value here", way.other.s, show(value), line.key.s));
  return std::nullopt;
}

// The canonical value that a line reads; none: it says nothing. nullopt after an error.
std::optional<Value> read_value(const ConfigLine& line, const ConfigWay& way, const Map& source, const Scope& scope,
                                Diagnostics& diagnostics) {
  if (way.kind == ConfigWay::Kind::both) {
    EvalFault fault;
    auto value = evaluate(*way.from, scope, &fault);
    if (!value) report(fault, diagnostics);
    return value;
  }
  const Value* value = find_path(source, way.other.s);
  if (!value) return Value();
  if (way.kind == ConfigWay::Kind::negated) return negated(way, *value, diagnostics);
  if (way.kind == ConfigWay::Kind::bijection) return canonical_word(line, way, *value, diagnostics);
  return *value;
}

// Must `item` wait for the default of `other`?
bool speaks_of(const KeyedExpr& item, const std::string& other) {
  const auto uses = names_of(item.value);
  return std::any_of(uses.begin(), uses.end(), [&](const NameUse& use) { return overlaps(use.path, other); });
}

// The first that waits for no other; the very first if they wait in a ring.
size_t next_default(const std::vector<const KeyedExpr*>& pending) {
  for (size_t i = 0; i < pending.size(); ++i) {
    const bool waits = std::any_of(pending.begin(), pending.end(), [&](const KeyedExpr* other) {
      return other != pending[i] && speaks_of(*pending[i], other->key.s);
    });
    if (!waits) return i;
  }
  return 0;
}

// A key in a map that is not there says none by the map's being none.
void set_default(Map& config, const KeyedExpr& item, Value value, Diagnostics& diagnostics) {
  const std::string root = item.key.s.substr(0, item.key.s.find('.'));
  const bool no_map = value.is_none() && !find_path(config, root);
  if (!set_path(config, no_map ? root : item.key.s, std::move(value)))
    diagnostics.error("B03", item.key.span, format("`{}` has no place: `{}` is no map", item.key.s, root));
}

}  // namespace

Scope scope_over(std::vector<const Map*> maps) {
  return [maps = std::move(maps)](std::string_view name) -> const Value* {
    for (const Map* map : maps)
      if (const Value* value = map->find(name)) return value;
    return nullptr;
  };
}

void report(const EvalFault& fault, Diagnostics& diagnostics) { diagnostics.error("B03", fault.span, fault.message); }

std::optional<Value> accepted(const OptionDecl& option, const Value& value, Diagnostics& diagnostics) {
  if (option.any && same_type(option.values.front(), value)) return value;
  for (const Value& choice : option.values)
    if (!option.any && same_value(choice, value)) return choice;
  const std::string wanted =
      option.any ? format("any {}", type_name(option.values.front())) : "one of " + show_choices(option.values);
  diagnostics.error("B03", option.name.span, format("`{}` is {}, but can be {}", option.name.s, show(value), wanted));
  return std::nullopt;
}

Map choose_options(const RuleSet& rules, SideId side, const Map& source, const Map& settings,
                   Diagnostics& diagnostics) {
  Map chosen;
  for (const OptionDecl& option : rules.file.options) {
    const Value* value = settings.find(option.name.s);
    if (!value && side != 0) value = find_path(source, option.name.s);
    chosen[option.name.s] =
        value ? accepted(option, *value, diagnostics).value_or(option.values.front()) : option.values.front();
  }
  return chosen;
}

Map inverted(const RuleSet& rules, const EndSpec& end, const Map& source, const Map& options, const Map& settings,
             Diagnostics& diagnostics) {
  const Map flags = dialect_flags(rules, end);
  const Scope scope = scope_over({&flags, &options, &source});
  Map config;
  for (const ConfigLine& line : rules.file.config) {
    const auto& way = line.ways[end.side];
    if (!way || settings.find(line.key.s)) continue;
    auto value = read_value(line, *way, source, scope, diagnostics);
    if (!value || value->is_none()) continue;
    if (!set_path(config, line.key.s, *std::move(value)))
      diagnostics.error("B03", line.key.span, format("`{}` has no place: what holds it is no map", line.key.s));
  }
  return config;
}

std::set<std::string> said_none(const RuleSet& rules, SideId side, const Map& given, const Map& settings,
                                const Map& config) {
  const auto is_null = [](const Value* value) { return value && value->is_none(); };
  const auto has_line = [&](const std::string& key) {
    return std::any_of(rules.file.config.begin(), rules.file.config.end(),
                       [&](const ConfigLine& line) { return line.key.s == key && line.ways[side]; });
  };
  std::set<std::string> none;
  for (const Text& key : rules.file.nulls) {
    const Value* set = settings.find(key.s);
    const bool said = set ? set->is_none() : side == 0 ? is_null(given.find(key.s)) : has_line(key.s);
    if (said && !find_path(config, key.s)) none.insert(key.s);
  }
  return none;
}

std::vector<std::string> apply_defaults(const RuleSet& rules, const Map& options, const std::set<std::string>& none,
                                        Map& config, Diagnostics& diagnostics) {
  const Scope scope = scope_over({&options, &config});
  std::vector<const KeyedExpr*> pending;
  for (const KeyedExpr& item : rules.file.defaults)
    if (!find_path(config, item.key.s) && !none.contains(item.key.s)) pending.push_back(&item);
  for (const std::string& key : none) config[key] = Value();  // a name with a value: none
  std::vector<std::string> taken;
  while (!pending.empty()) {
    const auto at = pending.begin() + static_cast<std::ptrdiff_t>(next_default(pending));
    const KeyedExpr& item = **at;
    pending.erase(at);
    EvalFault fault;
    auto value = evaluate(item.value, scope, &fault);
    if (!value) {
      report(fault, diagnostics);
      continue;
    }
    if (!value->is_none()) taken.push_back(item.key.s);
    set_default(config, item, *std::move(value), diagnostics);
  }
  return taken;
}

}  // namespace tessera
