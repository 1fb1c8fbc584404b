// Names that carry no weight: the `ignore` section at one end.
#pragma once
#include <string>
#include <vector>

#include "plan/dialects.h"

namespace tessera {

class Ignores {
 public:
  Ignores(const RuleSet& rules, const EndSpec& end);
  // The first line that a name of the files matches, however the dialects in use spell it; nullptr if none does. Asked
  // of names that no rule maps.
  const IgnoreDecl* find(const std::string& name) const;

 private:
  struct Line {
    Matcher matcher;
    const IgnoreDecl* decl;
  };
  Renamer renamer_;
  std::vector<Line> lines_;
};

}  // namespace tessera
