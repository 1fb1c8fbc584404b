// Tokens of JSON as RFC 8259 has them. Bytes beyond ASCII can stand in strings only, and those are checked as UTF-8.
#include "store/json_cursor.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/text.h"

namespace tessera {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

void append_utf8(std::string& out, uint32_t point) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto tail = [&](int shift) { put(0x80 | ((point >> shift) & 0x3f)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6), tail(0);
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12), tail(6), tail(0);
  } else {
    put(0xf0 | point >> 18), tail(12), tail(6), tail(0);
  }
}

}  // namespace

void JsonCursor::fail_at(const std::string& why, uint64_t byte) const {
  const std::string where = tensor_ ? format("tensor `{}`: ", escape(*tensor_)) : std::string();
  fail_world(format("{}: {}{}, at byte {}", file_, where, why, byte));
}

void JsonCursor::skip_blanks() {
  while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
}

bool JsonCursor::take(char token) {
  skip_blanks();
  if (at_ == text_.size() || text_[at_] != token) return false;
  ++at_;
  return true;
}

void JsonCursor::expect(char token) {
  if (!take(token)) fail(format("not valid JSON: `{}` is missing", token));
}

void JsonCursor::expect_object(const char* what) {
  if (!take('{')) fail(format("{} must be an object", what));
}

void JsonCursor::expect_end() {
  skip_blanks();
  if (at_ != text_.size()) fail("not valid JSON: something follows the object");
}

// Behind its opening quote, to behind its closing one.
void JsonCursor::skip_string(uint64_t begin) {
  while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
  if (at_ >= text_.size()) fail_at("a string does not end", begin);
  ++at_;
}

std::string_view JsonCursor::value(const std::string& what) {
  skip_blanks();
  const size_t from = at_;
  for (size_t open = 0; at_ < text_.size();) {
    const char c = text_[at_];
    if (open == 0 && (c == ',' || c == '}' || c == ']')) break;
    ++at_;
    if (c == '"') skip_string(base_ + from);
    if (c == '{' || c == '[') ++open;
    if (c == '}' || c == ']') --open;
  }
  if (at_ == from) fail(format("not valid JSON: {} has no value", what));
  return text_.substr(from, at_ - from);
}

std::string JsonCursor::text(const char* what) {
  skip_blanks();
  const uint64_t begin = at();
  if (!take('"')) fail(format("{} must be a string", what));
  std::string out;
  for (;;) {
    const size_t from = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' && static_cast<uint8_t>(text_[at_]) >= 0x20)
      ++at_;
    out.append(text_, from, at_ - from);
    if (at_ == text_.size()) fail_at("a string does not end", begin);
    if (text_[at_] == '"') break;
    if (text_[at_] != '\\') fail("a control character in a string");
    escape_to(out);
  }
  ++at_;
  if (!is_utf8(out)) fail_at(format("{} is not UTF-8", what), begin);
  if (out.find('\0') != std::string::npos) fail_at(format("{} holds a NUL", what), begin);
  return out;
}

void JsonCursor::escape_to(std::string& out) {
  constexpr std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
  ++at_;
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  if (const size_t i = names.find(c); i != names.npos) {
    out.push_back(values[i]);
    ++at_;
    return;
  }
  if (c != 'u') fail("an unknown escape in a string");
  const uint32_t high = hex4();
  if (high < 0xd800 || high > 0xdfff) return append_utf8(out, high);
  const bool pair = high < 0xdc00 && text_.substr(at_).starts_with("\\u");
  const uint32_t low = pair ? (++at_, hex4()) : 0;
  if (low < 0xdc00 || low > 0xdfff) fail("a lone surrogate in a string");
  append_utf8(out, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
}

// The four digits behind the `u` at the cursor.
uint32_t JsonCursor::hex4() {
  const std::string_view digits = text_.substr(std::min(at_ + 1, text_.size()), 4);
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || digits.size() != 4 || end != digits.data() + 4) fail("a \\u escape without four digits");
  at_ += 5;
  return value;
}

uint64_t JsonCursor::number(const char* what) {
  skip_blanks();
  const uint64_t begin = at();
  const std::string_view rest = text_.substr(at_);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  const size_t n = static_cast<size_t>(end - rest.data());
  if (n == 0) fail(format("{} must be whole numbers without a sign", what));
  if (error != std::errc()) fail(format("{} holds a number above 2^64 - 1", what));
  at_ += n;
  const char next = at_ < text_.size() ? text_[at_] : '\0';
  if (next == '.' || next == 'e' || next == 'E') fail_at(format("{} must be whole numbers", what), begin);
  if (n > 1 && rest.front() == '0') fail_at(format("{} holds a number with a leading zero", what), begin);
  return value;
}

}  // namespace tessera
