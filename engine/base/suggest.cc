// Edit distance with transpositions of neighbours (optimal string alignment), letters of either case alike.
#include "base/suggest.h"

#include <algorithm>

#include "base/text.h"

namespace tessera {
namespace {

constexpr size_t longest = 256;           // bytes; beyond that nobody mistyped a name
constexpr size_t most_work = 32'000'000;  // letters compared with letters, for one word

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool transposed(std::string_view a, std::string_view b, size_t i, size_t j) {
  return i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
}

size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(above);
    above.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + changed});
      if (transposed(a, b, i, j)) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() > longest) return std::nullopt;
  std::optional<std::string> best;
  size_t best_distance = longest, work = 0;
  for (const std::string& candidate : candidates) {
    const auto [shorter, longer] = std::minmax({word.size(), candidate.size()});
    const size_t enough = longer / 3;  // "about a third of it is wrong"
    if (longer > longest || longer - shorter > enough) continue;
    if ((work += shorter * longer) > most_work) break;
    const size_t d = distance(word, candidate);
    if (d > enough || d >= best_distance) continue;
    best = candidate;
    best_distance = d;
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const auto name = nearest(word, candidates);
  return name ? " (did you mean `" + escape(*name) + "`?)" : "";
}

}  // namespace tessera
