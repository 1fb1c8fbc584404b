// What the unknowns of a formula can come to, and what each atom makes of that.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "rules/expr_ops.h"
#include "rules/formula.h"

namespace tessera {
namespace {

bool compared(const Value& a, ExprOp op, const Value& b) {
  if (op == ExprOp::eq || op == ExprOp::ne) return same_value(a, b) == (op == ExprOp::eq);
  const auto sign = order(a, b);
  return sign && agrees(*sign, op);
}

const Value& another_value() {
  static const Value value = Opaque{"object", "another value"};
  return value;
}

// A float between the two, or else an integer: far from zero there are more of these.
void add_between(std::vector<Value>& outcomes, long double low, long double high) {
  const long double middle = low + (high - low) / 2, whole = std::floor(middle);
  const auto near = static_cast<double>(middle);
  if (near > low && near < high)
    outcomes.push_back(near);
  else if (whole > low && whole < high && std::abs(whole) < 0x1p63L)
    outcomes.push_back(static_cast<int64_t>(whole));
}

// How far another number lies at least, that a float can tell from this one.
long double step_from(long double number) { return std::max(1.0L, std::abs(number) * 0x1p-50L); }

// A number below, between and above those that are compared with.
void add_sizes(std::vector<Value>& outcomes) {
  std::vector<long double> numbers;
  for (const Value& value : outcomes)
    if (const auto n = exact(value)) numbers.push_back(*n);
  if (numbers.empty()) return;
  std::sort(numbers.begin(), numbers.end());
  const long double first = numbers.front(), last = numbers.back();
  outcomes.push_back(static_cast<double>(first - step_from(first)));
  for (size_t i = 1; i < numbers.size(); ++i) add_between(outcomes, numbers[i - 1], numbers[i]);
  outcomes.push_back(static_cast<double>(last + step_from(last)));
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
