// A tensor is of a companion's kind if its name has the companion's form; what no form fits and nothing ignores is a
// weight.
#include "plan/kinds.h"

#include <algorithm>

#include "layout/name.h"
#include "rules/name_form.h"

namespace tessera {

Kinds kinds_of(const RuleFile& file, SideId side, const Contents& source) {
  Kinds kinds{file.companions.empty(), {}};
  if (kinds.weights) return kinds;
  std::vector<std::optional<NameForm>> forms;
  for (const CompanionDecl& companion : file.companions)
    forms.push_back(companion.templates[side] ? std::optional(NameForm(companion.templates[side]->s)) : std::nullopt);
  std::vector<Matcher> ignored;
  for (const IgnoreDecl& item : file.ignore)
    if (item.side == side) ignored.emplace_back(item.pattern);
  std::vector<bool> found(forms.size());
  for (const TensorInfo& tensor : source.tensors) {
    bool companion = false;
    for (size_t i = 0; i < forms.size(); ++i)
      if (forms[i] && forms[i]->fits(tensor.name)) companion = found[i] = true;
    const auto skips = [&](const Matcher& pattern) { return pattern.match(tensor.name); };
    kinds.weights = kinds.weights || (!companion && std::ranges::none_of(ignored, skips));
  }
  for (size_t i = 0; i < forms.size(); ++i)
    if (found[i]) kinds.companions.push_back(i);
  kinds.weights = kinds.weights || kinds.companions.empty();
  return kinds;
}

}  // namespace tessera
