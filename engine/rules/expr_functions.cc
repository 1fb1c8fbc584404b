// The functions of the language: a closed table.
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "rules/expr_ops.h"

namespace tessera {
namespace {

using Result = std::optional<Value>;

Result wants(std::string_view what, const Value& got, std::string& why) {
  return no_result(why, format("{} is wanted, this is {}", what, a_or_an(type_name(got))));
}

// A list, or the characters of a text.
std::optional<List> items_of(const Value& value) {
  if (value.as_list()) return *value.as_list();
  if (!value.as_string()) return std::nullopt;
  List items;
  for (const std::string_view c : characters_of(*value.as_string())) items.emplace_back(std::string(c));
  return items;
}

Result len(const Arguments& args, std::string& why) {
  if (args[0]->as_list()) return Value(static_cast<int64_t>(args[0]->as_list()->size()));
  if (args[0]->as_string()) return Value(static_cast<int64_t>(characters(*args[0]->as_string())));
  return wants("a list or a text", *args[0], why);
}

Result extreme(const Arguments& args, ExprOp better, std::string& why) {
  const Value* best = args[0];
  for (const Value* arg : args) {
    if (!arg->as_int() && !arg->as_float()) return wants("a number", *arg, why);
    if (*apply(better, *arg, *best, why)->as_bool()) best = arg;
  }
  return *best;
}

Result least(const Arguments& args, std::string& why) { return extreme(args, ExprOp::lt, why); }
Result most(const Arguments& args, std::string& why) { return extreme(args, ExprOp::gt, why); }

Result ceiling(const Arguments& args, std::string& why) {
  if (args[0]->as_int()) return *args[0];
  if (!args[0]->as_float()) return wants("a number", *args[0], why);
  const double up = std::ceil(*args[0]->as_float());
  if (!(up >= -0x1p63 && up < 0x1p63)) return no_result(why, "overflow: the result does not fit 64 bits");
  return Value(static_cast<int64_t>(up));
}

template <class Compute>
Result computed(const Value& value, Compute compute, std::string& why) {
  if (!value.as_int() && !value.as_float()) return wants("a number", value, why);
  const double result = compute(value.as_int() ? static_cast<double>(*value.as_int()) : *value.as_float());
  if (!std::isfinite(result)) return no_result(why, "the result is no finite number");
  return Value(result);
}

// By way of f32, as torch rounds a Python float.
double round_to_bf16(double value) {
  const auto narrow = static_cast<float>(value);
  uint32_t bits = 0;
  std::memcpy(&bits, &narrow, sizeof bits);
  bits += 0x7FFF + (bits >> 16 & 1);
  bits &= 0xFFFF0000;
  float rounded = 0;
  std::memcpy(&rounded, &bits, sizeof rounded);
  return std::isfinite(narrow) ? static_cast<double>(rounded) : static_cast<double>(narrow);
}

Result square_root(const Arguments& args, std::string& why) {
  return computed(
      *args[0], [](double x) { return std::sqrt(x); }, why);
}
Result exponential(const Arguments& args, std::string& why) {
  return computed(
      *args[0], [](double x) { return std::exp(x); }, why);
}
Result logarithm(const Arguments& args, std::string& why) {
  return computed(
      *args[0], [](double x) { return std::log(x); }, why);
}
Result bf16(const Arguments& args, std::string& why) { return computed(*args[0], round_to_bf16, why); }

Result count_leading(const Arguments& args, std::string& why) {
  const auto items = items_of(*args[0]);
  if (!items) return wants("a list or a text", *args[0], why);
  int64_t count = 0;
  while (static_cast<size_t>(count) < items->size() && same_value((*items)[static_cast<size_t>(count)], *args[1]))
    ++count;
  return Value(count);
}

Result positions(const Arguments& args, std::string& why) {
  const auto items = items_of(*args[0]);
  if (!items) return wants("a list or a text", *args[0], why);
  List found;
  for (size_t i = 0; i < items->size(); ++i)
    if (same_value((*items)[i], *args[1])) found.emplace_back(static_cast<int64_t>(i));
  return Value(std::move(found));
}

Result put(const Arguments& args, std::string& why) {
  if (!args[0]->as_list()) return wants("a list", *args[0], why);
  if (!args[1]->as_list()) return wants("a list of places", *args[1], why);
  List out = *args[0]->as_list();
  for (const Value& place : *args[1]->as_list()) {
    if (!place.as_int()) return wants("an integer", place, why);
    if (*place.as_int() < 0 || *place.as_int() >= static_cast<int64_t>(out.size()))
      return no_result(why, format("index {} is out of range: the list has {} items", *place.as_int(), out.size()));
    out[static_cast<size_t>(*place.as_int())] = *args[2];
  }
  return Value(std::move(out));
}

Result join_texts(const Arguments& args, std::string& why) {
  if (!args[0]->as_list()) return wants("a list of texts", *args[0], why);
  if (!args[1]->as_string()) return wants("a text", *args[1], why);
  std::string out;
  bool first = true;
  for (const Value& item : *args[0]->as_list()) {
    if (!item.as_string()) return wants("a text", item, why);
    if (!first) out += *args[1]->as_string();
    first = false;
    out += *item.as_string();
    if (out.size() > most_items) return no_result(why, format("a text has at most {} bytes", most_items));
  }
  return Value(std::move(out));
}

struct Row {
  Function function;
  Result (*compute)(const Arguments&, std::string&);
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table{{{"len", 1, 1}, len},
                                      {{"min", 2, -1}, least},
                                      {{"max", 2, -1}, most},
                                      {{"ceil", 1, 1}, ceiling},
                                      {{"sqrt", 1, 1}, square_root},
                                      {{"exp", 1, 1}, exponential},
                                      {{"log", 1, 1}, logarithm},
                                      {{"bf16", 1, 1}, bf16},
                                      {{"count_leading", 2, 2}, count_leading},
                                      {{"positions", 2, 2}, positions},
                                      {{"put", 3, 3}, put},
                                      {{"join", 2, 2}, join_texts}};
  return table;
}

}  // namespace

std::vector<std::string_view> characters_of(const std::string& text) {
  std::vector<std::string_view> out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    out.push_back(std::string_view(text).substr(at, end - at));
    at = end;
  }
  return out;
}

const std::vector<Function>& functions() {
  static const std::vector<Function> table = [] {
    std::vector<Function> out;
    for (const Row& row : rows()) out.push_back(row.function);
    return out;
  }();
  return table;
}

Result call(std::string_view name, const Arguments& args, std::string& why) {
  for (const Row& row : rows()) {
    if (row.function.name != name) continue;
    const auto count = static_cast<int>(args.size());
    if (count >= row.function.least && (row.function.most < 0 || count <= row.function.most))
      return row.compute(args, why);
    return no_result(why, format("`{}` with {} arguments", name, count));
  }
  return no_result(why, format("there is no function `{}`", name));
}

}  // namespace tessera
