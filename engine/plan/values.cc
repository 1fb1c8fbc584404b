// Programs: the stored side undone from its last step, the wanted side applied from its first.
#include "plan/values.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace tessera {
namespace {

using Kind = ScalarStep::Kind;

ScalarStep inverse(const ScalarStep& step) {
  switch (step.kind) {
    case Kind::plus:
      return {Kind::plus, -step.operand};
    case Kind::times:
      return {Kind::divide, step.operand};
    case Kind::divide:
      return {Kind::times, step.operand};
    case Kind::neg_exp:
      return {Kind::log_neg, 0};
    case Kind::log_neg:
      return {Kind::neg_exp, 0};
  }
  return step;
}

double apply(const ScalarStep& step, double x) {
  switch (step.kind) {
    case Kind::plus:
      return x + step.operand;
    case Kind::times:
      return x * step.operand;
    case Kind::divide:
      return x / step.operand;
    case Kind::neg_exp:
      return -std::exp(x);
    case Kind::log_neg:
      return std::log(-x);
  }
  return x;
}

std::optional<double> number(const Value& value) {
  if (const auto* i = value.as_int()) return static_cast<double>(*i);
  if (const auto* d = value.as_float()) return *d;
  if (const auto* b = value.as_bool()) return *b ? 1.0 : 0.0;
  return std::nullopt;
}

std::optional<FillValue> fill_value(const Value& value, const Program& steps) {
  const auto real = number(value);
  if (!real) return std::nullopt;
  FillValue fill;
  fill.constant = run_program(steps, *real);
  fill.is_integer = steps.empty() && !value.as_float();
  if (fill.is_integer) fill.integer = value.as_int() ? *value.as_int() : *value.as_bool();
  return fill;
}

// The value of a constant that names axes, element by element; owns all that it needs.
struct IndexedValue {
  Expr value;
  Program steps;
  std::map<std::string, Value, std::less<>> names;
  std::vector<std::string> axes;
  std::vector<int64_t> first;

  double operator()(const std::vector<int64_t>& index) const {
    std::vector<Value> indices;
    for (size_t i = 0; i < axes.size(); ++i) indices.emplace_back(first[i] + index[i]);
    const Scope scope = [&](std::string_view name) -> const Value* {
      const auto axis = std::ranges::find(axes, name);
      if (axis != axes.end()) return &indices[static_cast<size_t>(axis - axes.begin())];
      const auto known = names.find(name);
      return known == names.end() ? nullptr : &known->second;
    };
    EvalFault fault;
    const auto result = evaluate(value, scope, &fault);
    const auto real = result ? number(*result) : std::nullopt;
    if (!real)
      throw Error(Fault::mapping, format("constant({}): {}", to_text(value), result ? "no number" : fault.message));
    return run_program(steps, *real);
  }
};

}  // namespace

double run_program(const Program& steps, double value) {
  for (const ScalarStep& step : steps) value = apply(step, value);
  return value;
}

bool is_exact(const ScalarStep& step) {
  int exponent = 0;
  const bool scale = step.kind == Kind::times || step.kind == Kind::divide;
  return scale && std::abs(std::frexp(step.operand, &exponent)) == 0.5;
}

std::string to_text(const ScalarStep& step) {
  switch (step.kind) {
    case Kind::plus:
      return format("plus({})", show_float(step.operand));
    case Kind::times:
      return format("times({})", show_float(step.operand));
    case Kind::divide:
      return format("divide({})", show_float(step.operand));
    case Kind::neg_exp:
      return "neg_exp";
    case Kind::log_neg:
      return "log_neg";
  }
  return "";
}

std::optional<Program> steps_of(const Address& address, EndScope& scope, Diagnostics& diagnostics) {
  Program steps;
  for (const ValueOp& op : address.ops) {
    if (op.kind == ValueOp::Kind::rest) continue;
    if (op.kind == ValueOp::Kind::neg_exp) {
      steps.push_back({Kind::neg_exp, 0});
      continue;
    }
    EvalFault fault;
    const auto value = evaluate(*op.operand, scope.scope(), &fault);
    const auto operand = value ? number(*value) : std::nullopt;
    const bool scale = op.kind != ValueOp::Kind::plus;
    if (!operand || !std::isfinite(*operand) || (scale && *operand == 0)) {
      diagnostics.error("B03", value ? op.operand->span() : fault.span,
                        !value ? fault.message : format("{} cannot be undone", show(*value)));
      return std::nullopt;
    }
    if (op.kind == ValueOp::Kind::divide)
      steps.push_back({Kind::divide, std::pow(*operand, op.power)});
    else
      steps.push_back({scale ? Kind::times : Kind::plus, *operand});
  }
  return steps;
}

