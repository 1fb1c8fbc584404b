// One expression: it reads the same when its own text is read again, and where it is integer arithmetic alone its value
// is what 128 bits give, or a fault where 64 do not hold it.
#include "base/text.h"
#include "fuzz/target.h"
#include "rules/expr.h"

namespace tessera::fuzz {
namespace {

const Value* value_of(std::string_view name) {
  static const Value three(3), negative(-7), text("glu"), real(0.5), yes(true), none, list(List{1, 2, 3, 5, 8}),
      map(Map{});
  if (name == "a") return &three;
  if (name == "b") return &negative;
  if (name == "s") return &text;
  if (name == "x") return &real;
  if (name == "t") return &yes;
  if (name == "n") return &none;
  if (name == "l") return &list;
  return name == "m" ? &map : nullptr;
}

Wide floor_div(Wide a, Wide b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

// The value of a tree of + - * // % over integers; nothing for any other, or where 64 bits or a divisor fail it.
std::optional<Wide> plain(const Expr& expr, uint32_t id) {
  const ExprNode& node = expr.nodes[id];
  const Value* leaf = node.op == ExprOp::literal ? &node.value
                      : node.op == ExprOp::name  ? value_of(node.name)
                                                 : nullptr;
  if (leaf) return leaf->as_int() ? std::optional<Wide>(*leaf->as_int()) : std::nullopt;
  if (node.args.size() != 2) return std::nullopt;
  const auto a = plain(expr, node.args[0]), b = plain(expr, node.args[1]);
  if (!a || !b) return std::nullopt;
  const bool divides = node.op == ExprOp::floordiv || node.op == ExprOp::mod;
  if (divides && *b == 0) return std::nullopt;
  const Wide value = node.op == ExprOp::add        ? *a + *b
                     : node.op == ExprOp::sub      ? *a - *b
                     : node.op == ExprOp::mul      ? *a * *b
                     : node.op == ExprOp::floordiv ? floor_div(*a, *b)
                     : node.op == ExprOp::mod      ? *a - floor_div(*a, *b) * *b
                                                   : Wide{1} << 100;
  const bool fits = value >= INT64_MIN && value <= INT64_MAX;
  return fits ? std::optional(value) : std::nullopt;
}

void check_value(const Expr& expr) {
  EvalFault fault;
  const auto value = evaluate(expr, value_of, &fault);
  require(value || !fault.message.empty(), "a fault is told");
  const auto wanted = plain(expr, static_cast<uint32_t>(expr.nodes.size() - 1));
  if (wanted) require(value && value->as_int() && *value->as_int() == *wanted, "arithmetic is right");
  if (value) show(*value);
}

std::optional<Expr> parse(const std::string& text, Diagnostics& diagnostics) {
  return parse_expression(Text{text, {0, 0, static_cast<uint32_t>(text.size())}, {}}, diagnostics);
}

void check_again(const Expr& expr) {
  Diagnostics diagnostics;
  const auto again = parse(to_text(expr), diagnostics);
  require(again && again->nodes.size() == expr.nodes.size(), "its text is the expression");
  for (size_t i = 0; i < expr.nodes.size(); ++i) {
    const ExprNode &a = expr.nodes[i], &b = again->nodes[i];
    require(a.op == b.op && a.args == b.args && a.value == b.value && a.name == b.name, "its text is the expression");
    for (const uint32_t arg : a.args) require(arg < i, "nodes stand behind their parts");
  }
}

void run(std::string_view input) {
  Sources sources;
  Diagnostics diagnostics;
  const std::string text(input);
  sources.add("expression", text);
  const auto expr = parse(text, diagnostics);
  require(expr.has_value() != diagnostics.failed(), "what is not read is told");
  if (expr) {
    check_again(*expr);
    check_value(*expr);
    names_of(*expr);
  }
  Diagnostics others;
  parse_range(Text{text, {0, 0, static_cast<uint32_t>(text.size())}, {}}, others);
  render(diagnostics, sources);
  render(others, sources);
}

const Registered registered({"expression", run});

}  // namespace
}  // namespace tessera::fuzz
