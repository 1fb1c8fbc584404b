// An axis that is split over tensor ranks makes its tensor column parallel where it stands in the first dimension, row
// parallel in a later one; a padded one is the vocabulary; one split over expert ranks makes it expert parallel.
#include "parallel_lists.h"

#include <algorithm>

namespace tessera {
namespace {

std::string split_of(const RuleFile& file, const std::string& axis, SideId side) {
  const AxisDecl* decl = file.axis(axis);
  return decl && decl->split[side] ? decl->split[side]->s : "";
}

bool tensor_split(const RuleFile& file, const std::string& axis, SideId side) {
  const std::string split = split_of(file, axis, side);
  return split == "tp" || split == "etp";
}

void collect_bare(const std::vector<Factor>& factors, std::set<std::string>& parts) {
  for (const Factor& factor : factors) {
    for (const Term& term : factor.terms) {
      if (term.kind == Term::Kind::bare) parts.insert(term.part.text);
      collect_bare(term.factors, parts);
    }
  }
}

// Axes that lie in one dimension: those written there, and what bare parts lay.
std::set<std::string> axes_in(const Layout& layout, size_t dimension, const std::vector<PartOrder>& parts,
                              const std::vector<std::string>& captured) {
  std::set<std::string> axes, bare, elsewhere(captured.begin(), captured.end());
  for (const Word& word : axes_of({{layout.dimensions[dimension]}})) axes.insert(word.text);
  for (const Word& word : axes_of(layout)) elsewhere.insert(word.text);
  collect_bare(layout.dimensions[dimension].factors, bare);
  for (const PartOrder& part : parts)
    for (const std::string& axis : part.axes)
      if (bare.contains(part.name) && !elsewhere.contains(axis)) axes.insert(axis);
  return axes;
}

std::string kind_of(const RuleFile& file, const Address& address, SideId side, const std::vector<PartOrder>& parts) {
  const auto captured = captured_axes(address, file);
  for (const std::string& axis : captured)
    if (split_of(file, axis, side) == "ep") return "expert parallel";
  for (size_t k = 0; k < address.layout.dimensions.size(); ++k) {
    for (const std::string& axis : axes_in(address.layout, k, parts, captured)) {
      if (split_of(file, axis, side) == "ep") return "expert parallel";
      if (!tensor_split(file, axis, side)) continue;
      if (file.axis(axis)->pad[side]) return "vocab parallel";
      return k == 0 ? "column parallel" : "row parallel";
    }
  }
  return "replicated";
}

}  // namespace

std::map<std::string, std::set<std::string>> parallel_lists(const RuleSet& set, SideId side) {
  std::map<std::string, std::set<std::string>> lists;
  Diagnostics unused;
  for (const Rule& rule : set.rules) {
    std::vector<const Alternative*> chosen;
    for (const SideForm& form : rule.sides) chosen.push_back(&form.front());
    for (const Alternative& alternative : rule.sides[side]) {
      chosen[side] = &alternative;
      const auto parts = part_orders(set.file, chosen, rule.loops, unused).value_or(std::vector<PartOrder>{});
      for (const Address& address : alternative.addresses) {
        if (address.kind != Address::Kind::tensor) continue;
        std::vector<std::string> holes;
        for (const Expr& hole : address.holes) holes.push_back(to_text(hole));
        lists[kind_of(set.file, address, side, parts)].insert(to_text(address.name, holes));
      }
    }
  }
  return lists;
}

}  // namespace tessera
