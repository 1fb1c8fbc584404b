// From conditions to formulas: finds the unknowns, and what is asked of each.
#include "rules/formula.h"

#include <algorithm>

#include "base/text.h"

namespace tessera {
namespace {

ExprOp mirrored(ExprOp op) {
  switch (op) {
    case ExprOp::lt:
      return ExprOp::gt;
    case ExprOp::le:
      return ExprOp::ge;
    case ExprOp::gt:
      return ExprOp::lt;
    case ExprOp::ge:
      return ExprOp::le;
    default:
      return op;
  }
}

bool is_comparison(ExprOp op) { return op >= ExprOp::eq && op <= ExprOp::ge; }
bool is_order(ExprOp op) { return op >= ExprOp::lt && op <= ExprOp::ge; }

class Builder {
 public:
  explicit Builder(const Knowledge& knowledge) : knowledge_(knowledge) {}

  Formula clause(const Clause& clause) {
    expr_ = &clause.condition;
    names_ = &clause.names;
    told_ = clause.told;
    return read(static_cast<uint32_t>(clause.condition.nodes.size() - 1), !clause.holds);
  }

  // What is asked of each unknown, and what that costs: `most_cost` or more if it is left out.
  void finish() {
    for (const Atom& made : problem.atoms) cost_ += problem.unknowns[made.unknown].outcomes.size();
    for (const Unknown& made : problem.unknowns) cost_ += made.outcomes.size() * made.outcomes.size() / 8;
    problem.complete = cost_ < most_cost;
    problem.cost = cost_;
    if (problem.complete) list_outcomes(problem);
  }

  Problem problem;

 private:
  Expr piece(uint32_t id) const {
    Expr copy = subexpression(*expr_, id);
    cost_ += 2 * copy.nodes.size() + copy.text.s.size() / 8;
    return copy;
  }
  std::string text(uint32_t id) const { return canonical_text(*expr_, id, *names_); }

  // The value of what speaks of nothing unknown.
  std::optional<Value> settled(uint32_t id) const {
    const Expr part = piece(id);
    for (const NameUse& use : names_of(part))
      if (!knowledge_.known.contains(use.root)) return std::nullopt;
    return evaluate(
        part,
        [this](std::string_view name) -> const Value* {
          const auto known = knowledge_.known.find(name);
          return known == knowledge_.known.end() ? nullptr : &known->second;
        },
        nullptr);
  }

  Formula read(uint32_t id, bool negated) {
    if (cost_ >= most_cost) return fixed(false);
    const ExprNode& node = expr_->nodes[id];
    if (const auto value = settled(id)) return fixed(truthy(*value) != negated);
    if (node.op == ExprOp::not_) return read(node.args[0], !negated);
    if (node.op == ExprOp::and_ || node.op == ExprOp::or_) {
      const bool all = (node.op == ExprOp::and_) != negated;
      return group(all, {read(node.args[0], negated), read(node.args[1], negated)});
    }
    if (const auto option = only_option(id)) return about_choice(*option, id, negated);
    if (is_comparison(node.op)) return comparison(node, negated);
    if (node.op == ExprOp::in || node.op == ExprOp::not_in) return membership(id, negated);
    return truth_of(id, negated);
  }

  static Formula fixed(bool value) {
    Formula formula;
    formula.value = value;
    return formula;
  }
  static Formula group(bool all, std::vector<Formula> parts) {
    Formula formula;
    formula.kind = all ? Formula::Kind::all : Formula::Kind::any;
    formula.parts = std::move(parts);
    return formula;
  }
  Formula atom(Atom made, bool negated) {
    Formula formula;
    formula.kind = Formula::Kind::atom;
    formula.atom = problem.atoms.size();
    formula.negated = negated;
    problem.atoms.push_back(std::move(made));
    return formula;
  }

