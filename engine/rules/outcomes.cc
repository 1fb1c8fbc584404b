// What the unknowns of a formula can come to, and what each atom makes of that.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "rules/formula.h"

namespace tessera {
namespace {

std::optional<double> number(const Value& value) {
  if (value.as_int()) return static_cast<double>(*value.as_int());
  if (value.as_float()) return *value.as_float();
  return std::nullopt;
}

bool compared(const Value& a, ExprOp op, const Value& b) {
  if (op == ExprOp::eq || op == ExprOp::ne) return same_value(a, b) == (op == ExprOp::eq);
  const auto x = number(a), y = number(b);
  if (!x || !y) return false;
  switch (op) {
    case ExprOp::lt:
      return *x < *y;
    case ExprOp::le:
      return *x <= *y;
    case ExprOp::gt:
      return *x > *y;
    default:
      return *x >= *y;
  }
}

const Value& another_value() {
  static const Value value = Opaque{"object", "another value"};
  return value;
}

// A number below, between and above those that are compared with.
void add_sizes(std::vector<Value>& outcomes) {
  std::vector<double> numbers;
  for (const Value& value : outcomes)
    if (const auto n = number(value)) numbers.push_back(*n);
  if (numbers.empty()) return;
  std::sort(numbers.begin(), numbers.end());
  outcomes.push_back(numbers.front() - 1);
  for (size_t i = 1; i < numbers.size(); ++i) outcomes.push_back(numbers[i - 1] + (numbers[i] - numbers[i - 1]) / 2);
  outcomes.push_back(numbers.back() + 1);
}

void keep_distinct(std::vector<Value>& values) {
  std::vector<Value> kept;
  for (Value& value : values) {
    const auto same = [&](const Value& other) { return same_value(value, other); };
    if (std::none_of(kept.begin(), kept.end(), same)) kept.push_back(std::move(value));
  }
  values = std::move(kept);
}

void list_outcomes(Unknown& unknown) {
  std::vector<Value>& outcomes = unknown.outcomes;
  if (unknown.kind == Unknown::Kind::boolean) outcomes = {false, true};
  if (unknown.kind == Unknown::Kind::order) outcomes = {-1, 0, 1};
  if (unknown.kind != Unknown::Kind::term) return;
  if (unknown.asked_size) add_sizes(outcomes);
  outcomes.push_back(another_value());
  if (unknown.asked_truth) outcomes.insert(outcomes.end(), {Value(), false});
  keep_distinct(outcomes);
}

bool holds_for(const Atom& atom, const Unknown& unknown, const Value& outcome) {
  if (!atom.whole) return atom.op ? compared(outcome, *atom.op, atom.value) : truthy(outcome);
  const Scope scope = [&](std::string_view name) { return name == unknown.text ? &outcome : nullptr; };
  return evaluate_condition(*atom.whole, scope, nullptr).value_or(false);
}

}  // namespace

void list_outcomes(Problem& problem) {
  for (Unknown& unknown : problem.unknowns) list_outcomes(unknown);
  for (Atom& atom : problem.atoms) {
    const Unknown& unknown = problem.unknowns[atom.unknown];
    for (const Value& outcome : unknown.outcomes) atom.holds.push_back(holds_for(atom, unknown, outcome));
  }
}

std::string outcome_text(const Unknown& unknown, size_t outcome) {
  const Value& value = unknown.outcomes[outcome];
  switch (unknown.kind) {
    case Unknown::Kind::boolean:
      return (*value.as_bool() ? "" : "not ") + unknown.text;
    case Unknown::Kind::order:
      return format("{} {} {}", unknown.text, std::array{"<", "==", ">"}[outcome], unknown.right);
    case Unknown::Kind::choice:
      return unknown.text + " == " + show(value);
    case Unknown::Kind::term:
      break;
  }
  if (value.as_opaque()) return unknown.asked_truth ? unknown.text : unknown.text + " is another value";
  if (unknown.asked_truth && !truthy(value)) return "not " + unknown.text;
  return unknown.text + " == " + show(value);
}

}  // namespace tessera
