// Evaluation: a walk over the nodes, whose depth the parser has bounded. The first fault ends it. Work is counted, so
// that no expression of 4 KiB can run for long or fill the memory.
#include <algorithm>

#include "base/checked.h"
#include "base/text.h"
#include "rules/expr_budget.h"
#include "rules/expr_ops.h"

namespace tessera {
namespace {

constexpr size_t most_work = 5'000'000;   // nodes visited and values copied or compared
constexpr size_t most_built = 4'000'000;  // values put into new lists

thread_local size_t* budget_left = nullptr;

// A value that stands elsewhere, or one that was just made.
struct Operand {
  const Value* there = nullptr;
  Value own;
  const Value& get() const { return there ? *there : own; }
};

size_t times(size_t a, size_t b) { return checked_mul(a, b).value_or(SIZE_MAX); }

// What an operator on a list makes, before it is made.
size_t weight_of_result(ExprOp op, const Value& a, const Value& b) {
  if (op == ExprOp::add) return weight(a) + weight(b);
  const bool repeats = op == ExprOp::mul && b.as_int() && *b.as_int() > 0;
  return repeats ? times(weight(a), static_cast<size_t>(*b.as_int())) : 1;
}

// `put` places its last argument once for each item of the one before; the others make no more than they are given.
size_t weight_of_call(const Arguments& args) {
  size_t sum = 1;
  for (const Value* arg : args) sum += arg->as_list() ? arg->as_list()->size() : 0;
  if (args.size() != 3 || !args[0]->as_list() || !args[1]->as_list()) return sum;
  return std::max(weight(*args[0]), times(args[1]->as_list()->size(), weight(*args[2])));
}

class Evaluation {
 public:
  Evaluation(const Expr& expr, const Scope& scope, EvalFault* fault) : expr_(expr), scope_(scope), fault_(fault) {}

  std::optional<Value> run() {
    Operand result = visit(static_cast<uint32_t>(expr_.nodes.size() - 1), false);
    if (failed_) return std::nullopt;
    return result.there ? *result.there : std::move(result.own);
  }

 private:
  // `forgiving`: a name without a value counts as none, because the value goes to the left of an `or`.
  Operand visit(uint32_t id, bool forgiving);
  Operand name(const ExprNode& node, uint32_t id, bool forgiving);
  Operand member(const ExprNode& node, bool forgiving);
  Operand index(const ExprNode& node);
  Operand either(const ExprNode& node, bool forgiving);
  Operand both(const ExprNode& node, bool forgiving);
  Operand operation(const ExprNode& node);
  Operand function(const ExprNode& node);
  Operand list(const ExprNode& node);
  Operand list_for(const ExprNode& node);
  bool holds(uint32_t id);
  std::optional<int64_t> whole(uint32_t id);

  Operand fail(const ExprNode& node, std::string message) {
    if (!failed_ && fault_) *fault_ = {expr_.span(node), std::move(message)};
    failed_ = true;
    return {};
  }
  Operand made(const ExprNode& node, std::optional<Value> value, const std::string& why) {
    return value ? Operand{nullptr, *std::move(value)} : fail(node, why);
  }
  bool spend(const ExprNode& node, size_t work) {
    left_ -= std::min(left_, work);
    if (shared_) *shared_ -= std::min(*shared_, work);
    if (left_ == 0 || (shared_ && *shared_ == 0)) fail(node, "this expression takes too long");
    return !failed_;
  }
  bool build(const ExprNode& node, size_t values) {
    room_ -= std::min(room_, values);
    if (room_ == 0) fail(node, "this expression makes too many values");
    return !failed_;
  }
  Operand absent(const ExprNode& node, uint32_t id, bool forgiving) {
    return forgiving ? Operand{} : fail(node, format("`{}` has no value", *dotted_path(expr_, id)));
  }

