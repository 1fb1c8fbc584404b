// Alternatives are chosen on every side, also those that no end is at: parts may be spelled there alone.
#include "plan/sites.h"

#include <algorithm>

#include "base/checked.h"
#include "base/text.h"

namespace tessera {

SiteWalk::SiteWalk(const Model& model, std::vector<EndState*> ends, Diagnostics& diagnostics)
    : model_(model), ends_(std::move(ends)), diagnostics_(diagnostics) {
  for (SideId side = 0; side < model.rules->file.sides.size(); ++side) {
    if (std::ranges::any_of(ends_, [&](const EndState* end) { return end->spec.side == side; })) continue;
    other_sides_.push_back(side);
    other_specs_.emplace_back().side = side;
    other_scopes_.emplace_back(model, other_specs_.back());
  }
}

Expandable SiteWalk::expandable(const Rule& rule) {
  Expandable what;
  for (const Range& loop : rule.loops) what.loops.push_back(&loop);
  what.entry_loops = model_.rules->file.model[rule.entry].loops.size();
  for (const Expr& condition : rule.when) what.when.push_back(&condition);
  for (EndState* end : ends_) {
    what.forms.push_back(&rule.sides[end->spec.side]);
    what.scopes.push_back(&end->scope);
  }
  for (size_t i = 0; i < other_sides_.size(); ++i) {
    what.forms.push_back(&rule.sides[other_sides_[i]]);
    what.scopes.push_back(&other_scopes_[i]);
  }
  return what;
}

bool SiteWalk::rule(RuleId id, const Visit& visit, std::vector<std::string>* empty) {
  const Rule& rule = model_.rules->rules[id];
  const Expandable what = expandable(rule);
  const auto expansion = expand(what, model_.rules->file, ends_[0]->axes, diagnostics_);
  if (!expansion) return false;
  if (empty && expansion->empty_range)
    for (const Range& loop : rule.loops)
      empty->push_back(format("{}: for {} in {}..{}", rule.name, loop.axis.s, to_text(loop.lo), to_text(loop.hi)));
  bool good = true;
  for (const Variant& variant : expansion->variants)
    good &= visit_variants({id, nullptr, &*expansion, &variant, {}, {}}, what, visit);
  return good;
}

bool SiteWalk::copy(const Copy& copy, size_t end, const Visit& visit) {
  const Rule& rule = model_.rules->rules[copy.of];
  Expandable what = expandable(rule);
  for (size_t i = rule.loops.size(); i < copy.loops.size(); ++i)
    what.loops.push_back(&copy.loops[i]);  // the rule's stand first
  what.forms.push_back(&copy.form);
  what.scopes.push_back(&ends_[end]->scope);
  Expandable conditions = what;
  for (const Expr& condition : copy.when) conditions.when.push_back(&condition);
  // A copy's conditions may speak of its end's mesh, so they are decided there.
  std::swap(conditions.scopes[0], conditions.scopes[end]);
  std::swap(conditions.forms[0], conditions.forms[end]);
  auto expansion = expand(conditions, model_.rules->file, ends_[end]->axes, diagnostics_);
  if (!expansion) return false;
  bool good = true;
  for (Variant& variant : expansion->variants) {
    std::swap(variant.chosen[0], variant.chosen[end]);
    good &= visit_variants({copy.of, &copy, &*expansion, &variant, {}, {}}, what, visit);
  }
  return good;
}

std::optional<std::map<std::string, std::vector<std::string>>> SiteWalk::orders(const Expandable& what,
                                                                                const Variant& variant, size_t end) {
  std::vector<const Alternative*> chosen(model_.rules->file.sides.size());
  for (size_t i = ends_.size(); i-- > 0;) chosen[ends_[i]->spec.side] = variant.chosen[i];
  for (size_t i = 0; i < other_sides_.size(); ++i) chosen[other_sides_[i]] = variant.chosen[ends_.size() + i];
  chosen[ends_[end]->spec.side] = variant.chosen[end];
  std::vector<Range> loops;
  for (const Range* loop : what.loops) loops.push_back(*loop);
  const auto parts = part_orders(model_.rules->file, chosen, loops, diagnostics_);
  if (!parts) return std::nullopt;
  std::map<std::string, std::vector<std::string>> orders;
  for (const PartOrder& part : *parts) orders[part.name] = part.axes;
  return orders;
}

bool SiteWalk::add_addresses(size_t end, const Alternative& form,
                             const std::map<std::string, std::vector<std::string>>& orders,
                             std::vector<EndAddress*>& out) {
  EndState& state = *ends_[end];
  bool good = true;
  for (const Address& address : form.addresses) {
    out.push_back(&state.addresses.emplace_back(address, orders, model_.rules->file, state.axes, diagnostics_));
    good &= out.back()->ok();
  }
  return good;
}

bool SiteWalk::visit_variants(RuleSites sites, const Expandable& what, const Visit& visit) {
  bool good = true;
  for (size_t end = 0; end < ends_.size(); ++end) {
    const auto axes = orders(what, *sites.variant, end);
    if (!axes) return false;
    good &= add_addresses(end, *sites.variant->chosen[end], *axes, sites.addresses.emplace_back());
    if (sites.copy && sites.copy->side == ends_[end]->spec.side && what.scopes.back() == &ends_[end]->scope)
      good &= add_addresses(end, *sites.variant->chosen.back(), *axes, sites.copy_addresses);
  }
  if (good) visit(sites);
  return good;
}

bool walk_tuples(const RuleSites& sites, const std::vector<std::string>& captured, EndAxes& axes,
                 Diagnostics& diagnostics, const VisitTuple& visit) {
  const auto& known = sites.expansion->axes;
  std::vector<FixedIndex> fixed;
  for (const std::string& axis : known) fixed.push_back({axis, 0});
  std::vector<int64_t> sizes;
  int64_t count = static_cast<int64_t>(sites.variant->sites.size());
  for (const std::string& axis : captured) {
    if (std::ranges::find(fixed, axis, &FixedIndex::axis) != fixed.end()) continue;
    const AxisPlan* plan = axes.find(axis);
    if (!plan) return false;
    fixed.push_back({axis, 0});
    sizes.push_back(plan->size);
    const auto product = checked_mul(count, plan->size);
    if (!product || *product > most_names) {
      diagnostics.error("B03", plan->decl->name.span, format("this axis makes more than {} names", most_names));
      return false;
    }
    count = *product;
  }
  if (count == 0) return true;
  for (const LoopTuple& site : sites.variant->sites) {
    for (size_t i = 0; i < known.size(); ++i) fixed[i].index = site.index[i];
    for (size_t i = known.size(); i < fixed.size(); ++i) fixed[i].index = 0;
    for (bool more = true; more;) {
      if (!visit(fixed, site.turn)) return false;
      more = false;
      for (size_t i = sizes.size(); i-- > 0 && !more;) {
        int64_t& index = fixed[known.size() + i].index;
        more = ++index < sizes[i];
        if (!more) index = 0;
      }
    }
  }
  return true;
}

std::vector<int64_t> captured_of(const EndAddress& address, const std::vector<FixedIndex>& fixed) {
  std::vector<int64_t> indices;
  for (const std::string& axis : address.captured())
    indices.push_back(std::ranges::find(fixed, axis, &FixedIndex::axis)->index);
  return indices;
}

}  // namespace tessera
