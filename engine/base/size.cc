// Sizes as people write them: an exact decimal number times a unit.
#include <cctype>

#include "base/checked.h"
#include "base/text.h"

namespace tessera {
namespace {

__extension__ using uint128 = unsigned __int128;

struct Unit {
  std::string_view name;  // upper case
  uint64_t bytes;
};
constexpr Unit units[] = {{"", 1},
                          {"KB", 1'000},
                          {"MB", 1'000'000},
                          {"GB", 1'000'000'000},
                          {"TB", 1'000'000'000'000},
                          {"KIB", uint64_t{1} << 10},
                          {"MIB", uint64_t{1} << 20},
                          {"GIB", uint64_t{1} << 30},
                          {"TIB", uint64_t{1} << 40}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes the digits off the front of `text` and appends them to `number`; the count, or nullopt for none or too many.
std::optional<size_t> take_digits(std::string_view& text, uint64_t& number) {
  size_t count = 0;
  while (!text.empty() && is_digit(text.front())) {
    const auto shifted = checked_mul<uint64_t>(number, 10);
    const auto next = shifted ? checked_add<uint64_t>(*shifted, static_cast<uint64_t>(text.front() - '0')) : shifted;
    if (!next) return std::nullopt;
    number = *next;
    text.remove_prefix(1);
    ++count;
  }
  return count > 0 ? std::optional(count) : std::nullopt;
}

std::optional<uint64_t> find_unit(std::string_view word) {
  std::string upper(word);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const Unit& unit : units)
    if (unit.name == upper) return unit.bytes;
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t number = 0;  // without its decimal point
  if (!take_digits(text, number)) return std::nullopt;
  size_t decimals = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const auto count = take_digits(text, number);
    if (!count || text.empty()) return std::nullopt;  // no half bytes
    decimals = *count;
  }
  const auto unit = find_unit(text);
  if (!unit) return std::nullopt;
  uint128 bytes = uint128{number} * *unit;
  for (; decimals > 0; --decimals) bytes /= 10;
  if (bytes == 0 || bytes > uint64_t{1} << 63) return std::nullopt;
  return static_cast<uint64_t>(bytes);
}

}  // namespace tessera
