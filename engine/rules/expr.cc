// Small questions about parsed expressions.
#include "rules/expr.h"

#include <algorithm>

namespace tessera {

Expr literal(Value value, Span span) {
  Expr expr;
  expr.text.s = show(value);
  expr.text.span = span;
  expr.text.offsets.assign(expr.text.s.size() + 1, span.begin);
  expr.text.offsets.back() = span.end;
  ExprNode node;
  node.value = std::move(value);
  node.end = static_cast<uint32_t>(expr.text.s.size());
  expr.nodes.push_back(std::move(node));
  return expr;
}

std::string to_text(const Expr& expr) { return expr.text.s; }

std::optional<std::string> dotted_path(const Expr& expr, uint32_t node) {
  std::string tail;
  while (expr.nodes[node].op == ExprOp::member) {
    tail = "." + expr.nodes[node].name + tail;
    node = expr.nodes[node].args[0];
  }
  if (expr.nodes[node].op != ExprOp::name) return std::nullopt;
  return expr.nodes[node].name + tail;
}

namespace {

// Walks in order of the text; depth is bounded by the parser.
class NameCollector {
 public:
  explicit NameCollector(const Expr& expr) : expr_(expr) {}

  void visit(uint32_t id) {
    const ExprNode& node = expr_.nodes[id];
    if (const auto path = dotted_path(expr_, id)) return use(*path, node);
    if (node.op == ExprOp::list_for) return visit_list_for(node);
    for (const uint32_t arg : node.args) visit(arg);
  }

  std::vector<NameUse> uses;

 private:
  void use(const std::string& path, const ExprNode& node) {
    const std::string root = path.substr(0, path.find('.'));
    if (std::find(bound_.begin(), bound_.end(), root) != bound_.end()) return;
    uses.push_back({root, path, expr_.span(node)});
  }

  // The bound name is known in the item and in the condition, not in the range.
  void visit_list_for(const ExprNode& node) {
    bound_.push_back(node.name);
    visit(node.args[0]);
    bound_.pop_back();
    visit(node.args[1]);
    visit(node.args[2]);
    if (node.args.size() < 4) return;
    bound_.push_back(node.name);
    visit(node.args[3]);
    bound_.pop_back();
  }

  const Expr& expr_;
  std::vector<std::string> bound_;
};

}  // namespace

std::vector<NameUse> names_of(const Expr& expr) {
  NameCollector collector(expr);
  if (!expr.nodes.empty()) collector.visit(static_cast<uint32_t>(expr.nodes.size() - 1));
  return std::move(collector.uses);
}

bool truthy(const Value& value) { return !value.is_none() && !(value.as_bool() && !*value.as_bool()); }

}  // namespace tessera
