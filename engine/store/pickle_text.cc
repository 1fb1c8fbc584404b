// Text literals, written by protocol 0 only: rare, small, and read exactly.
#include "store/pickle_text.h"

#include <charconv>

namespace tessera {
namespace {

std::optional<uint32_t> number(std::string_view digits, int base) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

bool append_utf8(std::string& out, uint32_t code) {
  const auto byte = [&](uint32_t value) { out += static_cast<char>(value); };
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | code >> 6);
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | code >> 12);
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | code >> 18);
    byte(0x80 | (code >> 12 & 0x3F));
    byte(0x80 | (code >> 6 & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
  return true;
}

// The escape behind a backslash at text[at]; moves `at` past it. Unknown ones stand for themselves.
bool append_escape(std::string& out, std::string_view text, size_t& at) {
  static constexpr std::string_view letters = "abfnrtv\\'\"", meanings = "\a\b\f\n\r\t\v\\'\"";
  const char c = text[at];
  if (const size_t known = letters.find(c); known != std::string_view::npos) {
    out += meanings[known];
    ++at;
  } else if (c == 'x') {
    const auto value = number(text.substr(at + 1, 2), 16);
    if (!value || text.size() < at + 3) return false;
    out += static_cast<char>(*value);
    at += 3;
  } else if (c >= '0' && c <= '7') {
    size_t end = at;
    while (end < text.size() && end < at + 3 && text[end] >= '0' && text[end] <= '7') ++end;
    out += static_cast<char>(*number(text.substr(at, end - at), 8));
    at = end;
  } else {
    out += '\\';
  }
  return true;
}

}  // namespace

std::optional<std::string_view> integer_literal(std::string_view line) {
  const std::string_view digits = line.starts_with('-') ? line.substr(1) : line;
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  if (digits.front() == '0' && line.size() > 1) return std::nullopt;  // to one of Python's machines it is octal; -0
  return line;
}

std::optional<double> float_literal(std::string_view line) {
  double value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (line.empty() || error != std::errc() || end != line.data() + line.size() || line.ends_with(')'))
    return std::nullopt;
  return value;
}

std::optional<std::string> string_literal(std::string_view line) {
  if (line.size() < 2 || line.front() != line.back() || (line.front() != '\'' && line.front() != '"'))
    return std::nullopt;
  const std::string_view text = line.substr(1, line.size() - 2);
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      out += text[i++];
    } else if (++i == text.size() || !append_escape(out, text, i)) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<std::string> unicode_literal(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size();) {
    if (line.substr(i).starts_with("\\\\")) {  // two stand for themselves
      out += line.substr(i, 2);
      i += 2;
      continue;
    }
    const size_t digits = line.substr(i).starts_with("\\u") ? 4 : line.substr(i).starts_with("\\U") ? 8 : 0;
    if (digits == 0) {
      append_utf8(out, static_cast<unsigned char>(line[i++]));
      continue;
    }
    const auto code = line.size() - i < digits + 2 ? std::nullopt : number(line.substr(i + 2, digits), 16);
    if (!code || !append_utf8(out, *code)) return std::nullopt;
    i += digits + 2;
  }
  return out;
}

}  // namespace tessera
