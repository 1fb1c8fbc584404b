// Writing: what lines, fixed and derived say of one end's configuration.
#include "base/text.h"
#include "plan/config.h"
#include "plan/dialects.h"

namespace tessera {
namespace {

void put(Map& config, const Text& key, Value value, Diagnostics& diagnostics) {
  if (value.is_none()) return;
  if (!set_path(config, key.s, std::move(value)))
    diagnostics.error("B03", key.span, format("`{}` has no place: what holds it is no map", key.s));
}

void write_lines(const Model& model, const EndSpec& end, Map& config, Diagnostics& diagnostics) {
  const Map flags = dialect_flags(*model.rules, end);
  const Scope scope = scope_over({&flags, &model.lets, &model.options, &model.config});
  for (const ConfigLine& line : model.rules->file.config) {
    const auto& way = line.ways[end.side];
    if (!way) continue;
    if (auto value = written_value(line, *way, model.config, scope, diagnostics))
      put(config, way->other, *std::move(value), diagnostics);
  }
}

void write_derived(const Model& model, const EndSpec& end, Map& config, Diagnostics& diagnostics) {
  const EndScope scope(model, end);
  for (const KeyedExpr& item : model.rules->file.derived[end.side]) {
    EvalFault fault;
    auto value = evaluate(item.value, scope.scope(), &fault);
    if (!value)
      report(fault, diagnostics);
    else if (value->is_none())
      erase_path(config, item.key.s);  // the canonical side's own word
    else
      put(config, item.key, *std::move(value), diagnostics);
  }
}

}  // namespace

std::optional<Value> written_value(const ConfigLine& line, const ConfigWay& way, const Map& config, const Scope& scope,
                                   Diagnostics& diagnostics) {
  if (way.kind == ConfigWay::Kind::both) {
    EvalFault fault;
    auto value = evaluate(*way.to, scope, &fault);
    if (!value) report(fault, diagnostics);
    return value;
  }
  const Value* value = find_path(config, line.key.s);
  if (!value) return Value();
  if (way.kind == ConfigWay::Kind::name) return *value;
  if (way.kind == ConfigWay::Kind::negated && value->as_bool()) return !*value->as_bool();
  for (const auto& [canonical, other] : way.table)
    if (same_value(canonical, *value)) return other;
  diagnostics.error("B03", way.span,
                    format("`{}` is {}, for which `{}` has no value", line.key.s, show(*value), way.other.s));
  return std::nullopt;
}

Map written_config(const Model& model, const EndSpec& end, Diagnostics& diagnostics) {
  Map config;
  if (end.side == 0)
    config = pruned(model.config);
  else
    write_lines(model, end, config, diagnostics);
  for (const KeyedValue& item : model.rules->file.fixed[end.side]) put(config, item.key, item.value, diagnostics);
  write_derived(model, end, config, diagnostics);
  write_spellings(*model.rules, end, config);
  for (const Text& key : model.rules->file.nulls)
    if (end.side == 0 && !find_path(model.config, key.s)) set_path(config, key.s, Value());
  return config;
}

}  // namespace tessera
