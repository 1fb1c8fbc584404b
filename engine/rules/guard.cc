// Walks the outcomes of the unknowns, one after another, and leaves a branch as soon as the formula is false there.
#include "rules/guard.h"

#include <algorithm>

#include "base/text.h"
#include "rules/formula.h"

namespace tessera {
namespace {

constexpr size_t most_steps = size_t{1} << 16, most_visits = size_t{1} << 21;  // of formulas within

class Walker {
 public:
  size_t visits() const { return visits_; }

  explicit Walker(const Problem& problem) : problem_(problem), chosen_(problem.unknowns.size()) {}

  Walk run() {
    const auto found = search(0);
    if (!found) return {};
    if (!*found) return {Walk::Result::never, ""};
    return {Walk::Result::possible, example()};
  }

 private:
  // False: the formula cannot hold. nullopt: the steps ran out.
  std::optional<bool> search(size_t next) {
    if (++steps_ > most_steps || visits_ > most_visits) return std::nullopt;
    const auto value = value_of(problem_.formula);
    if (value || next == chosen_.size()) return value.value_or(true);
    for (size_t outcome = 0; outcome < problem_.unknowns[next].outcomes.size(); ++outcome) {
      chosen_[next] = outcome;
      const auto found = search(next + 1);
      if (!found || *found) return found;
    }
    chosen_[next].reset();
    return false;
  }

  std::optional<bool> value_of(const Formula& formula) {
    ++visits_;
    if (formula.kind == Formula::Kind::settled) return formula.value;
    if (formula.kind == Formula::Kind::atom) {
      const Atom& atom = problem_.atoms[formula.atom];
      const auto outcome = chosen_[atom.unknown];
      return outcome ? std::optional(atom.holds[*outcome] != formula.negated) : std::nullopt;
    }
    const bool decisive = formula.kind == Formula::Kind::any;
    bool open = false;
    for (const Formula& part : formula.parts) {
      const auto value = value_of(part);
      if (value && *value == decisive) return decisive;
      open = open || !value;
    }
    return open ? std::nullopt : std::optional(!decisive);
  }

  std::string example() const {
    std::vector<std::string> texts;
    for (size_t i = 0; i < chosen_.size(); ++i)
      if (chosen_[i] && problem_.unknowns[i].told) texts.push_back(outcome_text(problem_.unknowns[i], *chosen_[i]));
    return join(texts, " and ");
  }

  const Problem& problem_;
  std::vector<std::optional<size_t>> chosen_;
  size_t steps_ = 0, visits_ = 0;
};

}  // namespace

Knowledge::Knowledge(const RuleFile& file) {
  for (const OptionDecl& option : file.options)
    if (!option.any) choices[option.name.s] = option.values;
}

Walk walk(const std::vector<Clause>& clauses, const Knowledge& knowledge) {
  if (knowledge.work && *knowledge.work == 0) return {};
  const Problem problem = make_problem(clauses, knowledge);
  Walker walker(problem);
  const Walk walked = problem.complete ? walker.run() : Walk{};
  if (knowledge.work) *knowledge.work -= std::min(*knowledge.work, 1 + problem.cost + walker.visits() / 2);
  return walked;
}

Expr compare(const Expr& a, ExprOp op, const Expr& b) {
  Expr both = a;
  const auto shift = static_cast<uint32_t>(a.nodes.size());
  for (ExprNode node : b.nodes) {
    for (uint32_t& arg : node.args) arg += shift;
    node.begin = node.end = 0;
    both.nodes.push_back(std::move(node));
  }
  ExprNode root;
  root.op = op;
  root.args = {shift - 1, static_cast<uint32_t>(both.nodes.size() - 1)};
  both.nodes.push_back(std::move(root));
  return both;
}

}  // namespace tessera
