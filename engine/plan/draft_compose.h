// Matches of tensors -> the sections of a draft.
#pragma once
#include <map>
#include <string>

#include "plan/draft.h"
#include "plan/draft_known.h"

namespace tessera {

struct ComposeInput {
  const Folds* canonical = nullptr;
  const Folds* other = nullptr;  // the same as `canonical` where there is no second checkpoint
  bool has_other = false;
  const Map* config = nullptr;        // the canonical side's
  const Map* other_config = nullptr;  // may be nullptr
  std::map<std::string, std::string>
      spellings;                 // canonical key -> the other side's, from the rule files that are there
  const Known* known = nullptr;  // the parent file; may be nullptr
  std::array<std::string, 2> sides;
  std::string family;
};
Draft compose(const ComposeInput& input, const Pairs& pairs);

}  // namespace tessera
