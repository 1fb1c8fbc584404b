// Names and sizes of captured numbers.
#include "plan/draft_index.h"

namespace tessera {

// Behind this trunk in a parent file: "model.layers.<l>" gives l.
std::string DraftIndices::known_name(const IndexAxis& place) const {
  if (!in_.known) return "";
  for (const auto& prefix : in_.known->prefixes) {
    const size_t hole = prefix[0].find('<');
    if (hole == std::string::npos || prefix[0].back() != '>') continue;
    if (prefix[0].substr(0, hole) == place.trunk) return prefix[0].substr(hole + 1, prefix[0].size() - hole - 2);
  }
  return "";
}

const std::string& DraftIndices::name(uint32_t id) {
  std::string& name = names_[id];
  const IndexAxis& place = in_.canonical->axes[id];
  if (name.empty()) name = axes_.index_axis(place, known_name(place));
  return name;
}

std::string DraftIndices::size(uint32_t id) {
  const IndexAxis& place = in_.canonical->axes[id];
  const std::string known = known_name(place);
  if (known.empty()) return axes_.size_text(name(id));
  for (size_t i = 0; i < in_.known->prefixes.size(); ++i)
    if (in_.known->prefixes[i][0] == place.trunk + "<" + known + ">" && in_.known->ranges[i].second == place.size)
      return in_.known->ranges[i].first;
  return std::to_string(place.size);
}

LoopGuess DraftIndices::loops(uint32_t id, const std::vector<int64_t>& indices) {
  const std::string axis = name(id);
  LoopGuess guess = guess_loops(axis, size(id), in_.canonical->axes[id].size, indices, *in_.config);
  keys_.insert(guess.keys.begin(), guess.keys.end());
  return guess;
}

}  // namespace tessera
