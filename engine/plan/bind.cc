// Rules meet a configuration. Order of belief: what was set, what the source says, defaults; then everything is judged.
#include <algorithm>

#include "base/suggest.h"
#include "base/text.h"
#include "plan/config.h"
#include "plan/dialects.h"
#include "rules/expr_budget.h"
#include "rules/expr_ops.h"

namespace tessera {
namespace {

constexpr size_t most_let_values = 1'000'000;
constexpr size_t most_work = 6'000'000;  // of all expressions of a configuration together

void check_settings(const RuleSet& rules, const Map& settings, Diagnostics& diagnostics) {
  const std::set<std::string> known = known_keys(rules, 0);
  std::vector<std::string> names(known.begin(), known.end());
  for (const OptionDecl& option : rules.file.options) names.push_back(option.name.s);
  for (const Map::Entry& one : settings)
    if (std::none_of(names.begin(), names.end(), [&](const std::string& name) { return overlaps(one.first, name); }))
      diagnostics.error("B03", {},
                        format("`{}` is neither an option nor a configuration key of these rules{}", escape(one.first),
                               did_you_mean(one.first, names)));
}

bool is_option(const RuleSet& rules, const std::string& key) {
  const auto& options = rules.file.options;
  return std::any_of(options.begin(), options.end(), [&](const OptionDecl& option) { return option.name.s == key; });
}

void believe_settings(Model& model, Diagnostics& diagnostics) {
  for (const auto& [key, value] : model.settings)
    if (!is_option(*model.rules, key) && !set_path(model.config, key, value))
      diagnostics.error("B03", {}, format("`{}` cannot be set: what holds it is no map", escape(key)));
  model.config = pruned(model.config);
}

// What must not be otherwise; `config` is the side's own.
void compare_fixed(const RuleSet& rules, SideId side, const Map& config, Diagnostics& diagnostics) {
  for (const KeyedValue& item : rules.file.fixed[side]) {
    const Value* value = find_path(config, item.key.s);
    if (value && !same_value(*value, item.value))
      diagnostics.error("B03", item.span,
                        format("the configuration says `{}` = {}; these rules are for {} alone", item.key.s,
                               show(*value), show(item.value)));
  }
}

// The side's own configuration becomes the canonical one.
void read_config(Model& model, Diagnostics& diagnostics) {
  const RuleSet& rules = *model.rules;
  const SideId side = model.from.side;
  Map source = pruned(model.given);
  if (!read_spellings(rules, side, source, diagnostics)) return;
  model.options = choose_options(rules, side, source, model.settings, diagnostics);
  model.config = side == 0 ? source : inverted(rules, model.from, source, model.options, model.settings, diagnostics);
  believe_settings(model, diagnostics);
  compare_fixed(rules, side, side == 0 ? model.config : source, diagnostics);
  if (model.to.side == side) return;
  const std::set<std::string> known = known_keys(rules, side);
  for (const std::string& key : leaf_keys(source))
    if (!is_known(known, key)) model.dropped_keys.push_back(key);
}

// Options that are otherwise at the target than at the source.
void settle_target_options(Model& model, Diagnostics& diagnostics) {
  for (const OptionDecl& option : model.rules->file.options)
    if (const Value* asked = model.to.options.find(option.name.s))
      if (auto value = accepted(option, *asked, diagnostics)) model.to.options[option.name.s] = *std::move(value);
}

void evaluate_lets(Model& model, Diagnostics& diagnostics) {
  const Scope scope = scope_over({&model.lets, &model.options, &model.config});
  size_t values = 0;
  for (const KeyedExpr& item : model.rules->file.let) {
    EvalFault fault;
    auto value = evaluate(item.value, scope, &fault);
    if (!value) {
      report(fault, diagnostics);
      continue;
    }
    values += weight(*value);
    if (values > most_let_values) {
      diagnostics.error("B03", item.value.span(), format("the lets hold more than {} values", most_let_values));
      return;
    }
    model.lets[item.key.s] = *std::move(value);
  }
}

void judge(Model& model, Diagnostics& diagnostics) {
  const Scope scope = scope_over({&model.lets, &model.options, &model.config});
  EvalFault fault;
  for (const Stated& stated : model.rules->file.require) {
    const auto holds = evaluate_condition(stated.condition, scope, &fault);
    if (!holds)
      report(fault, diagnostics);
    else if (!*holds)
      diagnostics.error("B03", stated.condition.span(), stated.text);
  }
  for (const Stated& stated : model.rules->file.notes)
    if (evaluate_condition(stated.condition, scope, &fault).value_or(false)) model.notes.push_back(stated.text);
}

// A number that fits no value of ours cannot be carried truly, so a key that the rules speak of must not hold one.
void refuse_unkept(const Model& model, Diagnostics& diagnostics) {
  for (const ConfigLine& line : model.rules->file.config) {
    const Value* value = find_path(model.config, line.key.s);
    if (value && value->as_opaque() && value->as_opaque()->kind == "number")
      diagnostics.error("B03", line.key.span,
                        format("`{}` is {}: a number beyond what can be kept", line.key.s, show(*value)));
  }
}

}  // namespace

std::optional<Model> bind(const ConfigRequest& request, Diagnostics& diagnostics) {
  const EvalBudget budget(most_work);
  const size_t before = diagnostics.error_count();
  const auto failed = [&] { return diagnostics.error_count() > before; };
  Model model;
  model.rules = request.rules;
  model.from = request.from;
  model.to = request.to;
  model.settings = request.settings;
  if (request.config) model.given = *request.config;
  check_dialects(*model.rules, model.from, diagnostics);
  check_dialects(*model.rules, model.to, diagnostics);
  check_settings(*model.rules, model.settings, diagnostics);
  if (failed()) return std::nullopt;
  read_config(model, diagnostics);
  settle_target_options(model, diagnostics);
  refuse_unkept(model, diagnostics);
  if (failed()) return std::nullopt;
  const auto none = said_none(*model.rules, model.from.side, model.given, model.settings, model.config);
  model.defaulted = apply_defaults(*model.rules, model.options, none, model.config, diagnostics);
  if (failed()) return std::nullopt;
  evaluate_lets(model, diagnostics);
  if (failed()) return std::nullopt;
  judge(model, diagnostics);
  if (failed()) return std::nullopt;
  return model;
}

}  // namespace tessera
