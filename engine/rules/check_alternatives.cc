// R04: of the alternatives of a side exactly one holds, under what the rule's own conditions leave possible.
#include "base/text.h"
#include "rules/check.h"

namespace tessera {
namespace {

class Alternatives {
 public:
  Alternatives(Proving& proving, const Site& site, const SideForm& form) : proving_(proving), form_(form) {
    for (const Expr& condition : *site.when) given_.push_back({condition, true, {}});
    add_loop_clauses(site, {}, given_);
  }

  void prove() {
    for (size_t later = 1; later < form_.size(); ++later)
      for (size_t earlier = 0; earlier < later; ++earlier) {
        if (!proving_.spend(20)) return too_many(form_[later]);
        exclusive(form_[earlier], form_[later]);
      }
    exhaustive();
  }

 private:
  void exclusive(const Alternative& earlier, const Alternative& later) {
    std::vector<Clause> clauses = given_;
    clauses.push_back({*earlier.when, true, {}});
    clauses.push_back({*later.when, true, {}});
    const Walk both = walk(clauses, proving_.knowledge);
    if (both.never()) return;
    Diagnostic& error = proving_.findings.error(
        "R04", later.when->span(), "this alternative can hold together with another", in_words("both", both));
    error.related.push_back({earlier.when->span(), "this one"});
  }

  void exhaustive() {
    std::vector<Clause> clauses = given_;
    for (const Alternative& alternative : form_) clauses.push_back({*alternative.when, false, {}});
    const Walk none = walk(clauses, proving_.knowledge);
    if (none.never()) return;
    proving_.findings.error("R04", form_[0].when->span(), "it can be that none of the alternatives holds",
                            in_words("none", none));
  }

  void too_many(const Alternative& later) {
    proving_.findings.error("R04", later.when->span(), "too many alternatives to compare each with each",
                            in_words("both", {}));
  }

  static std::string in_words(const char* which, const Walk& walk) {
    if (walk.result == Walk::Result::undecided)
      return "there are too many conditions to try them all; say it with fewer";
    const char* verb = which == std::string_view("both") ? "hold" : "holds";
    return walk.example.empty() ? "exactly one must hold"
                                : format("{} {} if {}; exactly one must hold", which, verb, walk.example);
  }

  Proving& proving_;
  const SideForm& form_;
  std::vector<Clause> given_;
};

bool has_conditions(const SideForm& form) {
  for (const Alternative& alternative : form)
    if (!alternative.when) return false;
  return !form.empty();
}

}  // namespace

void prove_alternatives(Proving& proving) {
  for (const Site& site : proving.sites) {
    if (site.broken || site.copy) continue;
    for (const SideForm& form : site.rule->sides)
      if (has_conditions(form)) Alternatives(proving, site, form).prove();
  }
}

}  // namespace tessera
