// Every run of digits is a hole; what stands in it is collected over the names of one pattern.
#include "plan/folded.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "base/text.h"
#include "base/text_hash.h"

namespace tessera {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct NumberPattern {
  std::vector<std::string> texts;
  std::vector<std::set<int64_t>> numbers;
  size_t count = 0;
};

std::string fold(const NumberPattern& pattern) {
  std::string text = pattern.texts[0];
  for (size_t i = 0; i < pattern.numbers.size(); ++i) {
    const std::vector<int64_t> sorted(pattern.numbers[i].begin(), pattern.numbers[i].end());
    text += sorted.size() == 1 ? format("{}", sorted[0]) : format("<{}>", fold_numbers(sorted));
    text += pattern.texts[i + 1];
  }
  return text;
}

}  // namespace

NumberedName split_numbers(const std::string& name) {
  NumberedName pieces{{""}, {}};
  for (size_t i = 0; i < name.size();) {
    size_t end = i;
    while (end < name.size() && is_digit(name[end])) ++end;
    const size_t length = end - i;
    if (length == 0) {
      pieces.texts.back() += name[i++];
      continue;
    }
    const bool plain = length <= 18 && (length == 1 || name[i] != '0');
    if (plain) {
      pieces.numbers.push_back(std::stoll(name.substr(i, length)));
      pieces.texts.emplace_back();
    } else {
      pieces.texts.back() += name.substr(i, length);
    }
    i = end;
  }
  return pieces;
}

std::string FoldedName::count_text() const { return count > 1 ? format(" ({} tensors)", count) : ""; }

std::vector<FoldedName> fold_names(const std::vector<std::string>& names) {
  std::vector<NumberPattern> patterns;
  TextMap<size_t> known;
  for (const std::string& name : names) {
    NumberedName pieces = split_numbers(name);
    const auto [at, added] = known.try_emplace(join(pieces.texts, std::string_view("\0", 1)), patterns.size());
    if (added) patterns.push_back({std::move(pieces.texts), std::vector<std::set<int64_t>>(pieces.numbers.size()), 0});
    NumberPattern& pattern = patterns[at->second];
    for (size_t i = 0; i < pieces.numbers.size(); ++i) pattern.numbers[i].insert(pieces.numbers[i]);
    ++pattern.count;
  }
  std::vector<FoldedName> folded;
  for (const NumberPattern& pattern : patterns) folded.push_back({fold(pattern), pattern.count});
  return folded;
}

}  // namespace tessera
