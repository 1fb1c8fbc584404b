// Safe showing of foreign text, UTF-8, numbers for people.
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tessera {
namespace {

bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// Length of the sequence that starts with `lead`, and the bits it brings; 0 if none can start so.
struct Lead {
  size_t bytes = 0;
  char32_t bits = 0;
  char32_t least = 0;  // smaller code points have a shorter form
};

Lead read_lead(uint8_t lead) {
  if (lead < 0x80) return {1, lead, 0};
  if (lead >= 0xC2 && lead < 0xE0) return {2, lead & 0x1Fu, 0x80};
  if (lead >= 0xE0 && lead < 0xF0) return {3, lead & 0x0Fu, 0x800};
  if (lead >= 0xF0 && lead < 0xF5) return {4, lead & 0x07u, 0x10000};
  return {};
}

// Printable ASCII and nothing else, as nearly every name is: looked at many bytes at a time.
bool is_plain(std::string_view text, char also = ' ') {
  bool plain = true;
  for (const char c : text) plain &= (c >= ' ' && c < '\x7f') | (c == also);
  return plain;
}

}  // namespace

bool is_harmful(char32_t code) {
  struct Interval {
    char32_t first, last;
  };
  static constexpr Interval harmful[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x61C, 0x61C},
                                         {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
                                         {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};
  return std::any_of(std::begin(harmful), std::end(harmful),
                     [code](Interval i) { return code >= i.first && code <= i.last; });
}

bool is_harmless(std::string_view text) {
  if (is_plain(text)) return true;
  for (size_t at = 0; at < text.size();) {
    const auto rune = decode_rune(text, at);
    if (!rune || is_harmful(rune->code)) return false;
    at += rune->bytes;
  }
  return true;
}

std::optional<Rune> decode_rune(std::string_view text, size_t at) {
  const Lead lead = read_lead(static_cast<uint8_t>(text[at]));
  if (lead.bytes == 0 || lead.bytes > text.size() - at) return std::nullopt;
  Rune rune{lead.bits, lead.bytes};
  for (size_t i = 1; i < lead.bytes; ++i) {
    if (!is_continuation(text[at + i])) return std::nullopt;
    rune.code = rune.code << 6 | (static_cast<uint8_t>(text[at + i]) & 0x3Fu);
  }
  const bool surrogate = rune.code >= 0xD800 && rune.code <= 0xDFFF;
  if (rune.code < lead.least || surrogate || rune.code > 0x10FFFF) return std::nullopt;
  return rune;
}

std::string escape_next(std::string_view raw, size_t& at) {
  const auto rune = decode_rune(raw, at);
  if (!rune) return format("\\x{:02x}", static_cast<uint8_t>(raw[at++]));
  const std::string_view bytes = raw.substr(at, rune->bytes);
  at += rune->bytes;
  if (!is_harmful(rune->code)) return std::string(bytes);
  return rune->code < 0x80 ? format("\\x{:02x}", static_cast<unsigned>(rune->code))
                           : format("\\u{{{:x}}}", static_cast<unsigned>(rune->code));
}

std::string escape(std::string_view raw, size_t most) {
  if (is_harmless(raw)) return cut(std::string(raw), most);
  std::string out;
  for (size_t at = 0; at < raw.size() && out.size() <= most;) {
    const bool backslash = raw[at] == '\\';
    out += escape_next(raw, at);
    if (backslash) out += '\\';
  }
  return cut(std::move(out), most);
}

std::string escape_lines(std::string_view raw) {
  if (is_plain(raw, '\n')) return std::string(raw);
  std::vector<std::string> lines = split(raw, '\n');
  for (std::string& line : lines) line = escape(line, std::string::npos);
  return join(lines, "\n");
}

bool is_utf8(std::string_view text) {
  if (is_plain(text)) return true;
  for (size_t at = 0; at < text.size();) {
    const auto rune = decode_rune(text, at);
    if (!rune) return false;
    at += rune->bytes;
  }
  return true;
}

size_t characters(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return !is_continuation(c); }));
}

std::string cut(std::string utf8, size_t most) {
  static constexpr std::string_view dots = "...";
  if (utf8.size() <= most) return utf8;
  size_t keep = most > dots.size() ? most - dots.size() : 0;
  while (keep > 0 && is_continuation(utf8[keep])) --keep;
  utf8.resize(keep);
  return utf8.append(dots);
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  return format("{}", fmt::join(parts, between));
}

std::string join_first(const std::vector<std::string>& parts, size_t most) {
  if (parts.size() <= most) return join(parts, ", ");
  const auto end = parts.begin() + static_cast<std::ptrdiff_t>(most);
  return format("{} and {} more", fmt::join(parts.begin(), end, ", "), parts.size() - most);
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end = text.find(at); end != text.npos; end = text.find(at, begin)) {
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.emplace_back(text.substr(begin));
  return parts;
}

std::string show_float(double number) {
  std::string out = format("{}", number);
  if (std::isfinite(number) && out.find_first_of(".e") == out.npos) out += ".0";
  return out;
}

std::string show_bytes(uint64_t bytes) {
  static constexpr std::array units = {"KB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return format("{} B", bytes);
  double amount = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  for (; amount >= 999.95 && unit + 1 < units.size(); ++unit) amount /= 1000;
  return format("{:.1f} {}", amount, units[unit]);
}

std::string show_shape(const std::vector<int64_t>& shape) {
  constexpr size_t most = 8;
  if (shape.size() <= most) return format("[{}]", fmt::join(shape, ", "));
  return format("[{}, ... {} in all]", fmt::join(shape.begin(), shape.begin() + most, ", "), shape.size());
}

std::string fold_numbers(const std::vector<int64_t>& sorted) {
  std::vector<std::string> runs;
  for (size_t i = 0; i < sorted.size();) {
    size_t last = i;
    while (last + 1 < sorted.size() && sorted[last + 1] == sorted[last] + 1) ++last;
    if (last - i < 2) last = i;
    runs.push_back(last == i ? format("{}", sorted[i]) : format("{}..{}", sorted[i], sorted[last]));
    i = last + 1;
  }
  return join(runs, ", ");
}

}  // namespace tessera
