// Reading: options, lines inverted, defaults.
#include <map>
#include <set>

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

constexpr size_t most_waits = 1'000'000;  // of defaults for each other

// For each default, those that speak of its key, of a map in which it stands, or of a key in it. nullopt after a B03.
using Waiters = std::vector<std::vector<size_t>>;
std::optional<Waiters> waiters_of(const std::vector<const KeyedExpr*>& items, Diagnostics& diagnostics) {
  std::multimap<std::string, size_t> keys;
  for (size_t i = 0; i < items.size(); ++i) keys.emplace(items[i]->key.s, i);
  Waiters waiters(items.size());
  size_t waits = 0;
  for (size_t i = 0; i < items.size(); ++i)
    for (const NameUse& use : names_of(items[i]->value)) {
      const auto wait = [&](auto first, auto last) {
        for (; first != last && ++waits <= most_waits; ++first)
          if (first->second != i) waiters[first->second].push_back(i);
      };
      for (size_t end = 0; end != use.path.npos;) {
        end = use.path.find('.', end + 1);
        const auto [first, last] = keys.equal_range(use.path.substr(0, end));
        wait(first, last);
      }
      wait(keys.lower_bound(use.path + "."), keys.lower_bound(use.path + "/"));  // the sign behind the dot
      if (waits <= most_waits) continue;
      diagnostics.error("B03", use.span, format("defaults speak of each other more than {} times", most_waits));
      return std::nullopt;
    }
  return waiters;
}

// Each after those that it speaks of; of several the first, and the very first where they wait in a ring.
std::vector<const KeyedExpr*> in_order(const std::vector<const KeyedExpr*>& items, const Waiters& waiters) {
  std::vector<size_t> waits(items.size());
  for (const auto& list : waiters)
    for (const size_t waiter : list) ++waits[waiter];
  std::set<size_t> pending, ready;
  for (size_t i = 0; i < items.size(); ++i) {
    pending.insert(i);
    if (waits[i] == 0) ready.insert(i);
  }
  std::vector<const KeyedExpr*> ordered;
  while (!pending.empty()) {
    const size_t next = ready.empty() ? *pending.begin() : *ready.begin();
    pending.erase(next);
    ready.erase(next);
    ordered.push_back(items[next]);
    for (const size_t waiter : waiters[next])
      if (--waits[waiter] == 0 && pending.contains(waiter)) ready.insert(waiter);
  }
  return ordered;
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
  std::set<std::string_view> written;
  for (const ConfigLine& line : rules.file.config)
    if (line.ways[side]) written.insert(line.key.s);
  std::set<std::string> none;
  for (const Text& key : rules.file.nulls) {
    const Value* set = settings.find(key.s);
    const bool said = set ? set->is_none() : side == 0 ? is_null(given.find(key.s)) : written.contains(key.s);
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
  const auto waiters = waiters_of(pending, diagnostics);
  if (!waiters) return taken;
  for (const KeyedExpr* item : in_order(pending, *waiters)) {
    EvalFault fault;
    auto value = evaluate(item->value, scope, &fault);
    if (!value) {
      report(fault, diagnostics);
      continue;
    }
    if (!value->is_none()) taken.push_back(item->key.s);
    set_default(config, *item, *std::move(value), diagnostics);
  }
  return taken;
}

}  // namespace tessera
