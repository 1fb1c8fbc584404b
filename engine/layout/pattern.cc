// Patterns from text: letters, digits and _ - . / $ with holes between them, <x>, <x:word>, <x:rest>, and in `ignore`
// also * and **.
#include <utility>

#include "base/suggest.h"
#include "base/text.h"
#include "layout/name.h"

namespace tessera {
namespace {

constexpr size_t longest_pattern = 4096;  // bytes

bool is_word_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_name_letter(char c) { return is_word_letter(c) || c == '-' || c == '.' || c == '/' || c == '$'; }
bool is_identifier(std::string_view word) {
  for (char c : word)
    if (!is_word_letter(c)) return false;
  return !word.empty() && !(word[0] >= '0' && word[0] <= '9');
}

class PatternParser {
 public:
  PatternParser(std::string_view text, bool stars, PatternFault& fault) : text_(text), stars_(stars), fault_(fault) {}

  bool run() {
    if (text_.empty()) return fail(0, 0, "an empty name");
    if (text_.size() > longest_pattern)
      return fail(0, text_.size(), format("a name template has at most {} bytes", longest_pattern));
    while (at_ < text_.size())
      if (!piece()) return false;
    return true;
  }
  Pattern pattern;

 private:
  bool piece() {
    if (text_[at_] == '<') return angle_hole();
    if (text_[at_] == '*' && stars_) return star();
    size_t begin = at_;
    while (at_ < text_.size() && is_name_letter(text_[at_])) ++at_;
    if (at_ == begin) return unexpected();
    pattern.push_back({std::string(text_.substr(begin, at_ - begin)), std::nullopt, ""});
    return true;
  }
  bool star() {
    size_t begin = at_++;
    bool two = at_ < text_.size() && text_[at_] == '*';
    if (two) ++at_;
    return add_hole(begin, two ? HoleKind::rest : HoleKind::word, "");
  }
  bool angle_hole();
  bool add_hole(size_t begin, HoleKind kind, std::string name);
  bool unexpected();
  bool fail(size_t begin, size_t end, std::string message) {
    fault_ = {static_cast<uint32_t>(begin), static_cast<uint32_t>(end), std::move(message)};
    return false;
  }

  std::string_view text_;
  bool stars_;
  PatternFault& fault_;
  size_t at_ = 0;
};

bool PatternParser::angle_hole() {
  size_t begin = at_, close = text_.find('>', at_);
  if (close == std::string_view::npos) return fail(begin, begin + 1, "`<` is never closed");
  std::string_view inside = text_.substr(begin + 1, close - begin - 1);
  size_t colon = inside.find(':');
  std::string_view name = inside.substr(0, colon);
  if (!is_identifier(name)) return fail(begin, close + 1, "a hole holds one word: <x>, <x:word> or <x:rest>");
  HoleKind kind = HoleKind::number;
  if (colon != std::string_view::npos) {
    std::string_view said = inside.substr(colon + 1);
    if (said != "word" && said != "rest")
      return fail(begin + 1 + colon + 1, close,
                  format("no such hole: `{}`{}", escape(said), did_you_mean(said, {"word", "rest"})));
    kind = said == "word" ? HoleKind::word : HoleKind::rest;
  }
  at_ = close + 1;
  return add_hole(begin, kind, std::string(name));
}

bool PatternParser::add_hole(size_t begin, HoleKind kind, std::string name) {
  if (!pattern.empty() && pattern.back().hole) return fail(begin, at_, "two holes touch: what each takes is a guess");
  for (const PatternPiece& piece : pattern)
    if (!name.empty() && piece.name == name) return fail(begin, at_, format("the hole `{}` stands twice", name));
  pattern.push_back({"", kind, std::move(name)});
  return true;
}

bool PatternParser::unexpected() {
  size_t next = at_ + 1;
  while (next < text_.size() && (static_cast<unsigned char>(text_[next]) & 0xC0) == 0x80) ++next;
  return fail(
      at_, next,
      format("`{}` cannot stand in a name: letters, digits and _ - . / $ can", escape(text_.substr(at_, next - at_))));
}

}  // namespace

std::optional<Pattern> parse_pattern(std::string_view text, bool stars, PatternFault& fault) {
  PatternParser parser(text, stars, fault);
  if (!parser.run()) return std::nullopt;
  return std::move(parser.pattern);
}

}  // namespace tessera
