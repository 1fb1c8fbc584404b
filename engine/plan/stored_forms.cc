// A form is a text around one hole, `<name>` or `<stem>`.
#include "plan/stored_forms.h"

#include <algorithm>

#include "base/text.h"

namespace tessera {
namespace {

bool has_form(std::string_view name, std::string_view form) {
  const size_t open = form.find('<'), close = form.find('>');
  if (open == form.npos || close == form.npos) return false;
  const std::string_view before = form.substr(0, open), after = form.substr(close + 1);
  return name.size() > before.size() + after.size() && name.starts_with(before) && name.ends_with(after);
}

bool refuse(const std::vector<std::string>& names, const std::vector<const Text*>& forms, const Text& what,
            const char* kind, Diagnostics& diagnostics) {
  const auto belongs = [&](const std::string& name) {
    return std::ranges::any_of(forms, [&](const Text* form) { return has_form(name, form->s); });
  };
  const auto first = std::ranges::find_if(names, belongs);
  if (first == names.end()) return false;
  const auto count = std::ranges::count_if(names, belongs);
  diagnostics.error("V01", what.span,
                    format("`{}`{} belongs to the {} `{}`, which this version does not carry", escape(*first),
                           count > 1 ? format(", one of {} tensors,", count) : "", kind, what.s));
  return true;
}

}  // namespace

bool refuse_stored_forms(const RuleFile& file, SideId side, const std::vector<std::string>& unmapped,
                         Diagnostics& diagnostics) {
  bool refused = false;
  for (const EncodingDecl& encoding : file.encodings) {
    std::vector<const Text*> forms;
    for (const auto& [field, form] : encoding.on[side]) forms.push_back(&form);
    refused |= refuse(unmapped, forms, encoding.name, "encoding", diagnostics);
  }
  for (const CompanionDecl& companion : file.companions)
    if (const auto& form = companion.templates[side])
      refused |= refuse(unmapped, {&*form}, companion.name, "companion", diagnostics);
  return !refused;
}

}  // namespace tessera
