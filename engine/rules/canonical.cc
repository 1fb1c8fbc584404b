// One spelling for what an expression says: brackets everywhere, other names for names.
#include "rules/canonical.h"

#include "base/text.h"

namespace tessera {

Expr subexpression(const Expr& expr, uint32_t node) {
  uint32_t first = node;  // in post-order what belongs to a node stands before it
  while (!expr.nodes[first].args.empty()) first = expr.nodes[first].args[0];
  Expr piece{expr.text, {expr.nodes.begin() + first, expr.nodes.begin() + node + 1}};
  for (ExprNode& part : piece.nodes)
    for (uint32_t& arg : part.args) arg -= first;
  return piece;
}

namespace {

const char* symbol_of(ExprOp op) {
  switch (op) {
    case ExprOp::and_:
      return "and";
    case ExprOp::or_:
      return "or";
    case ExprOp::add:
      return "+";
    case ExprOp::sub:
      return "-";
    case ExprOp::mul:
      return "*";
    case ExprOp::floordiv:
      return "//";
    case ExprOp::mod:
      return "%";
    case ExprOp::div:
      return "/";
    case ExprOp::power:
      return "**";
    case ExprOp::eq:
      return "==";
    case ExprOp::ne:
      return "!=";
    case ExprOp::lt:
      return "<";
    case ExprOp::le:
      return "<=";
    case ExprOp::gt:
      return ">";
    case ExprOp::ge:
      return ">=";
    case ExprOp::in:
      return "in";
    case ExprOp::not_in:
      return "not in";
    default:
      return "?";
  }
}

// Whole, unlike show(): what is cut alike is not alike.
std::string literal_text(const Value& value) {
  return value.as_string() ? '"' + escape(*value.as_string(), std::string::npos) + '"' : show(value);
}

std::string list_for_text(const Expr& expr, const ExprNode& node, Renaming names) {
  const std::string lo = canonical_text(expr, node.args[1], names), hi = canonical_text(expr, node.args[2], names);
  names.erase(node.name);
  std::string text = format("[{} for {} in {}..{}", canonical_text(expr, node.args[0], names), node.name, lo, hi);
  if (node.args.size() > 3) text += " where " + canonical_text(expr, node.args[3], names);
  return text + "]";
}

}  // namespace

std::string canonical_text(const Expr& expr, uint32_t id, const Renaming& names) {
  const ExprNode& node = expr.nodes[id];
  std::vector<std::string> args;
  if (node.op == ExprOp::list_for) return list_for_text(expr, node, names);
  for (const uint32_t arg : node.args) args.push_back(canonical_text(expr, arg, names));
  switch (node.op) {
    case ExprOp::literal:
      return literal_text(node.value);
    case ExprOp::name: {
      const auto renamed = names.find(node.name);
      return renamed == names.end() ? node.name : renamed->second;
    }
    case ExprOp::member:
      return args[0] + "." + node.name;
    case ExprOp::index:
      return args[0] + "[" + args[1] + "]";
    case ExprOp::call:
      return node.name + "(" + join(args, ", ") + ")";
    case ExprOp::list:
      return "[" + join(args, ", ") + "]";
    case ExprOp::negate:
      return "-" + args[0];
    case ExprOp::not_:
      return "not " + args[0];
    default:
      return format("({} {} {})", args[0], symbol_of(node.op), args[1]);
  }
}

}  // namespace tessera
