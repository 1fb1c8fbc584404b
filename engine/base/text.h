// Small text tools; fmt comes in here.
#pragma once
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

using fmt::format;

// Text from a file made safe to show on a terminal: control characters, ESC, invalid UTF-8 and bidirectional marks as
// \xNN or \u{...}, backslash doubled only when something was escaped; cut at `most` bytes with "...".
std::string escape(std::string_view raw, size_t most = 200);
// The same for each line, and whole: for a text made of what was escaped and of what may not have been.
std::string escape_lines(std::string_view raw);
// Moves the cursor, reorders the line, or shows nothing: escape() lets none through.
bool is_harmful(char32_t code);
bool is_harmless(std::string_view text);  // UTF-8 in which nothing is harmful
// One character of `raw` from byte `at` (inside) on, as escape() shows it; moves `at` behind it.
std::string escape_next(std::string_view raw, size_t& at);
// A code point and its length in bytes. nullopt where the text is not UTF-8; surrogates and overlong forms are not.
struct Rune {
  char32_t code = 0;
  size_t bytes = 0;
};
std::optional<Rune> decode_rune(std::string_view text, size_t at);
bool is_utf8(std::string_view text);
size_t characters(std::string_view utf8);        // code points
std::string cut(std::string utf8, size_t most);  // at most so many bytes, "..." at the end when something is gone
std::string join(const std::vector<std::string>& parts, std::string_view between);
std::string join_first(const std::vector<std::string>& parts, size_t most = 5);  // "a, b, c, d, e and 7 more"
std::vector<std::string> split(std::string_view text, char at);
std::string show_float(double number);                      // as Python's repr: "1e-05", "1.0", "inf"
std::string show_bytes(uint64_t bytes);                     // "1.5 GB": decimal
std::string show_shape(const std::vector<int64_t>& shape);  // "[4096, 1024]"; no more than 8 of them
// "5GB", "500MB" (decimal), "2GiB" (binary), "123" (bytes), fractions allowed ("0.5GB"); any case; bits never. nullopt
// for anything else, zero, negative or more than 2^63.
std::optional<uint64_t> parse_size(std::string_view text);
// Sorted numbers folded: {0,1,2,5} -> "0..2, 5".
std::string fold_numbers(const std::vector<int64_t>& sorted);

}  // namespace tessera
