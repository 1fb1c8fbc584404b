// Operators and functions of the language, on values. Where there is no result, `why` says it in a few words.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "rules/expr.h"

namespace tessera {

inline constexpr size_t most_items = 1'000'000;  // of a list, and bytes of a text that is put together

using Arguments = std::vector<const Value*>;

std::optional<Value> negated(const Value& value, std::string& why);
// All operators of two values but `and`, `or`.
std::optional<Value> apply(ExprOp op, const Value& a, const Value& b, std::string& why);
// Exact for integers beside floats too: a long double of x86 holds both.
std::optional<long double> exact(const Value& value);
// -1, 0 or 1; nullopt where the two have no order.
std::optional<int> order(const Value& a, const Value& b);
bool agrees(int order, ExprOp op);  // `<`, `<=`, `>` or `>=`
// By name; checks the number of arguments.
std::optional<Value> call(std::string_view name, const Arguments& args, std::string& why);

std::optional<Value> no_result(std::string& why, std::string reason);
std::vector<std::string_view> characters_of(const std::string& text);
std::string a_or_an(std::string_view noun);  // "an integer"
// How many values (and, in units of 16 bytes, texts) a value holds: what it costs to copy or compare.
size_t weight(const Value& value);

}  // namespace tessera
