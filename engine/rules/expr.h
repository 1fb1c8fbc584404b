// Expressions of rule files: parsed once, evaluated over values, compared in normal form by the proofs (guard.h).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/source.h"
#include "base/value.h"

namespace tessera {

enum class ExprOp : uint8_t {
  literal,   // value
  name,      // name: an identifier
  member,    // a.name
  index,     // a[b]
  call,      // name(args)
  list,      // [args]
  list_for,  // [a for name in b..c where d]; args = {a, b, c} or {a, b, c, d}
  negate,
  not_,
  and_,
  or_,
  add,
  sub,
  mul,
  floordiv,
  mod,
  div,
  power,
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  in,
  not_in
};

struct ExprNode {
  ExprOp op = ExprOp::literal;
  std::vector<uint32_t> args;   // indices of nodes, all smaller than this one's
  Value value;                  // literal
  std::string name;             // name, member, call, list_for
  uint32_t begin = 0, end = 0;  // in text.s
};

// A parsed expression: nodes in post-order, the root last. Depth is limited to 64, length to 4 KiB.
struct Expr {
  Text text;
  std::vector<ExprNode> nodes;
  const ExprNode& root() const { return nodes.back(); }
  Span span() const { return text.at(0, text.s.size()); }
  Span span(const ExprNode& n) const { return text.at(n.begin, n.end); }
};

// nullopt after an R01 at the word that cannot go on.
std::optional<Expr> parse_expression(const Text& text, Diagnostics& diagnostics);

// "a in lo..hi [where c]"
struct Range {
  Text axis;
  Expr lo, hi;
  std::optional<Expr> where;
};
std::optional<Range> parse_range(const Text& text, Diagnostics& diagnostics);

Expr literal(Value value, Span span);
std::string to_text(const Expr& expr);                                    // as written
std::optional<std::string> dotted_path(const Expr& expr, uint32_t node);  // "rope_scaling.factor" if it is only that

// Every identifier at the root of a path, with its full dotted path and span; names bound by list_for left out.
struct NameUse {
  std::string root, path;
  Span span;
};
std::vector<NameUse> names_of(const Expr& expr);

// Where names get their values. Returns nullptr for a name without a value.
using Scope = std::function<const Value*(std::string_view name)>;

struct EvalFault {
  Span span;            // the word or operator
  std::string message;  // "`hidden_size` has no value", "division by zero", ...
};
// A value or a fault. Semantics: docs/language.md "Configuration". Work is bounded: lists of at most 10^6 items.
std::optional<Value> evaluate(const Expr& expr, const Scope& scope, EvalFault* fault);
// Also checks the type; the fault says what was wanted.
std::optional<int64_t> evaluate_int(const Expr& expr, const Scope& scope, EvalFault* fault);
std::optional<bool> evaluate_condition(const Expr& expr, const Scope& scope, EvalFault* fault);  // none counts as false

struct Function {
  std::string_view name;
  int least, most;  // number of arguments; most -1: any
};
const std::vector<Function>& functions();
bool truthy(const Value& value);  // all but none and false

}  // namespace tessera
