// Recursive descent over the grammar of docs/language.md, "Configuration".
#include <algorithm>

#include "rules/expr_parser.h"

namespace tessera {

ExprParser::ExprParser(const Text& text, Diagnostics& diagnostics) : text_(text), diagnostics_(diagnostics) {
  if (text.s.size() > most_bytes) fail(text.span, format("an expression has at most {} bytes", most_bytes));
  advance();
}

void ExprParser::fail(Span span, std::string message) {
  if (!failed_) diagnostics_.error("R01", span, std::move(message));
  failed_ = true;
  token_ = {};
}

void ExprParser::unexpected(std::string_view wanted) {
  const Span span = text_.at(token_.begin, token_.end);
  if (text_.empty()) return fail(span, "an expression is missing");
  if (at_end()) return fail(span, format("the expression breaks off: {}", wanted));
  fail(span, format("`{}` cannot stand here: {}", escape(token_.text), wanted));
}

void ExprParser::expect(std::string_view symbol) {
  if (!take(symbol)) unexpected(format("`{}` is missing", symbol));
}

void ExprParser::finish() {
  if (!at_end()) unexpected("the expression should end before it");
}

bool ExprParser::at(std::string_view text) const {
  return (token_.kind == Token::Kind::word || token_.kind == Token::Kind::symbol) && token_.text == text;
}

bool ExprParser::take(std::string_view text) {
  if (!at(text)) return false;
  advance();
  return true;
}

void ExprParser::advance() {
  behind_ = token_.end;
  if (failed_) return;
  token_ = next_token(text_.s, token_.end);
  if (token_.kind == Token::Kind::fault) fail(text_.at(token_.begin, token_.end), token_.message);
}

template <class Parse>
uint32_t ExprParser::nested(Parse parse) {
  if (++nesting_ > most_depth) fail(text_.at(token_.begin, token_.end), "this expression nests too deep");
  const uint32_t node = failed_ ? 0 : parse();
  --nesting_;
  return node;
}

uint32_t ExprParser::add(ExprNode node, uint32_t begin) {
  if (failed_) return 0;
  int depth = 1;
  for (const uint32_t arg : node.args) depth = std::max(depth, depths_[arg] + 1);
  node.begin = begin;
  node.end = behind_;
  if (depth > most_depth) fail(text_.at(node.begin, node.end), "this expression nests too deep");
  nodes_.push_back(std::move(node));
  depths_.push_back(depth);
  return static_cast<uint32_t>(nodes_.size() - 1);
}

uint32_t ExprParser::unary_node(ExprOp op, uint32_t operand, uint32_t begin) {
  ExprNode node;
  node.op = op;
  node.args = {operand};
  return add(std::move(node), begin);
}

uint32_t ExprParser::binary(ExprOp op, uint32_t left, uint32_t right, uint32_t begin) {
  ExprNode node;
  node.op = op;
  node.args = {left, right};
  return add(std::move(node), begin);
}

std::optional<ExprOp> ExprParser::take_one(std::initializer_list<Operator> operators) {
  for (const Operator& candidate : operators)
    if (take(candidate.text)) return candidate.op;
  return std::nullopt;
}

uint32_t ExprParser::expression() {
  return nested([this] { return either(); });
}

uint32_t ExprParser::either() {
  const uint32_t start = begin();
  uint32_t left = both();
  while (take("or")) left = binary(ExprOp::or_, left, both(), start);
  return left;
}

uint32_t ExprParser::both() {
  const uint32_t start = begin();
  uint32_t left = negation();
  while (take("and")) left = binary(ExprOp::and_, left, negation(), start);
  return left;
}

uint32_t ExprParser::negation() {
  const uint32_t start = begin();
  if (!take("not")) return comparison();
  return unary_node(ExprOp::not_, nested([this] { return negation(); }), start);
}

std::optional<ExprOp> ExprParser::take_comparison() {
  if (take("not")) return expect("in"), ExprOp::not_in;
  return take_one({{"==", ExprOp::eq},
                   {"!=", ExprOp::ne},
                   {"<=", ExprOp::le},
                   {">=", ExprOp::ge},
                   {"<", ExprOp::lt},
                   {">", ExprOp::gt},
                   {"in", ExprOp::in}});
}

uint32_t ExprParser::comparison() {
  const uint32_t start = begin();
  const uint32_t left = sum();
  const auto op = take_comparison();
  return op ? binary(*op, left, sum(), start) : left;
}

uint32_t ExprParser::sum() {
  const uint32_t start = begin();
  uint32_t left = term();
  while (const auto op = take_one({{"+", ExprOp::add}, {"-", ExprOp::sub}})) left = binary(*op, left, term(), start);
  return left;
}

uint32_t ExprParser::term() {
  const uint32_t start = begin();
  uint32_t left = unary();
  while (const auto op =
             take_one({{"*", ExprOp::mul}, {"//", ExprOp::floordiv}, {"%", ExprOp::mod}, {"/", ExprOp::div}}))
    left = binary(*op, left, unary(), start);
  return left;
}

uint32_t ExprParser::unary() {
  const uint32_t start = begin();
  if (!take("-")) return power();
  return unary_node(ExprOp::negate, nested([this] { return unary(); }), start);
}

uint32_t ExprParser::power() {
  const uint32_t start = begin();
  const uint32_t base = postfix();
  if (!take("**")) return base;
  return binary(ExprOp::power, base, nested([this] { return unary(); }), start);
}

uint32_t ExprParser::postfix() {
  const uint32_t start = begin();
  uint32_t node = atom();
  while (at(".") || at("[")) {
    ExprNode step;
    step.args = {node};
    if (take("[")) {
      step.op = ExprOp::index;
      step.args.push_back(expression());
      expect("]");
    } else {
      advance();
      step.op = ExprOp::member;
      step.name = token_.text;
      if (token_.kind != Token::Kind::word) unexpected("a name is missing");
      advance();
    }
    node = add(std::move(step), start);
  }
  return node;
}

uint32_t ExprParser::atom() {
  if (token_.kind == Token::Kind::value) return literal_node(token_.value);
  if (token_.kind == Token::Kind::word) return word();
  if (at("[")) return list();
  if (!take("(")) return unexpected("a value is missing"), 0;
  const uint32_t inner = expression();
  expect(")");
  return inner;
}

uint32_t ExprParser::literal_node(Value value) {
  const uint32_t start = begin();
  advance();
  ExprNode node;
  node.value = std::move(value);
  return add(std::move(node), start);
}

uint32_t ExprParser::word() {
  if (at("true") || at("false")) return literal_node(at("true"));
  if (at("none")) return literal_node({});
  if (!at_name()) return unexpected("a value is missing"), 0;
  const uint32_t start = begin();
  ExprNode node;
  node.name = token_.text;
  advance();
  node.op = take("(") ? ExprOp::call : ExprOp::name;
  if (node.op == ExprOp::call) node.args = arguments();
  return add(std::move(node), start);
}

std::vector<uint32_t> ExprParser::arguments() {
  std::vector<uint32_t> args;
  if (take(")")) return args;
  do args.push_back(expression());
  while (take(","));
  expect(")");
  return args;
}

uint32_t ExprParser::list() {
  const uint32_t start = begin();
  take("[");
  ExprNode node;
  node.op = ExprOp::list;
  if (!take("]")) {
    node.args = {expression()};
    if (take("for")) return list_for(node.args[0], start);
    while (take(",")) node.args.push_back(expression());
    expect("]");
  }
  return add(std::move(node), start);
}

uint32_t ExprParser::list_for(uint32_t item, uint32_t start) {
  ExprNode node;
  node.op = ExprOp::list_for;
  node.name = token_.text;
  if (!at_name()) unexpected("a name is missing");
  advance();
  expect("in");
  node.args = {item, sum()};
  expect("..");
  node.args.push_back(sum());
  if (take("where")) node.args.push_back(expression());
  expect("]");
  return add(std::move(node), start);
}

std::optional<Expr> parse_expression(const Text& text, Diagnostics& diagnostics) {
  ExprParser parser(text, diagnostics);
  parser.expression();
  parser.finish();
  if (parser.failed()) return std::nullopt;
  return Expr{text, std::move(parser.nodes())};
}

}  // namespace tessera
