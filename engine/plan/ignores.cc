// Templates are written as the rules write names, so a name of the files is read backwards first.
#include "plan/ignores.h"

namespace tessera {

Ignores::Ignores(const RuleSet& rules, const EndSpec& end) : renamer_(rules, end.side, end.dialects) {
  for (const IgnoreDecl& decl : rules.file.ignore)
    if (decl.side == end.side) lines_.push_back({Matcher(decl.pattern), &decl});
}

const IgnoreDecl* Ignores::find(const std::string& name) const {
  const std::vector<std::string> spellings = renamer_.idle() ? std::vector{name} : renamer_.to_rule(name);
  for (const Line& line : lines_)
    for (const std::string& spelling : spellings)
      if (line.matcher.match(spelling)) return line.decl;
  return nullptr;
}

}  // namespace tessera
