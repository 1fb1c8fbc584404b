// R06: `ignore` may name what is mapped under a condition, never what is mapped always.
#include <map>

#include "base/text.h"
#include "rules/check.h"

namespace tessera {
namespace {

// All that one name of a side stands for: it is mapped if the conditions of one of these hold.
struct Mapped {
  const Address* address = nullptr;
  Pattern pattern;
  std::vector<std::vector<Expr>> conditions;  // all of one must hold
};

std::map<std::string, Mapped> names_of_side(const Proving& proving, SideId side) {
  std::map<std::string, Mapped> names;
  for (const Site& site : proving.sites) {
    if (site.broken || !site.stands_on(side)) continue;
    for (const Alternative& alternative : site.form(side))
      for (const Address& address : alternative.addresses) {
        if (address.kind != Address::Kind::tensor) continue;
        std::vector<std::string> holes;
        for (const Expr& hole : address.holes) holes.push_back(to_text(hole));
        Mapped& mapped = names[to_text(address.name, holes)];
        mapped.address = &address;
        mapped.pattern = pattern_of(address.name);
        mapped.conditions.push_back(*site.when);
        if (alternative.when) mapped.conditions.back().push_back(*alternative.when);
      }
  }
  return names;
}

// a and b and ... as one expression, to be denied as a whole.
Expr all_of(const std::vector<Expr>& conditions) {
  Expr all = conditions.empty() ? literal(true, {}) : conditions[0];
  for (size_t i = 1; i < conditions.size(); ++i) all = compare(all, ExprOp::and_, conditions[i]);
  return all;
}

bool is_always(const Mapped& mapped, const Knowledge& knowledge) {
  std::vector<Clause> none_holds;
  for (const auto& conditions : mapped.conditions) none_holds.push_back({all_of(conditions), false, {}});
  return walk(none_holds, knowledge).never();
}

}  // namespace

void prove_ignored(Proving& proving) {
  for (SideId side = 0; side < proving.file.sides.size(); ++side) {
    const std::map<std::string, Mapped> names = names_of_side(proving, side);
    for (const IgnoreDecl& ignore : proving.file.ignore) {
      if (ignore.side != side) continue;
      for (const auto& [name, mapped] : names) {
        if (!proving.spend(20)) {
          proving.findings.error("R06", ignore.pattern_text.span,
                                 "too many names to compare them with what is ignored");
          return;
        }
        if (!proving.can_meet(ignore.pattern, mapped.pattern) || !is_always(mapped, proving.knowledge)) continue;
        Diagnostic& error =
            proving.findings.error("R06", ignore.pattern_text.span, format("`{}` is ignored and always mapped", name),
                                   "take it out of `ignore`, or make the pattern narrower");
        error.related.push_back({mapped.address->name_span, "mapped here"});
        break;
      }
    }
  }
}

}  // namespace tessera
