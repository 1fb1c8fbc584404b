// Layouts from text: recursive descent over the grammar of docs/language.md, "Addresses". The first fault ends the
// parse and points at the first word that is wrong.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "layout/layout.h"

namespace tessera {
namespace {

constexpr int deepest_nesting = 32;
constexpr size_t most_dimensions = 64;
constexpr size_t longest_layout = 4096;  // bytes

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool starts_with_digit(const Word& word) { return !word.text.empty() && is_digit(word.text[0]); }

bool holds_sum(const std::vector<Factor>& factors) {
  return std::any_of(factors.begin(), factors.end(), [](const Factor& f) { return f.kind == Factor::Kind::sum; });
}

// Every method returns false after a fault, which fault_ then holds.
class Parser {
 public:
  Parser(std::string_view text, size_t begin, size_t end)
      : text_(text), at_(static_cast<uint32_t>(begin)), end_(static_cast<uint32_t>(end)) {}

  std::variant<Layout, LayoutFault> run() {
    Layout layout;
    if (!dimensions(layout)) return *fault_;
    return layout;
  }

 private:
  bool dimensions(Layout& layout);
  bool dimension(Dimension& dimension);
  bool factor(Factor& factor);
  bool one(Factor& factor, const Word& word);
  bool sum(Factor& factor, Term first);
  bool term(Term& term);
  bool part(Term& term, Word word);
  bool spelled_axes(Term& term);
  bool spelled_group(Term& term);
  bool group(Term& term);
  bool group_term(Term& term);
  bool after_factor();
  bool unexpected();

  char peek() const { return at_ < end_ ? text_[at_] : '\0'; }
  void skip_blanks() {
    while (at_ < end_ && is_blank(text_[at_])) ++at_;
  }
  Word word() {
    Word word{"", at_, at_};
    while (is_letter(peek()) || is_digit(peek())) word.text += text_[at_++];
    word.end = at_;
    return word;
  }
  bool fail(uint32_t begin, uint32_t end, std::string message) {
    fault_ = {begin, end, std::move(message)};
    return false;
  }