  const Expr& expr_;
  const Scope& scope_;
  EvalFault* fault_;
  std::vector<std::pair<std::string, Value>> bound_;  // by list_for, innermost last
  size_t left_ = most_work, room_ = most_built;
  size_t* shared_ = EvalBudget::left();
  bool failed_ = false;
};

Operand Evaluation::visit(uint32_t id, bool forgiving) {
  const ExprNode& node = expr_.nodes[id];
  if (failed_ || !spend(node, 1)) return {};
  switch (node.op) {
    case ExprOp::literal:
      return {&node.value, {}};
    case ExprOp::name:
      return name(node, id, forgiving);
    case ExprOp::member:
      return member(node, forgiving);
    case ExprOp::index:
      return index(node);
    case ExprOp::call:
      return function(node);
    case ExprOp::list:
      return list(node);
    case ExprOp::list_for:
      return list_for(node);
    case ExprOp::or_:
      return either(node, forgiving);
    case ExprOp::and_:
      return both(node, forgiving);
    default:
      return operation(node);
  }
}

// Small values are copied, so that only texts, lists and maps must stay where the scope has them.
Operand Evaluation::name(const ExprNode& node, uint32_t id, bool forgiving) {
  for (auto it = bound_.rbegin(); it != bound_.rend(); ++it)
    if (it->first == node.name) return {nullptr, it->second};
  const Value* value = scope_(node.name);
  if (!value) return absent(node, id, forgiving);
  const bool large = value->as_string() || value->as_list() || value->as_map();
  return large ? Operand{value, {}} : Operand{nullptr, *value};
}

// A path through none is none; a key that a map does not have is a name without a value.
Operand Evaluation::member(const ExprNode& node, bool forgiving) {
  const Operand base = visit(node.args[0], forgiving);
  if (failed_ || base.get().is_none()) return {};
  if (!base.get().as_map())
    return fail(node, format("{} has no `{}`", a_or_an(type_name(base.get())), escape(node.name)));
  const Value* value = base.get().as_map()->find(node.name);
  if (!value) return {};  // absent and null are one thing
  return base.there ? Operand{value, {}} : Operand{nullptr, *value};
}

Operand Evaluation::index(const ExprNode& node) {
  Operand base = visit(node.args[0], false);
  const auto at = whole(node.args[1]);
  if (failed_) return {};
  const Value& value = base.get();
  if (!value.as_list() && !value.as_string()) return fail(node, format("an index into {}", a_or_an(type_name(value))));
  const std::vector<std::string_view> letters =
      value.as_string() ? characters_of(*value.as_string()) : std::vector<std::string_view>();
  const size_t size = value.as_list() ? value.as_list()->size() : letters.size();
  if (*at < 0 || *at >= static_cast<int64_t>(size))
    return fail(node, format("index {} is out of range: there are {} items", *at, size));
  const auto place = static_cast<size_t>(*at);
  if (!spend(node, 1 + letters.size())) return {};
  if (value.as_string()) return {nullptr, std::string(letters[place])};
  const Value& item = (*value.as_list())[place];
  return base.there ? Operand{&item, {}} : Operand{nullptr, item};
}

Operand Evaluation::either(const ExprNode& node, bool forgiving) {
  Operand left = visit(node.args[0], true);
  return failed_ || truthy(left.get()) ? left : visit(node.args[1], forgiving);
}

Operand Evaluation::both(const ExprNode& node, bool forgiving) {
  Operand left = visit(node.args[0], false);
  return failed_ || !truthy(left.get()) ? left : visit(node.args[1], forgiving);
}

Operand Evaluation::operation(const ExprNode& node) {
  const Operand a = visit(node.args[0], false);
  if (failed_) return {};
  std::string why;
  if (node.op == ExprOp::not_) return {nullptr, !truthy(a.get())};
  if (node.op == ExprOp::negate) return made(node, negated(a.get(), why), why);
  const Operand b = visit(node.args[1], false);
  if (failed_ || !spend(node, weight(a.get()) + weight(b.get()))) return {};
  if (a.get().as_list() && !build(node, weight_of_result(node.op, a.get(), b.get()))) return {};
  return made(node, apply(node.op, a.get(), b.get(), why), why);
}

Operand Evaluation::function(const ExprNode& node) {
  std::vector<Operand> operands;
  for (const uint32_t arg : node.args) operands.push_back(visit(arg, false));
  if (failed_) return {};
  Arguments args;
  size_t work = 0;
  for (const Operand& operand : operands) {
    args.push_back(&operand.get());
    if (node.name != "len" || operand.get().as_string()) work += weight(operand.get());
  }
  if (!spend(node, work)) return {};
  if (!build(node, weight_of_call(args))) return {};
  std::string why;
  return made(node, call(node.name, args, why), why);
}

Operand Evaluation::list(const ExprNode& node) {
  List items;
  for (const uint32_t arg : node.args) {
    const Operand item = visit(arg, false);
    if (failed_ || !build(node, weight(item.get()))) return {};
    items.push_back(item.get());
  }
  return {nullptr, std::move(items)};
}

Operand Evaluation::list_for(const ExprNode& node) {
  const auto lo = whole(node.args[1]);
  const auto hi = whole(node.args[2]);
  if (failed_) return {};
  List items;
  const size_t slot = bound_.size();
  bound_.emplace_back(node.name, Value());
  for (int64_t i = *lo; i < *hi && !failed_; ++i) {
    if (i - *lo >= static_cast<int64_t>(most_items))
      return fail(node, format("a list has at most {} items", most_items));
    bound_[slot].second = i;
    if (node.args.size() < 4 || holds(node.args[3])) {
      Operand item = visit(node.args[0], false);
      if (!failed_ && build(node, weight(item.get()))) items.push_back(item.there ? *item.there : std::move(item.own));
    }
  }
  bound_.pop_back();
  return {nullptr, std::move(items)};
}

std::string wanted_condition(const Value& value) {
  return format("a condition is true or false, this is {}", a_or_an(type_name(value)));
}

bool Evaluation::holds(uint32_t id) {
  const Operand value = visit(id, false);
  if (failed_ || value.get().is_none()) return false;
  if (value.get().as_bool()) return *value.get().as_bool();
  fail(expr_.nodes[id], wanted_condition(value.get()));
  return false;
}

std::optional<int64_t> Evaluation::whole(uint32_t id) {
  const Operand value = visit(id, false);
  if (failed_) return std::nullopt;
  if (value.get().as_int()) return *value.get().as_int();
  fail(expr_.nodes[id], format("a whole number is wanted, this is {}", a_or_an(type_name(value.get()))));
  return std::nullopt;
}

}  // namespace

EvalBudget::EvalBudget(size_t work) : left_(work), outer_(budget_left) { budget_left = &left_; }
EvalBudget::~EvalBudget() { budget_left = outer_; }
bool EvalBudget::spend(size_t work) {
  if (budget_left) *budget_left -= std::min(*budget_left, work);
  return !budget_left || *budget_left > 0;
}
size_t* EvalBudget::left() { return budget_left; }

std::optional<Value> evaluate(const Expr& expr, const Scope& scope, EvalFault* fault) {
  return Evaluation(expr, scope, fault).run();
}

std::optional<int64_t> evaluate_int(const Expr& expr, const Scope& scope, EvalFault* fault) {
  const auto value = evaluate(expr, scope, fault);
  if (!value) return std::nullopt;
  if (value->as_int()) return *value->as_int();
  if (fault)
    *fault = {expr.span(), format("a whole number is wanted, this is {} ({})", show(*value), type_name(*value))};
  return std::nullopt;
}

std::optional<bool> evaluate_condition(const Expr& expr, const Scope& scope, EvalFault* fault) {
  const auto value = evaluate(expr, scope, fault);
  if (!value) return std::nullopt;
  if (value->is_none()) return false;
  if (value->as_bool()) return *value->as_bool();
  if (fault) *fault = {expr.span(), wanted_condition(*value)};
  return std::nullopt;
}

}  // namespace tessera
