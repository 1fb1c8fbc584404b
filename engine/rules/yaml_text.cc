// Byte checks run before the YAML library, so that it only ever sees one-byte line breaks, blanks and printable UTF-8.
// Quoted scalars are decoded a second time here: the library does not say which source byte a character came from.
#include "rules/yaml_text.h"

#include <array>
#include <cstdint>
#include <utility>

#include "base/text.h"

namespace tessera {
namespace {

Span span_at(SourceId source, size_t begin, size_t end) {
  return {source, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

const char* fault_of_byte(std::string_view text, size_t at) {
  const char c = text[at];
  if (c == '\t') return "a tab; use blanks";
  if (c == '\r')
    return at + 1 < text.size() && text[at + 1] == '\n' ? nullptr : "a carriage return without a line feed";
  if (c == '%' && (at == 0 || text[at - 1] == '\n')) return "YAML directives are not part of the language";
  if (c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)) return nullptr;
  return "a control character; a rule file is plain text";
}

// Some readers of YAML end a line at U+0085, U+2028 or U+2029; the others deceive those who read the file.
std::optional<ByteFault> fault_of_rune(SourceId source, std::string_view text, size_t& at) {
  const auto rune = decode_rune(text, at);
  const size_t begin = std::exchange(at, at + (rune ? rune->bytes : 1));
  if (!rune) return ByteFault{span_at(source, begin, at), "this line is not UTF-8 text"};
  if (rune->code < 0x80 || !is_harmful(rune->code)) return std::nullopt;
  return ByteFault{span_at(source, begin, at), "a character that ends or reorders a line, or shows nothing"};
}

void append_utf8(std::string& out, uint32_t code) {
  const auto byte = [&out](uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) return byte(0xC0 | code >> 6), byte(0x80 | (code & 0x3F));
  if (code < 0x10000) return byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F));
  byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F)), byte(0x80 | (code >> 6 & 0x3F)),
      byte(0x80 | (code & 0x3F));
}

struct Escape {
  char letter;
  uint32_t code;
};
constexpr std::array<Escape, 17> escapes{{{'0', 0},
                                          {'a', 7},
                                          {'b', 8},
                                          {'t', 9},
                                          {'n', 10},
                                          {'v', 11},
                                          {'f', 12},
                                          {'r', 13},
                                          {'e', 27},
                                          {' ', ' '},
                                          {'"', '"'},
                                          {'/', '/'},
                                          {'\\', '\\'},
                                          {'N', 0x85},
                                          {'_', 0xA0},
                                          {'L', 0x2028},
                                          {'P', 0x2029}}};

size_t hex_digits(char letter) { return letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0; }

std::optional<uint32_t> hex(std::string_view digits) {
  uint32_t code = 0;
  for (const char c : digits) {
    const size_t digit =
        std::string_view("0123456789abcdef").find(static_cast<char>(c >= 'A' && c <= 'F' ? c + 32 : c));
    if (digit == std::string_view::npos) return std::nullopt;
    code = code << 4 | static_cast<uint32_t>(digit);
  }
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  if (code > 0x10FFFF || surrogate) return std::nullopt;
  return code;
}

// The character of the escape whose backslash stands at `at`; moves `at` behind it.
std::optional<uint32_t> read_escape(std::string_view text, size_t& at) {
  if (at + 1 >= text.size()) return std::nullopt;
  const char letter = text[at + 1];
  const size_t digits = hex_digits(letter);
  if (at + 2 + digits > text.size()) return std::nullopt;
  const std::string_view number = text.substr(at + 2, digits);
  at += 2 + digits;
  if (digits > 0) return hex(number);
  for (const Escape& escape : escapes)
    if (escape.letter == letter) return escape.code;
  return std::nullopt;
}

}  // namespace

std::optional<ByteFault> find_byte_fault(SourceId source, std::string_view text, size_t most) {
  if (text.size() > most) return ByteFault{span_at(source, 0, 0), "a rule file has at most 1 MiB"};
  if (text.starts_with("\xEF\xBB\xBF"))
    return ByteFault{span_at(source, 0, 3), "a byte order mark; save the file without"};
  for (size_t at = 0; at < text.size(); ++at)
    if (const char* message = fault_of_byte(text, at)) return ByteFault{span_at(source, at, at + 1), message};
  for (size_t at = 0; at < text.size();)
    if (const auto fault = fault_of_rune(source, text, at)) return fault;
  return std::nullopt;
}

std::optional<Text> unquote(SourceId source, std::string_view text, size_t at) {
  const char quote = text[at++];
  Text out;
  out.span = span_at(source, at, at);
  while (at < text.size() && text[at] != '\n') {
    const size_t begin = at;
    if (text[at] == quote && quote == '\'' && at + 1 < text.size() && text[at + 1] == quote) {
      out.s += quote;
      at += 2;
    } else if (text[at] == quote) {
      out.span.end = static_cast<uint32_t>(at);
      out.offsets.push_back(out.span.end);
      return out;
    } else if (text[at] == '\\' && quote == '"') {
      const auto code = read_escape(text, at);
      if (!code) return std::nullopt;
      append_utf8(out.s, *code);
    } else {
      out.s += text[at++];
    }
    out.offsets.resize(out.s.size(), static_cast<uint32_t>(begin));
  }
  return std::nullopt;
}

}  // namespace tessera
