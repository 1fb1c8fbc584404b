// Ranges are walked first (outer loops first), then conditions and alternatives are decided for each tuple.
#include "plan/expand.h"

#include <algorithm>
#include <set>

#include "base/checked.h"
#include "base/text.h"
#include "rules/expr_budget.h"

namespace tessera {
namespace {

class Expander {
 public:
  Expander(const Expandable& what, const RuleFile& file, EndAxes& axes, Diagnostics& diagnostics)
      : what_(what), file_(file), axes_(axes), diagnostics_(diagnostics) {
    for (const Range* loop : what.loops) out_.axes.push_back(loop->axis.s);
    add_condition_axes();
  }

  std::optional<Expansion> run() {
    std::vector<LoopTuple> sites = {LoopTuple{}};
    for (size_t i = 0; i < what_.loops.size(); ++i) {
      if (!widen(sites, i)) return std::nullopt;
      if (i + 1 == what_.entry_loops) number(sites);
    }
    for (size_t i = what_.loops.size(); i < out_.axes.size(); ++i)
      if (!widen_whole(sites, i)) return std::nullopt;
    for (LoopTuple& site : sites)
      if (!place(std::move(site))) return std::nullopt;
    return std::move(out_);
  }

 private:
  void add_condition_axes() {
    const auto add = [&](const Expr& condition) {
      for (const NameUse& use : names_of(condition))
        if (file_.axis(use.root)) {
          by_site_ = true;
          if (std::ranges::find(out_.axes, use.root) == out_.axes.end()) out_.axes.push_back(use.root);
        }
    };
    for (const Expr* condition : what_.when) add(*condition);
    for (const SideForm* form : what_.forms)
      for (const Alternative& alternative : *form)
        if (alternative.when) add(*alternative.when);
  }

  static void number(std::vector<LoopTuple>& sites) {
    for (size_t i = 0; i < sites.size(); ++i) sites[i].turn = static_cast<uint32_t>(i);
  }

  void bind(const LoopTuple& site) {
    for (EndScope* scope : what_.scopes)
      for (size_t i = 0; i < site.index.size(); ++i) scope->set(out_.axes[i], site.index[i]);
  }
  void unbind() {
    for (EndScope* scope : what_.scopes)
      for (const std::string& axis : out_.axes) scope->unset(axis);
  }

  template <class T>
  std::optional<T> checked(std::optional<T> value, const EvalFault& fault, const LoopTuple& site) {
    if (!value) {
      std::string at;
      for (size_t i = 0; i < site.index.size(); ++i)
        at += format("{}{}={}", i ? ", " : " (", out_.axes[i], site.index[i]);
      diagnostics_.error("B03", fault.span, fault.message + (at.empty() ? "" : at + ")"));
    }
    return value;
  }
  std::optional<int64_t> number_of(const Expr& expr, const LoopTuple& site) {
    EvalFault fault;
    return checked(evaluate_int(expr, what_.scopes[0]->scope(), &fault), fault, site);
  }
  std::optional<bool> holds(const Expr& expr, EndScope& scope, const LoopTuple& site) {
    EvalFault fault;
    return checked(evaluate_condition(expr, scope.scope(), &fault), fault, site);
  }

  bool count(size_t sites, int64_t more, Span span) {
    const auto product = checked_mul<int64_t>(static_cast<int64_t>(sites), more);
    if (product && *product <= most_names) return true;
    diagnostics_.error("B03", span, format("this range makes more than {} names", most_names));
    return false;
  }

  // What binding and copying tuples takes, in steps of EvalBudget.
  bool spend(size_t tuples, size_t axes, Span span) {
    if (EvalBudget::spend(tuples * (1 + axes) * (1 + 2 * what_.scopes.size()))) return true;
    diagnostics_.error("B03", span, "this range takes too long: it makes many indices, of many axes");
    return false;
  }

