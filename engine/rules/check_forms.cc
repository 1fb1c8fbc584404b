// R05 for what the files call companions and fields: no two of them, and no weight, by one name.
#include <map>

#include "base/text.h"
#include "rules/check.h"

namespace tessera {
namespace {

void one_side(SideId side, const RuleFile& file, Findings& findings) {
  std::map<std::string, const Text*> taken;
  const auto take = [&](const Text& form) {
    const auto [at, added] = taken.try_emplace(form.s, &form);
    if (form.s == "<name>") {
      findings.error("R05", form.span, "this is the weight's own name", "put something around `<name>`");
    } else if (!added) {
      findings.error("R05", form.span, format("`{}` is the name of two things", form.s))
          .related.push_back({at->second->span, "the other one"});
    }
  };
  for (const CompanionDecl& companion : file.companions)
    if (companion.templates[side]) take(*companion.templates[side]);
  for (const EncodingDecl& encoding : file.encodings)
    for (const auto& [field, form] : encoding.on[side]) take(form);
}

}  // namespace

void prove_forms(Proving& proving) {
  for (SideId side = 0; side < proving.file.sides.size(); ++side) one_side(side, proving.file, proving.findings);
}

}  // namespace tessera