  size_t unknown(Unknown::Kind kind, const std::string& text, const std::string& right = {}) {
    cost_ += problem.unknowns.size() / 8;
    for (size_t i = 0; i < problem.unknowns.size(); ++i) {
      Unknown& there = problem.unknowns[i];
      if (there.kind != kind || there.text != text || there.right != right) continue;
      there.told = there.told || told_;
      return i;
    }
    Unknown added;
    added.kind = kind;
    added.text = text;
    added.right = right;
    added.told = told_;
    problem.unknowns.push_back(std::move(added));
    return problem.unknowns.size() - 1;
  }

  // The enumerated option that a condition speaks of and nothing else.
  std::optional<std::string> only_option(uint32_t id) const {
    std::optional<std::string> option;
    for (const NameUse& use : names_of(piece(id))) {
      if (!knowledge_.choices.contains(use.root) || (option && *option != use.root)) return std::nullopt;
      option = use.root;
    }
    return option;
  }

  Formula about_choice(const std::string& option, uint32_t id, bool negated) {
    Atom made;
    made.unknown = unknown(Unknown::Kind::choice, option);
    problem.unknowns[made.unknown].outcomes = knowledge_.choices.find(option)->second;
    made.whole = piece(id);
    return atom(std::move(made), negated);
  }

  Formula comparison(const ExprNode& node, bool negated) {
    const auto left = settled(node.args[0]), right = settled(node.args[1]);
    // Only among numbers has a term its place; a text is before, at or behind another as a term is.
    const auto is_text = [](const std::optional<Value>& value) { return value && value->as_string(); };
    const bool texts = is_order(node.op) && (is_text(left) || is_text(right));
    if (right && !texts) return against(node.args[0], node.op, *right, negated);
    if (left && !texts) return against(node.args[1], mirrored(node.op), *left, negated);
    const std::string a = text(node.args[0]), b = text(node.args[1]);
    Atom made;
    made.unknown = unknown(Unknown::Kind::order, std::min(a, b), std::max(a, b));
    made.op = a <= b ? node.op : mirrored(node.op);
    made.value = 0;
    return atom(std::move(made), negated);
  }

  Formula against(uint32_t id, ExprOp op, const Value& value, bool negated) {
    Atom made;
    made.unknown = unknown(Unknown::Kind::term, text(id));
    Unknown& term = problem.unknowns[made.unknown];
    term.outcomes.push_back(value);
    term.asked_size = term.asked_size || is_order(op);
    made.op = op;
    made.value = value;
    return atom(std::move(made), negated);
  }

  Formula membership(uint32_t id, bool negated) {
    const ExprNode& node = expr_->nodes[id];
    const bool outside = (node.op == ExprOp::not_in) != negated;
    const auto list = settled(node.args[1]);
    if (!list || !list->as_list()) {
      Atom made;
      made.unknown = unknown(Unknown::Kind::boolean, text(node.args[0]) + " in " + text(node.args[1]));
      return atom(std::move(made), outside);
    }
    std::vector<Formula> parts;
    for (const Value& value : *list->as_list()) parts.push_back(against(node.args[0], ExprOp::eq, value, outside));
    return group(outside, std::move(parts));
  }

  Formula truth_of(uint32_t id, bool negated) {
    Atom made;
    made.unknown = unknown(Unknown::Kind::term, text(id));
    problem.unknowns[made.unknown].asked_truth = true;
    return atom(std::move(made), negated);
  }

  const Knowledge& knowledge_;
  const Expr* expr_ = nullptr;
  const Renaming* names_ = nullptr;
  bool told_ = true;
  mutable size_t cost_ = 0;
};

}  // namespace

Problem make_problem(const std::vector<Clause>& clauses, const Knowledge& knowledge) {
  Builder builder(knowledge);
  builder.problem.formula.kind = Formula::Kind::all;
  for (const Clause& clause : clauses) builder.problem.formula.parts.push_back(builder.clause(clause));
  for (const Expr& condition : knowledge.required)
    builder.problem.formula.parts.push_back(builder.clause({condition, true, {}, false}));
  builder.finish();
  return std::move(builder.problem);
}

}  // namespace tessera
