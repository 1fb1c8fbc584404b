// Normal forms are built bottom up, with checked arithmetic; recursion is bounded by the depth of an expression (64).
#include "rules/linear.h"

#include <algorithm>

#include "base/checked.h"

namespace tessera {

Linear constant(int64_t value) {
  Linear form;
  form.constant = value;
  return form;
}

Linear symbol(const std::string& name) {
  Linear form;
  form.terms[name] = 1;
  return form;
}

namespace {
// a + b * factor, kept so small that its negative is a number too.
std::optional<int64_t> add_scaled(int64_t a, int64_t b, int64_t factor) {
  constexpr int64_t most = int64_t{1} << 60;
  const auto scaled = checked_mul(b, factor);
  const auto sum = scaled ? checked_add(a, *scaled) : std::nullopt;
  return sum && *sum <= most && *sum >= -most ? sum : std::nullopt;
}
}  // namespace

std::optional<Linear> add(const Linear& a, const Linear& b, int64_t factor) {
  Linear sum = a;
  const auto total = add_scaled(a.constant, b.constant, factor);
  if (!total) return std::nullopt;
  sum.constant = *total;
  for (const auto& [name, coefficient] : b.terms) {
    const auto both = add_scaled(sum.terms[name], coefficient, factor);
    if (!both) return std::nullopt;
    if (*both == 0)
      sum.terms.erase(name);
    else
      sum.terms[name] = *both;
  }
  sum.inside.insert(sum.inside.end(), b.inside.begin(), b.inside.end());
  return sum;
}

namespace {

class LinearReader {
 public:
  LinearReader(const Expr& expr, const Renaming& names) : expr_(expr), names_(names) {}

  std::optional<Linear> read(uint32_t id) const {
    const ExprNode& node = expr_.nodes[id];
    switch (node.op) {
      case ExprOp::literal:
        return node.value.as_int() ? add(constant(0), constant(1), *node.value.as_int()) : std::nullopt;
      case ExprOp::negate:
        return combine(constant(0), read(node.args[0]), -1);
      case ExprOp::add:
        return combine(read(node.args[0]), read(node.args[1]), 1);
      case ExprOp::sub:
        return combine(read(node.args[0]), read(node.args[1]), -1);
      case ExprOp::mul:
        return product(id);
      case ExprOp::floordiv:
      case ExprOp::mod:
        return quotient(id);
      case ExprOp::name:
      case ExprOp::member:
      case ExprOp::index:
      case ExprOp::call:
      case ExprOp::or_:
        return whole(id);
      default:
        return std::nullopt;
    }
  }

 private:
  static std::optional<Linear> combine(const std::optional<Linear>& a, const std::optional<Linear>& b, int64_t factor) {
    return a && b ? add(*a, *b, factor) : std::nullopt;
  }

  std::optional<Linear> product(uint32_t id) const {
    const auto a = read(expr_.nodes[id].args[0]), b = read(expr_.nodes[id].args[1]);
    if (!a || !b) return std::nullopt;
    if (a->terms.empty()) return add(constant(0), *b, a->constant);
    if (b->terms.empty()) return add(constant(0), *a, b->constant);
    return whole(id);
  }

  std::optional<Linear> quotient(uint32_t id) const {
    const auto a = read(expr_.nodes[id].args[0]), b = read(expr_.nodes[id].args[1]);
    if (!a || !b) return std::nullopt;
    if (!a->terms.empty() || !b->terms.empty() || b->constant <= 0) return whole(id);
    const int64_t rest = a->constant % b->constant, up = rest < 0 ? b->constant : 0;
    const int64_t floor = a->constant / b->constant - (rest < 0 ? 1 : 0);
    return constant(expr_.nodes[id].op == ExprOp::mod ? rest + up : floor);
  }

  // Something that is not taken apart: a symbol of its own.
  std::optional<Linear> whole(uint32_t id) const {
    Linear form = symbol(canonical_text(expr_, id, names_));
    if (dotted_path(expr_, id)) return form;
    for (const NameUse& use : names_of(subexpression(expr_, id))) {
      const auto renamed = names_.find(use.root);
      form.inside.push_back(renamed == names_.end() ? use.root : renamed->second);
    }
    return form;
  }

  const Expr& expr_;
  const Renaming& names_;
};

}  // namespace

std::optional<Linear> linear_form(const Expr& expr, uint32_t node, const Renaming& names) {
  return LinearReader(expr, names).read(node);
}

std::optional<Linear> linear_form(const Expr& expr, const Renaming& names) {
  return linear_form(expr, static_cast<uint32_t>(expr.nodes.size() - 1), names);
}

namespace {

// high - low - gap >= 0
void add_order(const Expr& expr, uint32_t low, uint32_t high, int64_t gap, std::vector<Linear>& facts) {
  const auto a = linear_form(expr, low), b = linear_form(expr, high);
  const auto difference = a && b ? add(*b, *a, -1) : std::nullopt;
  const auto fact = difference ? add(*difference, constant(gap), -1) : std::nullopt;
  if (fact) facts.push_back(*fact);
}

void collect_facts(const Expr& expr, uint32_t id, std::vector<Linear>& facts) {
  const ExprNode& node = expr.nodes[id];
  switch (node.op) {
    case ExprOp::and_:
      collect_facts(expr, node.args[0], facts);
      return collect_facts(expr, node.args[1], facts);
    case ExprOp::le:
      return add_order(expr, node.args[0], node.args[1], 0, facts);
    case ExprOp::lt:
      return add_order(expr, node.args[0], node.args[1], 1, facts);
    case ExprOp::ge:
      return add_order(expr, node.args[1], node.args[0], 0, facts);
    case ExprOp::gt:
      return add_order(expr, node.args[1], node.args[0], 1, facts);
    case ExprOp::eq:
      add_order(expr, node.args[0], node.args[1], 0, facts);
      return add_order(expr, node.args[1], node.args[0], 0, facts);
    default:
      return;
  }
}

}  // namespace

void add_facts(const Expr& condition, std::vector<Linear>& facts) {
  collect_facts(condition, static_cast<uint32_t>(condition.nodes.size() - 1), facts);
}

namespace {

bool spend(size_t* work, size_t steps) {
  if (work) *work -= std::min(*work, steps);
  return !work || *work > 0;
}

}  // namespace

bool proves_nonnegative(const Linear& form, const std::vector<Linear>& facts, size_t* work, int depth) {
  if (form.terms.empty()) return form.constant >= 0;
  if (depth == 0 || !spend(work, 1 + facts.size() / 2)) return false;
  const auto& [name, coefficient] = *form.terms.begin();
  for (const Linear& fact : facts) {  // only those that can cancel the first symbol
    const auto there = fact.terms.find(name);
    if (there == fact.terms.end() || (there->second > 0) != (coefficient > 0) || coefficient % there->second != 0)
      continue;
    if (!spend(work, 4 * (form.terms.size() + fact.terms.size()))) return false;
    const auto rest = add(form, fact, -(coefficient / there->second));
    if (rest && proves_nonnegative(*rest, facts, work, depth - 1)) return true;
  }
  return false;
}

}  // namespace tessera
