// The lexer of expressions. Numbers are read whole: a literal beyond 64 bits or beyond f64 is refused where it stands.
#include "rules/expr_lex.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace tessera {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_letter_or_digit(char c) { return is_letter(c) || is_digit(c); }

template <class Predicate>
size_t skip(std::string_view text, size_t at, Predicate predicate) {
  while (at < text.size() && predicate(text[at])) ++at;
  return at;
}

Token fault(Token token, std::string message) {
  token.kind = Token::Kind::fault;
  token.message = std::move(message);
  return token;
}

// A float needs a digit on both sides of its dot, so `0..n` begins with an integer.
size_t skip_fraction(std::string_view text, size_t at) {
  const bool fraction = at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1]);
  return fraction ? skip(text, at + 1, is_digit) : at;
}

size_t skip_exponent(std::string_view text, size_t at) {
  if (at >= text.size() || (text[at] != 'e' && text[at] != 'E')) return at;
  const size_t sign = at + 1 < text.size() && (text[at + 1] == '+' || text[at + 1] == '-') ? 1 : 0;
  const size_t digits = skip(text, at + 1 + sign, is_digit);
  return digits > at + 1 + sign ? digits : at;
}

Token number(std::string_view text, Token token) {
  const size_t whole = skip(text, token.begin, is_digit);
  const size_t end = skip_exponent(text, skip_fraction(text, whole));
  const size_t glued = skip(text, end, is_letter_or_digit);
  token.end = static_cast<uint32_t>(std::max(end, glued));
  token.text = text.substr(token.begin, token.end - token.begin);
  if (glued > end) return fault(token, format("`{}` is not a number", escape(token.text)));
  if (whole - token.begin > 1 && text[token.begin] == '0') return fault(token, "a number has no leading zeros");
  const char* first = token.text.data();
  const char* last = first + token.text.size();
  if (end == whole) {
    int64_t value = 0;
    if (std::from_chars(first, last, value).ec != std::errc()) return fault(token, "this number does not fit 64 bits");
    token.value = value;
  } else {
    double value = 0;
    if (std::from_chars(first, last, value).ec != std::errc())
      return fault(token, "this number does not fit a 64-bit float");
    token.value = value;
  }
  token.kind = Token::Kind::value;
  return token;
}

Token quoted(std::string_view text, Token token) {
  const size_t end = text.find('"', token.begin + 1);
  if (end == text.npos) return fault(token, "this text has no closing `\"`");
  token.end = static_cast<uint32_t>(end + 1);
  token.text = text.substr(token.begin, token.end - token.begin);
  const std::string_view inside = token.text.substr(1, token.text.size() - 2);
  if (inside.find('\\') != inside.npos) return fault(token, "a text in an expression has no escapes");
  token.kind = Token::Kind::value;
  token.value = std::string(inside);
  return token;
}

constexpr std::array<std::string_view, 23> symbols{"**", "//", "==", "!=", "<=", ">=", "..", "+", "-", "*", "/", "%",
                                                   "<",  ">",  "(",  ")",  "[",  "]",  ",",  ".", "{", "}", "="};

Token symbol(std::string_view text, Token token) {
  for (const std::string_view s : symbols) {
    if (!text.substr(token.begin).starts_with(s)) continue;
    token.kind = Token::Kind::symbol;
    token.text = s;
    token.end = token.begin + static_cast<uint32_t>(s.size());
    return token;
  }
  size_t end = token.begin + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  token.end = static_cast<uint32_t>(end);
  token.text = text.substr(token.begin, end - token.begin);
  if (token.text == "'") return fault(token, "a text stands in double quotes");
  return fault(token, format("`{}` is not part of an expression", escape(token.text)));
}

}  // namespace

Token next_token(std::string_view text, size_t at) {
  at = skip(text, at, [](char c) { return c == ' '; });
  Token token;
  token.begin = static_cast<uint32_t>(at);
  token.end = static_cast<uint32_t>(std::min(at + 1, text.size()));
  if (at == text.size()) return token;
  if (is_digit(text[at])) return number(text, token);
  if (text[at] == '"') return quoted(text, token);
  if (!is_letter(text[at])) return symbol(text, token);
  token.kind = Token::Kind::word;
  token.end = static_cast<uint32_t>(skip(text, at, is_letter_or_digit));
  token.text = text.substr(at, token.end - at);
  return token;
}

bool is_word(std::string_view text) {
  return !text.empty() && is_letter(text[0]) && std::all_of(text.begin(), text.end(), is_letter_or_digit);
}

bool is_path(std::string_view text) {
  const auto words = split(text, '.');
  return std::all_of(words.begin(), words.end(), is_word);
}

bool is_reserved(std::string_view word) {
  constexpr std::array<std::string_view, 9> words{"or", "and", "not", "in", "for", "where", "true", "false", "none"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace tessera
