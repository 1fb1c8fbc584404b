// The parser behind parse_expression and parse_range. The first mistake is reported and turns the rest of the text into
// its end, so that every loop runs out without asking whether something failed.
#pragma once
#include <initializer_list>

#include "base/text.h"
#include "rules/expr.h"
#include "rules/expr_lex.h"

namespace tessera {

class ExprParser {
 public:
  static constexpr size_t most_bytes = 4096;
  static constexpr int most_depth = 64;

  ExprParser(const Text& text, Diagnostics& diagnostics);

  bool failed() const { return failed_; }
  std::vector<ExprNode>& nodes() { return nodes_; }

  uint32_t expression();
  uint32_t sum();
  void finish();  // nothing may follow

  bool at(std::string_view text) const;  // is the token to come this word or symbol?
  bool take(std::string_view text);      // if so, goes on behind it
  bool at_end() const { return token_.kind == Token::Kind::end; }
  bool at_name() const { return token_.kind == Token::Kind::word && !is_reserved(token_.text); }
  void advance();
  uint32_t begin() const { return token_.begin; }  // of the token to come
  uint32_t behind() const { return behind_; }      // end of the last one taken

 private:
  struct Operator {
    std::string_view text;
    ExprOp op;
  };

  void fail(Span span, std::string message);
  void unexpected(std::string_view wanted);
  void expect(std::string_view symbol);

  uint32_t add(ExprNode node, uint32_t begin);
  uint32_t unary_node(ExprOp op, uint32_t operand, uint32_t begin);
  uint32_t binary(ExprOp op, uint32_t left, uint32_t right, uint32_t begin);
  std::optional<ExprOp> take_one(std::initializer_list<Operator> operators);
  template <class Parse>
  uint32_t nested(Parse parse);  // one level deeper

  uint32_t either();
  uint32_t both();
  uint32_t negation();
  uint32_t comparison();
  std::optional<ExprOp> take_comparison();
  uint32_t term();
  uint32_t unary();
  uint32_t power();
  uint32_t postfix();
  uint32_t atom();
  uint32_t word();
  uint32_t list();
  uint32_t list_for(uint32_t item, uint32_t begin);
  std::vector<uint32_t> arguments();
  uint32_t literal_node(Value value);

  const Text& text_;
  Diagnostics& diagnostics_;
  Token token_;
  uint32_t behind_ = 0;
  std::vector<ExprNode> nodes_;
  std::vector<int> depths_;
  int nesting_ = 0;
  bool failed_ = false;
};

}  // namespace tessera
