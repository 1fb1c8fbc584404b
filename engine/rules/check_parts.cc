// R03 for whole rules: every side is there, every combination of alternatives has each axis of each part once on each
// side, and what a loop makes many of is many on each side.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "rules/check.h"
#include "rules/parts.h"

namespace tessera {
namespace {

constexpr size_t most_choices = 1024;

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Calls `use` with each choice of one alternative for each side; false if there are too many.
template <class Use>
bool each_choice(const std::vector<const SideForm*>& forms, Use use) {
  size_t count = 1;
  for (const SideForm* form : forms) {
    count *= form->size();
    if (count > most_choices) return false;
  }
  for (size_t number = 0; number < count; ++number) {
    std::vector<const Alternative*> chosen;
    size_t rest = number;
    for (const SideForm* form : forms) {
      chosen.push_back(&(*form)[rest % form->size()]);
      rest /= form->size();
    }
    use(chosen);
  }
  return true;
}

class Parts {
 public:
  Parts(Proving& proving, const Site& site) : proving_(proving), file_(proving.file), site_(site) {
    for (SideId side = 0; side < file_.sides.size(); ++side) {
      sides_.push_back(file_.sides[side].s);
      forms_.push_back(&site.rule->sides[side]);
    }
    if (!site.copy) return;
    sides_.push_back("copy's");
    forms_.push_back(&site.copy->form);
  }

  void prove() {
    const bool whole = each_choice(forms_, [&](const std::vector<const Alternative*>& chosen) {
      if (can_be(chosen)) choice(chosen);
    });
    if (!whole)
      proving_.findings.error("R04", site_.rule->span,
                              format("more than {} combinations of alternatives", most_choices),
                              "split the rule, each with its own `when`");
  }

 private:
  bool can_be(const std::vector<const Alternative*>& chosen) const {
    std::vector<Clause> clauses;
    for (const Expr& condition : *site_.when) clauses.push_back({condition, true, {}});
    for (const Alternative* alternative : chosen)
      if (alternative->when) clauses.push_back({*alternative->when, true, {}});
    return clauses.size() < 2 || !walk(clauses, proving_.knowledge).never();
  }

  void choice(const std::vector<const Alternative*>& chosen) {
    std::vector<SideChoice> sides;
    for (size_t i = 0; i < chosen.size(); ++i) sides.push_back({sides_[i], chosen[i]});
    Diagnostics found;
    const auto orders = part_orders(file_, sides, *site_.loops, found);
    proving_.findings.add(found);
    if (!orders) return;
    for (size_t i = site_.copy ? chosen.size() - 1 : 0; i < chosen.size(); ++i)
      for (const Address& address : chosen[i]->addresses) loops(address, *chosen[i], *orders);
  }

  // Everything that an address places: in its name, in its layout, by a part that stands bare there.
  std::vector<std::string> axes_of_address(const Address& address, const Alternative& alternative,
                                           const std::vector<PartOrder>& orders) const {
    std::vector<std::string> axes = captured_axes(address, file_);
    for (const Word& axis : axes_of(address.layout)) axes.push_back(axis.text);
    Diagnostics unheard;
    for (const PartView& view : part_views(alternative, file_, unheard)) {
      if (view.address != &address || !view.bare) continue;
      for (const PartOrder& order : orders)
        if (order.name == view.part) axes.insert(axes.end(), order.axes.begin(), order.axes.end());
    }
    return axes;
  }

  void loops(const Address& address, const Alternative& alternative, const std::vector<PartOrder>& orders) {
    if (address.kind != Address::Kind::tensor || site_.loops->empty()) return;
    const std::vector<std::string> axes = axes_of_address(address, alternative, orders);
    for (const Range& range : *site_.loops) {
      if (contains(axes, range.axis.s) || has_one_element(range)) continue;
      Diagnostic& error = proving_.findings.error(
          "R03", address.name_span,
          format("the loop axis `{}` is not in this address: all of them would be one tensor", range.axis.s),
          "put it into the name or the layout on each side, or under a prefix with a hole");
      error.related.push_back({range.axis.span, "the loop"});
    }
  }

  Proving& proving_;
  const RuleFile& file_;
  const Site& site_;
  std::vector<std::string> sides_;
  std::vector<const SideForm*> forms_;
};

bool has_each_side(const Site& site) {
  const auto& sides = site.rule->sides;
  return std::none_of(sides.begin(), sides.end(), [](const SideForm& form) { return form.empty(); });
}

void prove_sides(Proving& proving) {
  for (const BlockDecl& block : proving.file.blocks)
    for (const RuleDecl& rule : block.rules)
      for (SideId side = 0; side < rule.sides.size(); ++side)
        if (!rule.sides[side])
          proving.findings.error("R03", rule.name.span,
                                 format("the rule says nothing of the {} side", escape(proving.file.sides[side].s)),
                                 "a rule must name each side of the file, or it cannot be undone");
}

std::vector<std::string> axes_of_rule(const Rule& rule, const RuleFile& file) {
  std::vector<std::string> axes;
  for (const SideForm& form : rule.sides)
    for (const Alternative& alternative : form)
      for (const Address& address : alternative.addresses) {
        for (const std::string& axis : captured_axes(address, file)) axes.push_back(axis);
        for (const Word& axis : axes_of(address.layout)) axes.push_back(axis.text);
      }
  return axes;
}

void prove_in(Proving& proving) {
  std::map<std::string, const Rule*> rules;
  for (const Rule& rule : proving.set.rules) rules.emplace(rule.name, &rule);
  for (const BlockDecl& block : proving.file.blocks)
    for (const RuleDecl& rule : block.rules) {
      const auto linked = rules.find(block.name.s + "." + rule.name.s);
      if (linked == rules.end()) continue;
      const std::vector<std::string> axes = axes_of_rule(*linked->second, proving.file);
      for (const Text& axis : rule.in)
        if (proving.file.axis(axis.s) && !contains(axes, axis.s))
          proving.findings.error("R03", axis.span,
                                 format("`in` names the axis `{}`, which the rule does not have", axis.s));
    }
}

// A copy follows its rule, a bias its weight: what is wrong there is told there.
bool follows_broken(const Proving& proving, size_t index) {
  const Site& site = proving.sites[index];
  if (site.copy) return proving.sites[site.copy->of].broken;
  return site.rule->is_bias && proving.sites[index - 1].broken;
}

}  // namespace

void prove_parts(Proving& proving) {
  prove_sides(proving);
  prove_in(proving);
  for (size_t i = 0; i < proving.sites.size(); ++i) {
    Site& site = proving.sites[i];
    if (!has_each_side(site) || follows_broken(proving, i)) site.broken = true;
    if (!site.broken) judge(proving, site, [&] { Parts(proving, site).prove(); });
  }
}

}  // namespace tessera
