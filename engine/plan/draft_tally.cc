// Declared names against those that are there.
#include "plan/draft_tally.h"

#include "base/text_hash.h"
#include "plan/plan.h"

namespace tessera {
namespace {

// The loop index in a name under an entry's prefix "model.layers.<l>".
int64_t index_in(const std::string& name, const EntryDecl& entry, SideId side) {
  if (entry.loops.size() != 1 || !entry.prefix[side]) return every_index;
  const std::string& prefix = entry.prefix[side]->s;
  const std::string hole = "<" + entry.loops[0].axis.s + ">";
  const size_t at = prefix.find(hole);
  if (at == prefix.npos || prefix.find('<') != at || prefix.find('<', at + 1) != prefix.npos) return every_index;
  if (!name.starts_with(prefix.substr(0, at))) return every_index;
  size_t end = at;
  while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
  return end == at || end - at > 9 ? every_index : std::stoll(name.substr(at, end - at));
}

void tally(const RuleSet& rules, SideId side, const Contents& contents, const std::vector<Declared>& declared,
           EndTally& out) {
  ViewMap<const TensorInfo*> there;
  for (const TensorInfo& tensor : contents.tensors) there.emplace(tensor.name, &tensor);
  for (const Declared& one : declared) {
    const Rule& rule = rules.rules[one.rule];
    const auto [block, name] = block_and_rule(rule.name);
    Tally& tally = out.sites[{rule.entry, block}][index_in(one.name, rules.file.model[rule.entry], side)][name];
    const auto found = there.find(one.name);
    const bool fits = found != there.end() && found->second->shape == one.shape;
    if (!one.optional) ++tally.wanted, tally.there += fits;
    if (fits) tally.names.push_back(one.name);
  }
}

}  // namespace

std::optional<EndTally> tally_end(const RuleSet& rules, SideId side, const Contents& contents) {
  Diagnostics quiet, faults;
  const EndSpec end{side, contents.mesh, {}, {}, {}, {}};
  ConfigRequest request{&rules, end, {1 - side, single_place, {}, {}, {}, {}}, &contents.config, {}, false};
  ConfigRequest detected = request;
  if (detect_dialects(detected, contents, quiet)) request = detected;
  auto model = bind(request, faults);
  const auto declared = model ? declared_tensors(*model, model->from, faults) : std::nullopt;
  if (!declared || faults.failed()) return std::nullopt;
  EndTally out;
  tally(rules, side, contents, *declared, out);
  for (const IgnoreDecl& item : rules.file.ignore) {
    if (item.side != side) continue;
    const Matcher pattern(item.pattern);
    for (const TensorInfo& tensor : contents.tensors)
      if (pattern.match(tensor.name)) out.ignored.push_back(tensor.name);
  }
  out.model = *std::move(model);
  return out;
}

std::pair<std::string, std::string> block_and_rule(const std::string& name) {
  const size_t dot = name.find('.');
  return {name.substr(0, dot), name.substr(dot + 1)};
}

}  // namespace tessera
