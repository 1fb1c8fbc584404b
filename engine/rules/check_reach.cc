// R06: what can never be: conditions that never hold, ranges that are always empty, a stage for what is split over the
// stages.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "rules/check.h"

namespace tessera {
namespace {

class Reach {
 public:
  explicit Reach(Proving& proving) : proving_(proving) {}

  void site(const Site& site) {
    for (const Expr& when : *site.when) can_hold(when);
    for (SideId side = 0; side < proving_.file.sides.size(); ++side)
      if (site.stands_on(side))
        for (const Alternative& alternative : site.form(side))
          if (alternative.when) can_hold(*alternative.when);
    for (const Range& range : *site.loops) {
      if (range.where) can_hold(*range.where);
      can_be_filled(range);
    }
  }

  // Of a rule at all of its sites: conditions that are right one by one may contradict each other.
  void together(const std::vector<const Site*>& sites) {
    const Rule& rule = *sites[0]->rule;
    for (const Site* site : sites) {
      std::vector<Clause> clauses;
      for (const Expr& when : *site->when) clauses.push_back({when, true, {}});
      if (clauses.size() < 2 || !walk(clauses, proving_.knowledge).never()) return;
    }
    proving_.findings.error("R06", rule.when.back().span(), "this condition and those around it never hold together",
                            "take the rule away, or mend the condition");
  }

  void stage(const Site& site) {
    if (site.stage == Stage::every) return;
    for (const std::string& axis : counting_axes(site)) {
      if (!split_by_stages(axis)) continue;
      proving_.findings.error("R06", stage_span(site),
                              format("a stage for what is split over the stages by the axis `{}`", axis),
                              "take away `stage`, or let another axis count these");
      return;
    }
  }

 private:
  void can_hold(const Expr& condition) {
    if (!walk({{condition, true, {}}}, proving_.knowledge).never()) return;
    proving_.findings.error("R06", condition.span(), "this condition never holds",
                            "what it guards is never reached; see `options` and `require`");
  }

  void can_be_filled(const Range& range) {
    const auto lo = linear_form(range.lo), hi = linear_form(range.hi);
    const auto lack = lo && hi ? add(*lo, *hi, -1) : std::nullopt;  // lo - hi >= 0
    if (!lack || !proves_nonnegative(*lack, proving_.facts, &proving_.work)) return;
    const Span span{range.lo.span().source, range.lo.span().begin, range.hi.span().end};
    proving_.findings.error("R06", span, "this range is always empty",
                            "the upper bound is not in the range: `0..n` is 0 to n - 1");
  }

  // What makes several of a rule or copy: loops, and axes in names.
  std::vector<std::string> counting_axes(const Site& site) const {
    std::vector<std::string> axes;
    for (const Range& range : *site.loops) axes.push_back(range.axis.s);
    for (SideId side = 0; side < proving_.file.sides.size(); ++side) {
      if (!site.stands_on(side)) continue;
      for (const Alternative& alternative : site.form(side))
        for (const Address& address : alternative.addresses)
          for (const std::string& axis : captured_axes(address, proving_.file)) axes.push_back(axis);
    }
    return axes;
  }

  bool split_by_stages(const std::string& axis) const {
    const AxisDecl* decl = proving_.file.axis(axis);
    return decl && std::any_of(decl->split.begin(), decl->split.end(),
                               [](const auto& split) { return split && split->s == "pp"; });
  }

  Span stage_span(const Site& site) const {
    if (!site.copy) return proving_.file.model[site.rule->entry].stage_span;
    for (const CopyDecl& decl : proving_.file.same)
      if (decl.span == site.copy->span) return decl.stage_span;
    return site.copy->span;
  }

  Proving& proving_;
};

}  // namespace

void prove_reachable(Proving& proving) {
  for (const Span& span : proving.refuted)
    proving.findings.error("R06", span, "this and what is required above never hold together");
  Reach reach(proving);
  std::map<std::string, std::vector<const Site*>> sites;
  for (const Site& site : proving.sites) {
    if (site.broken) continue;
    reach.site(site);
    reach.stage(site);
    if (!site.copy) sites[site.name].push_back(&site);
  }
  for (const auto& [name, site] : sites) reach.together(site);
}

}  // namespace tessera