  std::string_view text_;
  uint32_t at_, end_;
  int depth_ = 0;
  std::optional<LayoutFault> fault_;
};

bool Parser::dimensions(Layout& layout) {
  if (end_ - at_ > longest_layout) return fail(at_, end_, format("a layout has at most {} bytes", longest_layout));
  for (skip_blanks(); at_ < end_; skip_blanks()) {
    Dimension next;
    if (!dimension(next)) return false;
    if (layout.dimensions.size() == most_dimensions)
      return fail(next.begin, next.end, format("a layout has at most {} dimensions", most_dimensions));
    layout.dimensions.push_back(std::move(next));
  }
  return true;
}

bool Parser::dimension(Dimension& dimension) {
  dimension.begin = at_;
  Term first;
  if (peek() == '(' && !group(first)) return false;
  if (first.kind == Term::Kind::group && peek() != '+') {
    dimension.factors = std::move(first.factors);
  } else {
    Factor only;
    only.begin = dimension.begin;
    if (first.kind == Term::Kind::group ? !sum(only, std::move(first)) : !factor(only)) return false;
    dimension.factors.push_back(std::move(only));
  }
  dimension.end = at_;
  return after_factor();
}

// A factor inside a group, or a dimension without parentheses.
bool Parser::factor(Factor& factor) {
  factor.begin = at_;
  if (peek() == '(') {
    Term first;
    return group_term(first) && sum(factor, std::move(first));
  }
  Word name = word();
  if (name.text.empty()) return unexpected();
  if (starts_with_digit(name)) return one(factor, name);
  if (peek() == '+' || peek() == ':') {
    Term first;
    return part(first, std::move(name)) && sum(factor, std::move(first));
  }
  factor.axis = std::move(name);
  factor.starred = peek() == '*';
  if (factor.starred) ++at_;
  factor.end = at_;
  return true;
}

bool Parser::one(Factor& factor, const Word& word) {
  if (word.text != "1")
    return fail(word.begin, word.end, "a size in a layout: name an axis; 1 is the only number here");
  if (peek() == '+' || peek() == ':') return fail(word.begin, word.end, "1 is not a part: only parts stand in a sum");
  factor.kind = Factor::Kind::one;
  factor.end = at_;
  return true;
}

// The terms after the first; there are none only behind a spelled part.
bool Parser::sum(Factor& factor, Term first) {
  factor.kind = Factor::Kind::sum;
  if (first.kind == Term::Kind::group && !holds_sum(first.factors))
    return fail(first.begin, first.end, "a group in a sum must hold a part");
  factor.terms.push_back(std::move(first));
  while (peek() == '+') {
    Term next;
    if (!term(next)) return false;
    factor.terms.push_back(std::move(next));
  }
  factor.end = at_;
  return true;
}

bool Parser::term(Term& term) {
  uint32_t plus = at_++;
  if (peek() == '(') {
    if (!group(term)) return false;
    return holds_sum(term.factors) || fail(term.begin, term.end, "a group in a sum must hold a part");
  }
  Word name = word();
  if (name.text.empty()) return fail(plus, plus + 1, "a part must follow `+`, without a blank");
  if (starts_with_digit(name)) return fail(name.begin, name.end, "a number is not a part");
  return part(term, std::move(name));
}

bool Parser::part(Term& term, Word word) {
  term.begin = word.begin;
  term.part = std::move(word);
  if (peek() == ':' && !spelled_axes(term)) return false;
  term.end = at_;
  return true;
}

bool Parser::spelled_axes(Term& term) {
  uint32_t colon = at_++;
  term.kind = Term::Kind::spelled;
  if (peek() == '(') return spelled_group(term);
  Word axis = word();
  if (axis.text.empty())
    return fail(colon, colon + 1, "an axis, 1 or a group of axes must follow `:`, without a blank");
  if (axis.text == "1") return true;
  if (starts_with_digit(axis)) return fail(axis.begin, axis.end, "a size in a layout: name an axis");
  term.axes.push_back(std::move(axis));
  return true;
}

bool Parser::spelled_group(Term& term) {
  uint32_t open = at_++;
  ++depth_;
  for (skip_blanks(); peek() != ')'; skip_blanks()) {
    if (at_ >= end_) return fail(open, open + 1, "`(` is never closed");
    Word axis = word();
    if (axis.text.empty()) return unexpected();
    if (starts_with_digit(axis)) return fail(axis.begin, axis.end, "only axes stand in a group behind `:`");
    term.axes.push_back(std::move(axis));
    if (!after_factor()) return false;
  }
  --depth_;
  ++at_;
  return !term.axes.empty() || fail(open, at_, "an empty group; a part of one element is `:1`");
}

bool Parser::group(Term& term) {
  uint32_t open = at_++;
  if (++depth_ > deepest_nesting) return fail(open, open + 1, format("groups nest deeper than {}", deepest_nesting));
  term.kind = Term::Kind::group;
  term.begin = open;
  for (skip_blanks(); peek() != ')'; skip_blanks()) {
    if (at_ >= end_) return fail(open, open + 1, "`(` is never closed");
    Factor next;
    if (!factor(next) || !after_factor()) return false;
    term.factors.push_back(std::move(next));
  }
  --depth_;
  term.end = ++at_;
  return !term.factors.empty() || fail(open, at_, "an empty group; a dimension of one element is `1`");
}

// A group inside another is the first term of a sum or a mistake.
bool Parser::group_term(Term& term) {
  if (!group(term)) return false;
  if (peek() == '+') return true;
  return fail(term.begin, term.end,
              holds_sum(term.factors) ? "a group inside a group must be a term of a sum: `+` must follow it"
                                      : "a group inside a group: a group without a part stands only as a dimension");
}

bool Parser::after_factor() { return at_ >= end_ || is_blank(peek()) || (depth_ > 0 && peek() == ')') || unexpected(); }

bool Parser::unexpected() {
  char c = peek();
  uint32_t next = at_ + 1;
  while (next < end_ && (static_cast<unsigned char>(text_[next]) & 0xC0) == 0x80) ++next;
  if (c == '+' || c == ':') return fail(at_, next, format("a part must stand right before `{}`, without a blank", c));
  if (c == ')') return fail(at_, next, "`)` closes nothing");
  if (c == '*') return fail(at_, next, "`*` marks an axis: it stands right behind its name, once");
  if (c == '(') return fail(at_, next, "a group cannot stand here");
  if (is_letter(c) || is_digit(c)) return fail(at_, next, "a blank is missing");
  return fail(at_, next, format("`{}` cannot stand in a layout", escape(text_.substr(at_, next - at_))));
}

}  // namespace

std::variant<Layout, LayoutFault> parse_layout(std::string_view text, size_t begin, size_t end) {
  return Parser(text, begin, end).run();
}

}  // namespace tessera
