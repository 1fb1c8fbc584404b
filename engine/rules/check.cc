// The list of static proofs. Each looks at the whole set; what one has found wrong, later ones do not judge again.
#include "rules/check.h"

#include <algorithm>
#include <array>

#include "rules/expr_budget.h"

namespace tessera {
namespace {

constexpr size_t most_constant_work = 3'000'000;  // of expressions that speak of nothing unknown

struct Proof {
  const char* what;
  void (*prove)(Proving&);
};

constexpr std::array<Proof, 12> proofs{{
    {"names are known where they are spoken", prove_names},
    {"axes and blocks are known, and used", prove_axes},
    {"dtypes of other rules come to an end", prove_pins},
    {"names are no longer than files have them", prove_lengths},
    {"each axis of each part stands once on each side", prove_parts},
    {"alternatives exclude each other and leave nothing out", prove_alternatives},
    {"addresses of a side never meet", prove_apart},
    {"lines of a dialect never meet", prove_dialects},
    {"companions and fields have names of their own", prove_forms},
    {"everything can be reached", prove_reachable},
    {"what is ignored is not always mapped", prove_ignored},
    {"each configuration key has one writer", prove_writers},
}};

// What contradicts the requirements above it would prove anything: it is left out, and told.
void take_required(const Expr& condition, Proving& proving) {
  proving.knowledge.required.push_back(condition);
  if (!walk({}, proving.knowledge).never()) return add_facts(condition, proving.facts);
  proving.knowledge.required.pop_back();
  proving.refuted.push_back(condition.span());
}

}  // namespace

Diagnostic& Findings::add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::error) ++errors_;
  if (!seen_.emplace(diagnostic.id, diagnostic.span.source, diagnostic.span.begin).second)
    return repeated_ = std::move(diagnostic);
  return list_.emplace_back(std::move(diagnostic));
}

Diagnostic& Findings::error(const std::string& id, Span span, std::string message, std::string help) {
  return add({id, Severity::error, span, std::move(message), {}, std::move(help)});
}

Diagnostic& Findings::warning(const std::string& id, Span span, std::string message, std::string help) {
  return add({id, Severity::warning, span, std::move(message), {}, std::move(help)});
}

void Findings::add(const Diagnostics& others) {
  for (const Diagnostic& other : others.list()) add(other);
}

void Findings::report(Diagnostics& diagnostics) const {
  std::vector<Diagnostic> sorted = list_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.span.source, a.span.begin) < std::tie(b.span.source, b.span.begin);
  });
  for (const Diagnostic& found : sorted) {
    Diagnostic& added = found.severity == Severity::error
                            ? diagnostics.error(found.id, found.span, found.message, found.help)
                            : diagnostics.warning(found.id, found.span, found.message, found.help);
    added.related = found.related;
  }
}

Proving::Proving(const RuleSet& rules) : set(rules), file(rules.file), knowledge(rules.file) {
  knowledge.work = &work;
  for (const Stated& stated : file.require) take_required(stated.condition, *this);
  for (const Rule& rule : set.rules) sites.push_back({rule.name, &rule, nullptr, &rule.when, &rule.loops, rule.stage});
  for (const Copy& copy : set.copies) {
    const Rule& rule = set.rules[copy.of];
    sites.push_back({"a copy of " + rule.name, &rule, &copy, &copy.when, &copy.loops, copy.stage});
  }
}

std::vector<Clause> clauses_of(const Site& site, const Alternative& alternative, const Renaming& names) {
  std::vector<Clause> clauses;
  for (const Expr& condition : *site.when) clauses.push_back({condition, true, names});
  if (alternative.when) clauses.push_back({*alternative.when, true, names});
  return clauses;
}

void add_loop_clauses(const Site& site, const Renaming& names, std::vector<Clause>& clauses) {
  for (const Range& range : *site.loops) {
    Expr axis{range.axis, {ExprNode{}}};
    axis.nodes[0].op = ExprOp::name;
    axis.nodes[0].name = range.axis.s;
    clauses.push_back({compare(axis, ExprOp::ge, range.lo), true, names, false});
    clauses.push_back({compare(axis, ExprOp::lt, range.hi), true, names, false});
    if (range.where) clauses.push_back({*range.where, true, names});
  }
}

bool check(const RuleSet& set, Diagnostics& diagnostics) {
  const EvalBudget budget(most_constant_work);
  Proving proving(set);
  for (const Proof& proof : proofs) proof.prove(proving);
  proving.findings.report(diagnostics);
  return proving.findings.errors() == 0;
}

}  // namespace tessera
