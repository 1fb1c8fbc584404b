// One address: a name with holes, or constant(...) / unused(...), then a layout, then value operations behind `|`.
#include <array>

#include "base/suggest.h"
#include "base/text.h"
#include "rules/parse.h"

namespace tessera {
namespace {

bool is_blank(char c) { return c == ' '; }
bool is_lower(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }

bool is_name_byte(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || std::string_view("_-./$").find(c) != std::string_view::npos;
}

struct OpRow {
  std::string_view word;
  ValueOp::Kind kind;
  bool operand;
};
constexpr std::array<OpRow, 4> op_rows{{{"plus", ValueOp::Kind::plus, true},
                                        {"times", ValueOp::Kind::times, true},
                                        {"neg_exp", ValueOp::Kind::neg_exp, false},
                                        {"rest", ValueOp::Kind::rest, true}}};

class AddressParser {
 public:
  AddressParser(const Text& text, const Text& label, Diagnostics& diagnostics)
      : text_(text), s_(text.s), diagnostics_(diagnostics) {
    out_.text = text;
    out_.label = label;
  }

  std::optional<Address> run() {
    if (s_.empty()) return fail(0, 0, "an address is missing"), std::nullopt;
    if (!place() || !layout()) return std::nullopt;
    while (at_ < s_.size())
      if (!value_op()) return std::nullopt;
    return std::move(out_);
  }

 private:
  bool fail(size_t begin, size_t end, std::string message) {
    diagnostics_.error("R01", text_.at(begin, std::min(end, s_.size())), std::move(message));
    return false;
  }
  void skip_blanks() {
    while (at_ < s_.size() && is_blank(s_[at_])) ++at_;
  }

  bool place() {
    if (std::string_view(s_).starts_with("constant(")) return no_tensor(Address::Kind::constant, 8);
    if (std::string_view(s_).starts_with("unused(")) return no_tensor(Address::Kind::unused, 6);
    return name();
  }

  bool no_tensor(Address::Kind kind, size_t open) {
    out_.kind = kind;
    out_.value = operand(open);
    out_.name_span = text_.at(0, at_);
    if (!out_.value) return false;
    if (at_ < s_.size() && !is_blank(s_[at_])) return fail(at_, at_ + 1, "a blank is missing behind the `)`");
    return true;
  }

  bool name() {
    while (at_ < s_.size() && !is_blank(s_[at_]))
      if (!(s_[at_] == '<' ? hole() : name_text())) return false;
    out_.name_span = text_.at(0, at_);
    if (at_ == 0) return fail(0, 1, "the name is missing");
    return at_ <= longest_name || fail(0, at_, format("a name has at most {} bytes", longest_name));
  }

  bool name_text() {
    const size_t begin = at_;
    while (at_ < s_.size() && is_name_byte(s_[at_])) ++at_;
    if (at_ > begin) return out_.name.push_back({s_.substr(begin, at_ - begin), -1}), true;
    size_t end = at_ + 1;
    while (end < s_.size() && (static_cast<unsigned char>(s_[end]) & 0xC0) == 0x80) ++end;
    return fail(at_, end, format("`{}` cannot stand in a name", escape(std::string_view(s_).substr(at_, end - at_))));
  }

  bool hole() {
    const size_t close = s_.find('>', at_);
    if (!out_.name.empty() && out_.name.back().hole >= 0)
      return fail(at_, at_ + 1, "two holes need a letter between them");
    if (close == s_.npos) return fail(at_, at_ + 1, "this `<` is never closed");
    auto expr = parse_expression(text_.sub(at_ + 1, close), diagnostics_);
    if (!expr) return false;
    out_.name.push_back({"", static_cast<int>(out_.holes.size())});
    out_.holes.push_back(*std::move(expr));
    at_ = close + 1;
    return true;
  }

  bool layout() {
    const size_t end = std::min(s_.find('|', at_), s_.size());
    auto parsed = parse_layout(s_, at_, end);
    at_ = end;
    if (const auto* fault = std::get_if<LayoutFault>(&parsed)) return fail(fault->begin, fault->end, fault->message);
    out_.layout = std::get<Layout>(std::move(parsed));
    return true;
  }

  bool value_op() {
    ++at_;  // the `|`
    skip_blanks();
    const size_t begin = at_;
    while (at_ < s_.size() && is_lower(s_[at_])) ++at_;
    const std::string word = s_.substr(begin, at_ - begin);
    const OpRow* row = find_op(word);
    if (!row) return unknown_op(begin, word);
    ValueOp op;
    op.kind = row->kind;
    if (row->operand) op.operand = operand(at_);
    if (row->operand && !op.operand) return false;
    op.span = text_.at(begin, at_);
    out_.ops.push_back(std::move(op));
    skip_blanks();
    return at_ == s_.size() || s_[at_] == '|' || fail(at_, at_ + 1, "a `|` is missing before the next value operation");
  }

  static const OpRow* find_op(std::string_view word) {
    for (const OpRow& row : op_rows)
      if (row.word == word) return &row;
    return nullptr;
  }

  bool unknown_op(size_t begin, const std::string& word) {
    if (word.empty()) return fail(begin, begin + 1, "a value operation is missing: plus, times, neg_exp or rest");
    std::vector<std::string> words;
    for (const OpRow& row : op_rows) words.emplace_back(row.word);
    return fail(begin, at_, format("there is no value operation `{}`{}", word, did_you_mean(word, words)));
  }

  // The expression in the parentheses that open at `open`; at_ goes behind them.
  std::optional<Expr> operand(size_t open) {
    at_ = open;
    if (open >= s_.size() || s_[open] != '(') return fail(open, open + 1, "a `(` is missing"), std::nullopt;
    const size_t close = matching(open);
    if (close == s_.npos) return fail(open, open + 1, "this `(` is never closed"), std::nullopt;
    at_ = close + 1;
    return parse_expression(text_.sub(open + 1, close), diagnostics_);
  }

  size_t matching(size_t open) const {
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = open; i < s_.size(); ++i) {
      if (s_[i] == '"') quoted = !quoted;
      if (quoted) continue;
      if (s_[i] == '(') ++depth;
      if (s_[i] == ')' && --depth == 0) return i;
    }
    return s_.npos;
  }

  const Text& text_;
  const std::string& s_;
  Diagnostics& diagnostics_;
  Address out_;
  size_t at_ = 0;
};

}  // namespace

std::optional<Address> parse_address(const Text& text, const Text& label, Diagnostics& diagnostics) {
  return AddressParser(text, label, diagnostics).run();
}

}  // namespace tessera
