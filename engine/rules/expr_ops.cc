// Operators. Integers are checked, floats must stay finite, and nothing is converted but an integer beside a float.
#include "rules/expr_ops.h"

#include <array>
#include <cmath>

#include "base/checked.h"
#include "base/text.h"

namespace tessera {
namespace {

using Result = std::optional<Value>;

Result whole(std::optional<int64_t> value, std::string& why) {
  if (value) return Value(*value);
  return no_result(why, "overflow: the result does not fit 64 bits");
}

Result finite(double value, std::string& why) {
  if (std::isfinite(value)) return Value(value);
  return no_result(why, "overflow: the result is no finite number");
}

std::optional<double> as_number(const Value& value) {
  if (value.as_int()) return static_cast<double>(*value.as_int());
  if (value.as_float()) return *value.as_float();
  return std::nullopt;
}

std::string_view symbol(ExprOp op) {
  constexpr std::array<std::pair<ExprOp, std::string_view>, 15> symbols{{{ExprOp::add, "+"},
                                                                         {ExprOp::sub, "-"},
                                                                         {ExprOp::mul, "*"},
                                                                         {ExprOp::floordiv, "//"},
                                                                         {ExprOp::mod, "%"},
                                                                         {ExprOp::div, "/"},
                                                                         {ExprOp::power, "**"},
                                                                         {ExprOp::eq, "=="},
                                                                         {ExprOp::ne, "!="},
                                                                         {ExprOp::lt, "<"},
                                                                         {ExprOp::le, "<="},
                                                                         {ExprOp::gt, ">"},
                                                                         {ExprOp::ge, ">="},
                                                                         {ExprOp::in, "in"},
                                                                         {ExprOp::not_in, "not in"}}};
  for (const auto& [candidate, text] : symbols)
    if (candidate == op) return text;
  return "?";
}

Result wrong_types(ExprOp op, const Value& a, const Value& b, std::string& why) {
  return no_result(why, format("`{}` between {} and {}", symbol(op), a_or_an(type_name(a)), a_or_an(type_name(b))));
}

int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

int64_t floor_modulo(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

double floor_modulo(double a, double b) {
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

std::optional<int64_t> integer_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  for (; exponent > 0; --exponent) {  // at most 63 times before it overflows
    const auto next = checked_mul(result, base);
    if (!next) return std::nullopt;
    result = *next;
  }
  return result;
}

Result on_integers(ExprOp op, int64_t a, int64_t b, std::string& why) {
  const bool divides = op == ExprOp::floordiv || op == ExprOp::mod || op == ExprOp::div;
  if (divides && b == 0) return no_result(why, "division by zero");
  switch (op) {
    case ExprOp::add:
      return whole(checked_add(a, b), why);
    case ExprOp::sub:
      return whole(checked_sub(a, b), why);
    case ExprOp::mul:
      return whole(checked_mul(a, b), why);
    case ExprOp::floordiv:
      return b == -1 ? whole(checked_sub(int64_t{0}, a), why) : Value(floor_divide(a, b));
    case ExprOp::mod:
      return b == -1 ? Value(0) : Value(floor_modulo(a, b));
    case ExprOp::div:
      return finite(static_cast<double>(a) / static_cast<double>(b), why);
    default:
      break;
  }
  if (b >= 0) return whole(integer_power(a, b), why);
  if (a == 0) return no_result(why, "division by zero");
  return finite(std::pow(static_cast<double>(a), static_cast<double>(b)), why);
}

Result on_floats(ExprOp op, double a, double b, std::string& why) {
  const bool divides = op == ExprOp::floordiv || op == ExprOp::mod || op == ExprOp::div;
  if (divides && b == 0) return no_result(why, "division by zero");
  switch (op) {
    case ExprOp::add:
      return finite(a + b, why);
    case ExprOp::sub:
      return finite(a - b, why);
    case ExprOp::mul:
      return finite(a * b, why);
    case ExprOp::floordiv:
      return finite(std::floor(a / b), why);
    case ExprOp::mod:
      return finite(floor_modulo(a, b), why);
    case ExprOp::div:
      return finite(a / b, why);
    default:
      return finite(std::pow(a, b), why);
  }
}

Result arithmetic(ExprOp op, const Value& a, const Value& b, std::string& why) {
  if (a.as_int() && b.as_int()) return on_integers(op, *a.as_int(), *b.as_int(), why);
  const auto x = as_number(a), y = as_number(b);
  return x && y ? on_floats(op, *x, *y, why) : wrong_types(op, a, b, why);
}

Result joined_lists(const List& a, const List& b, std::string& why) {
  if (a.size() + b.size() > most_items) return no_result(why, format("a list has at most {} items", most_items));
  List out = a;
  out.insert(out.end(), b.begin(), b.end());
  return Value(std::move(out));
}

Result add(const Value& a, const Value& b, std::string& why) {
  if (a.as_list() && b.as_list()) return joined_lists(*a.as_list(), *b.as_list(), why);
  if (!a.as_string() || !b.as_string()) return arithmetic(ExprOp::add, a, b, why);
  if (a.as_string()->size() + b.as_string()->size() > most_items)
    return no_result(why, format("a text has at most {} bytes", most_items));
  return Value(*a.as_string() + *b.as_string());
}

Result repeated(const List& list, int64_t times, std::string& why) {
  if (times < 0) return no_result(why, "a list cannot stand fewer than 0 times");
  const auto size = checked_mul(static_cast<int64_t>(list.size()), times);
  if (!size || *size > static_cast<int64_t>(most_items))
    return no_result(why, format("a list has at most {} items", most_items));
  List out;
  out.reserve(static_cast<size_t>(*size));
  while (static_cast<int64_t>(out.size()) < *size) out.insert(out.end(), list.begin(), list.end());
  return Value(std::move(out));
}

Result compared(ExprOp op, const Value& a, const Value& b, std::string& why) {
  const auto sign = order(a, b);
  return sign ? Value(agrees(*sign, op)) : wrong_types(op, a, b, why);
}

bool contains(const List& list, const Value& value) {
  for (const Value& item : list)
    if (same_value(item, value)) return true;
  return false;
}

}  // namespace

Result no_result(std::string& why, std::string reason) {
  why = std::move(reason);
  return std::nullopt;
}

Result negated(const Value& value, std::string& why) {
  if (value.as_int()) return whole(checked_sub(int64_t{0}, *value.as_int()), why);
  if (value.as_float()) return Value(-*value.as_float());
  return no_result(why, format("`-` before {}", a_or_an(type_name(value))));
}

std::optional<long double> exact(const Value& value) {
  if (value.as_int()) return static_cast<long double>(*value.as_int());
  if (value.as_float()) return *value.as_float();
  return std::nullopt;
}

std::optional<int> order(const Value& a, const Value& b) {
  const auto sign = [](const auto& x, const auto& y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (a.as_string() && b.as_string()) return sign(*a.as_string(), *b.as_string());
  const auto x = exact(a), y = exact(b);
  return x && y ? std::optional(sign(*x, *y)) : std::nullopt;
}

bool agrees(int order, ExprOp op) {
  switch (op) {
    case ExprOp::lt:
      return order < 0;
    case ExprOp::le:
      return order <= 0;
    case ExprOp::gt:
      return order > 0;
    default:
      return order >= 0;
  }
}

Result apply(ExprOp op, const Value& a, const Value& b, std::string& why) {
  switch (op) {
    case ExprOp::eq:
      return Value(same_value(a, b));
    case ExprOp::ne:
      return Value(!same_value(a, b));
    case ExprOp::lt:
    case ExprOp::le:
    case ExprOp::gt:
    case ExprOp::ge:
      return compared(op, a, b, why);
    case ExprOp::in:
    case ExprOp::not_in:
      if (!b.as_list()) return wrong_types(op, a, b, why);
      return Value(contains(*b.as_list(), a) == (op == ExprOp::in));
    case ExprOp::add:
      return add(a, b, why);
    case ExprOp::mul:
      if (a.as_list() && b.as_int()) return repeated(*a.as_list(), *b.as_int(), why);
      return arithmetic(op, a, b, why);
    default:
      return arithmetic(op, a, b, why);
  }
}

std::string a_or_an(std::string_view noun) {
  if (noun == "none") return "none";
  const bool vowel = !noun.empty() && std::string_view("aeiou").find(noun[0]) != std::string_view::npos;
  return format("{} {}", vowel ? "an" : "a", noun);
}

size_t weight(const Value& value) {
  size_t sum = 1;
  if (value.as_string()) sum += value.as_string()->size() / 16;
  if (value.as_list())
    for (const Value& item : *value.as_list()) sum += weight(item);
  if (value.as_map())
    for (const auto& [key, item] : *value.as_map()) sum += weight(item);
  return sum;
}

}  // namespace tessera
