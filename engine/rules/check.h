// What the static proofs share, and their list. A proof is a function; a new one is a function and a row in check.cc.
#pragma once
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rules/guard.h"
#include "rules/linear.h"
#include "rules/ruleset.h"

namespace tessera {

// Diagnostics in the making: each place once for each id, in order of place at the end.
class Findings {
 public:
  Diagnostic& error(const std::string& id, Span span, std::string message, std::string help = {});
  Diagnostic& warning(const std::string& id, Span span, std::string message, std::string help = {});
  void add(const Diagnostics& others);
  size_t errors() const { return errors_; }                   // repeated ones too
  bool full() const { return errors_ >= Diagnostics::most; }  // no one reads the nearest name of more
  void report(Diagnostics& diagnostics) const;

 private:
  Diagnostic& add(Diagnostic diagnostic);
  std::set<std::tuple<std::string, SourceId, uint32_t>> seen_;
  std::vector<Diagnostic> list_;
  Diagnostic repeated_;  // where what was said already goes
  size_t errors_ = 0;
};

// A rule or a copy as the proofs see it: something with addresses at a site.
struct Site {
  std::string name;            // of the rule; "a copy of ..." for copies
  const Rule* rule = nullptr;  // itself, or the one copied
  const Copy* copy = nullptr;
  const std::vector<Expr>* when = nullptr;
  const std::vector<Range>* loops = nullptr;
  Stage stage = Stage::every;
  bool broken = false;  // some proof found it wrong: the later ones leave it alone
  const SideForm& form(SideId side) const { return copy ? copy->form : rule->sides[side]; }
  bool stands_on(SideId side) const { return !copy || copy->side == side; }
};

struct Proving {
  explicit Proving(const RuleSet& rules);
  Proving(const Proving&) = delete;
  // False: all work that the proofs may do is done.
  bool spend(size_t steps) {
    work -= std::min(work, steps);
    return work > 0;
  }
  bool can_meet(const Pattern& a, const Pattern& b) {
    size_t steps = 0;
    const bool met = tessera::can_meet(a, b, &steps);
    spend(steps);
    return met;
  }
  const RuleSet& set;
  const RuleFile& file;
  Knowledge knowledge;
  std::vector<Linear> facts;  // what `require` says of integers
  std::vector<Span> refuted;  // what `require` says against what it says above: nothing is concluded from that
  std::vector<Site> sites;    // rules in their order, then copies
  Findings findings;
  size_t work = 20'000'000;  // steps of some 50 ns that the proofs may still take, so that no file keeps them busy
};

// Runs `prove` and marks `site` broken if that found an error.
template <class Prove>
void judge(Proving& proving, Site& site, Prove prove) {
  const size_t errors = proving.findings.errors();
  prove();
  site.broken = site.broken || proving.findings.errors() > errors;
}

void prove_names(Proving& proving);         // R02: every name in an expression
void prove_axes(Proving& proving);          // R02: axes, blocks
void prove_pins(Proving& proving);          // R01: `dtype: RULE`
void prove_lengths(Proving& proving);       // R01: names with their prefixes
void prove_parts(Proving& proving);         // R03
void prove_alternatives(Proving& proving);  // R04
void prove_apart(Proving& proving);         // R05: addresses
void prove_dialects(Proving& proving);      // R05: lines of a dialect
void prove_forms(Proving& proving);         // R05: names of companions and fields
void prove_reachable(Proving& proving);     // R06: conditions, ranges, stages
void prove_ignored(Proving& proving);       // R06: `ignore`
void prove_writers(Proving& proving);       // R07

// Conditions of a rule or copy at its site, with those of one alternative: clauses under a renaming of its axes.
std::vector<Clause> clauses_of(const Site& site, const Alternative& alternative, const Renaming& names = {});
// The ranges of its loops and their `where`, as clauses.
void add_loop_clauses(const Site& site, const Renaming& names, std::vector<Clause>& clauses);

}  // namespace tessera