  // Each tuple becomes one for each index of loop `i`.
  bool widen(std::vector<LoopTuple>& sites, size_t i) {
    const Range& loop = *what_.loops[i];
    std::vector<LoopTuple> wider;
    for (const LoopTuple& site : sites) {
      bind(site);
      const auto lo = number_of(loop.lo, site), hi = number_of(loop.hi, site);
      if (!lo || !hi || !fits(loop, *lo, *hi) ||
          !count(wider.size() + 1, std::max<int64_t>(*hi - *lo, 0), loop.hi.span()) ||
          !spend(1 + static_cast<size_t>(std::max<int64_t>(*hi - *lo, 0)), i, loop.hi.span()))
        return unbind(), false;
      for (int64_t index = *lo; index < *hi; ++index) {
        LoopTuple next = site;
        next.index.push_back(index);
        if (loop.where) {
          bind(next);
          const auto kept = holds(*loop.where, *what_.scopes[0], next);
          if (!kept) return unbind(), false;
          if (!*kept) continue;
        }
        wider.push_back(std::move(next));
      }
      unbind();
    }
    out_.empty_range |= wider.empty();
    sites = std::move(wider);
    return true;
  }

  bool fits(const Range& loop, int64_t lo, int64_t hi) {
    const AxisPlan* axis = axes_.find(loop.axis.s);
    if (!axis) return false;
    if (lo >= hi || (lo >= 0 && hi <= axis->size)) return true;
    diagnostics_.error("B03", lo < 0 ? loop.lo.span() : loop.hi.span(),
                       format("{}..{} goes beyond axis `{}`, which has {} indices", lo, hi, loop.axis.s, axis->size));
    return false;
  }

  bool widen_whole(std::vector<LoopTuple>& sites, size_t i) {
    const AxisPlan* axis = axes_.find(out_.axes[i]);
    if (!axis || !count(sites.size(), axis->size, axis->decl->name.span) ||
        !spend(sites.size() * static_cast<size_t>(axis->size), i, axis->decl->name.span))
      return false;
    std::vector<LoopTuple> wider;
    for (const LoopTuple& site : sites)
      for (int64_t index = 0; index < axis->size; ++index) {
        wider.push_back(site);
        wider.back().index.push_back(index);
      }
    sites = std::move(wider);
    return true;
  }

  // Puts one tuple where it belongs; conditions that name no axis are decided once.
  bool place(LoopTuple site) {
    if (by_site_ || !decision_) {
      bind(site);
      decision_ = decide(site);
      unbind();
    }
    if (!decision_) return false;
    if (!decision_->exists) return true;
    const auto same = std::ranges::find(out_.variants, decision_->chosen, &Variant::chosen);
    if (same != out_.variants.end())
      same->sites.push_back(std::move(site));
    else
      out_.variants.push_back({decision_->chosen, {std::move(site)}});
    return true;
  }

  struct Decision {
    bool exists = true;
    std::vector<const Alternative*> chosen;
  };
  std::optional<Decision> decide(const LoopTuple& site) {
    for (const Expr* condition : what_.when) {
      const auto kept = holds(*condition, *what_.scopes[0], site);
      if (!kept) return std::nullopt;
      if (!*kept) return Decision{false, {}};
    }
    Decision decision;
    for (size_t i = 0; i < what_.forms.size(); ++i) {
      const Alternative* one = choose(*what_.forms[i], *what_.scopes[i], site);
      if (!one) return std::nullopt;
      decision.chosen.push_back(one);
    }
    return decision;
  }

  const Alternative* choose(const SideForm& form, EndScope& scope, const LoopTuple& site) {
    for (const Alternative& alternative : form) {
      if (!alternative.when) return &alternative;
      const auto kept = holds(*alternative.when, scope, site);
      if (!kept) return nullptr;
      if (*kept) return &alternative;
    }
    diagnostics_.error("R04", form.front().span, "none of these alternatives holds here");
    return nullptr;
  }

  const Expandable& what_;
  const RuleFile& file_;
  EndAxes& axes_;
  Diagnostics& diagnostics_;
  Expansion out_;
  bool by_site_ = false;  // some condition names an axis
  std::optional<Decision> decision_;
};

}  // namespace

std::optional<Expansion> expand(const Expandable& what, const RuleFile& file, EndAxes& axes, Diagnostics& diagnostics) {
  return Expander(what, file, axes, diagnostics).run();
}

}  // namespace tessera
