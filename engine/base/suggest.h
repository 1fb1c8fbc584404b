// "did you mean": the nearest of some names.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {
// The candidate with the smallest edit distance (transpositions count one) if it is near enough to be meant.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);
// " (did you mean `x`?)" or "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);
}  // namespace tessera