Program between(Program stored, Program wanted) {
  const auto same = std::ranges::mismatch(stored, wanted);
  stored.erase(stored.begin(), same.in1);
  wanted.erase(wanted.begin(), same.in2);
  Program program;
  for (auto step = stored.rbegin(); step != stored.rend(); ++step) program.push_back(inverse(*step));
  program.insert(program.end(), wanted.begin(), wanted.end());
  return program;
}

FillMaker::FillMaker(Graph& graph, const Expr& value, Program steps, const RuleFile& file, EndScope& scope,
                     Diagnostics& diagnostics)
    : graph_(graph), value_(value), steps_(std::move(steps)), scope_(scope), diagnostics_(diagnostics) {
  for (const NameUse& use : names_of(value))
    if (file.axis(use.root)) axes_.push_back(use.root);
}

std::optional<uint32_t> FillMaker::evaluate_at(const std::vector<FixedIndex>& fixed) {
  for (const FixedIndex& index : fixed) scope_.set(index.axis, index.index);
  EvalFault fault;
  const auto value = evaluate(value_, scope_.scope(), &fault);
  for (const FixedIndex& index : fixed) scope_.unset(index.axis);
  const auto fill = value ? fill_value(*value, steps_) : std::nullopt;
  if (fill) return add_fill(graph_, *fill);
  diagnostics_.error("B03", value ? value_.span() : fault.span,
                     value ? format("{} is no number", show(*value)) : fault.message);
  return std::nullopt;
}

std::map<std::string, Value, std::less<>> FillMaker::snapshot() const {
  std::map<std::string, Value, std::less<>> names;
  const Scope scope = scope_.scope();
  for (const NameUse& use : names_of(value_))
    if (const Value* value = scope(use.root)) names[use.root] = *value;
  return names;
}

std::optional<uint32_t> FillMaker::fill() {
  if (!plain_) plain_ = evaluate_at({});
  return plain_;
}

std::optional<uint32_t> FillMaker::fill(const std::vector<FixedIndex>& fixed, const Slab& slab, const SlabBox& box) {
  if (axes_.empty()) return fill();
  IndexedValue indexed{value_, steps_, {}, {}, box.first};
  for (const SlabAxis& axis : slab.axes) indexed.axes.push_back(axis.name);
  const bool varies =
      std::ranges::any_of(axes_, [&](const std::string& axis) { return std::ranges::count(indexed.axes, axis) > 0; });
  if (!varies) return evaluate_at(fixed);
  for (const FixedIndex& index : fixed) scope_.set(index.axis, index.index);
  indexed.names = snapshot();
  for (const FixedIndex& index : fixed) scope_.unset(index.axis);
  FillValue value;
  value.at = std::move(indexed);
  graph_.fills.push_back(std::move(value));
  return static_cast<uint32_t>(graph_.fills.size() - 1);
}

uint32_t add_fill(Graph& graph, FillValue value) {
  const std::vector<int64_t> bits{value.is_integer, value.integer, std::bit_cast<int64_t>(value.constant)};
  const auto [id, added] = graph.constant_ids.emplace(bits, static_cast<uint32_t>(graph.fills.size()));
  if (added) graph.fills.push_back(std::move(value));
  return id->second;
}

uint32_t add_program(Graph& graph, const Program& program) {
  std::vector<int64_t> bits;
  for (const ScalarStep& step : program)
    bits.insert(bits.end(), {static_cast<int64_t>(step.kind), std::bit_cast<int64_t>(step.operand)});
  const auto [id, added] = graph.program_ids.emplace(bits, static_cast<uint32_t>(graph.programs.size()));
  if (added) graph.programs.push_back(program);
  return id->second;
}

uint32_t zero_fill(Graph& graph) {
  FillValue zero;
  zero.is_integer = true;
  return add_fill(graph, zero);
}

}  // namespace tessera
