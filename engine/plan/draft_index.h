// What the captured numbers of names are called in a draft, and the ranges in which something stands.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "plan/draft_axes.h"
#include "plan/draft_compose.h"
#include "plan/draft_ranges.h"

namespace tessera {

// `id`: into the axes of the canonical side's Folds.
class DraftIndices {
 public:
  DraftIndices(const ComposeInput& input, DraftAxes& axes) : in_(input), axes_(axes) {}

  const std::string& name(uint32_t id);  // "l", as a parent file calls it, or a new axis
  LoopGuess loops(uint32_t id, const std::vector<int64_t>& indices);
  const std::set<std::string>& keys() const { return keys_; }  // of the configuration, that the loops speak of

 private:
  std::string known_name(const IndexAxis& place) const;
  std::string size(uint32_t id);

  const ComposeInput& in_;
  DraftAxes& axes_;
  std::map<uint32_t, std::string> names_;
  std::set<std::string> keys_;
};

}  // namespace tessera
