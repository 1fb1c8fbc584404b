// What splits a tensor says which list it is on. By `ep`: expert parallel. By `tp` or `etp` along an axis that the
// layer sums over (`in`): row parallel; along another one: column parallel, or, if it is padded and the rule is no
// linear layer, vocab parallel. By neither: replicated.
#include "parallel_lists.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"

namespace tessera {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 5> kinds{{
    {"vocab parallel", "rows of the vocabulary, padded, are split"},
    {"column parallel", "what the layer gives is split"},
    {"row parallel", "what the layer sums over is split"},
    {"expert parallel", "whole experts are split"},
    {"replicated", "every rank has all of it"},
}};

// "v over tp in dimension 0"
struct Cut {
  std::string axis, mesh;
  std::optional<size_t> dimension;  // none: in the name
};

struct Parameter {
  std::string name, kind;
  std::vector<Cut> cuts;
};

std::string text_of(const Cut& cut) {
  return format("{} over {} in {}", cut.axis, cut.mesh,
                cut.dimension ? format("dimension {}", *cut.dimension) : std::string("the name"));
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

class Lists {
 public:
  Lists(const RuleSet& set, SideId side) : set_(set), side_(side) {
    for (const Rule& rule : set.rules) add(rule);
  }

  std::vector<Parameter> of_kind(const char* kind) const {
    std::vector<Parameter> found;
    for (const auto& [name, parameter] : parameters_)
      if (parameter.kind == kind) found.push_back(parameter);
    return found;
  }

 private:
  void add(const Rule& rule) {
    Diagnostics unused;
    std::vector<const Alternative*> chosen;
    for (const SideForm& form : rule.sides) chosen.push_back(&form.front());
    for (const Alternative& alternative : rule.sides[side_]) {
      chosen[side_] = &alternative;
      const auto parts = part_orders(set_.file, chosen, rule.loops, unused).value_or(std::vector<PartOrder>{});
      for (const Address& address : alternative.addresses)
        if (address.kind == Address::Kind::tensor) add(rule, address, parts);
    }
  }

  void add(const Rule& rule, const Address& address, const std::vector<PartOrder>& parts) {
    std::vector<std::string> holes;
    for (const Expr& hole : address.holes) holes.push_back(to_text(hole));
    Parameter parameter{to_text(address.name, holes), "", cuts_of(address, parts)};
    parameter.kind = kind_of(rule, parameter.cuts);
    parameters_.emplace(parameter.name, std::move(parameter));
  }

  std::vector<Cut> cuts_of(const Address& address, const std::vector<PartOrder>& parts) const {
    std::vector<Cut> cuts;
    const auto captured = captured_axes(address, set_.file);
    for (const std::string& axis : captured) add_cut(axis, std::nullopt, cuts);
    for (size_t k = 0; k < address.layout.dimensions.size(); ++k)
      for (const std::string& axis : axes_in(address.layout, k, parts, captured)) add_cut(axis, k, cuts);
    return cuts;
  }

  // Stages give each rank whole layers: no list speaks of them.
  void add_cut(const std::string& axis, std::optional<size_t> dimension, std::vector<Cut>& cuts) const {
    const AxisDecl* decl = set_.file.axis(axis);
    if (decl && decl->split[side_] && decl->split[side_]->s != "pp")
      cuts.push_back({axis, decl->split[side_]->s, dimension});
  }

  const char* kind_of(const Rule& rule, const std::vector<Cut>& cuts) const {
    if (cuts.empty()) return "replicated";
    for (const Cut& cut : cuts)
      if (cut.mesh == "ep") return "expert parallel";
    const std::string& axis = cuts.front().axis;
    if (std::find(rule.in.begin(), rule.in.end(), axis) != rule.in.end()) return "row parallel";
    const bool vocabulary = set_.file.axis(axis)->pad[side_] && !rule.linear && !rule.is_bias;
    return vocabulary ? "vocab parallel" : "column parallel";
  }

  const RuleSet& set_;
  SideId side_;
  std::map<std::string, Parameter> parameters_;
};

Value value_of(const Parameter& parameter) {
  Map map;
  map["name"] = parameter.name;
  List cuts;
  for (const Cut& cut : parameter.cuts) {
    Map one;
    one["axis"] = cut.axis;
    one["mesh"] = cut.mesh;
    one["dimension"] = cut.dimension ? Value(static_cast<int64_t>(*cut.dimension)) : Value();
    cuts.push_back(std::move(one));
  }
  map["cuts"] = std::move(cuts);
  return map;
}

void add_lines(const std::string& side, const std::pair<const char*, const char*>& kind,
               const std::vector<Parameter>& parameters, std::vector<std::string>& lines) {
  size_t width = 0;
  for (const Parameter& parameter : parameters) width = std::max(width, parameter.name.size());
  lines.push_back(format("{}, {}: {}", side, kind.first, kind.second));
  for (const Parameter& parameter : parameters) {
    std::vector<std::string> cuts;
    for (const Cut& cut : parameter.cuts) cuts.push_back(text_of(cut));
    lines.push_back(cuts.empty() ? "  " + parameter.name
                                 : format("  {:<{}}  {}", parameter.name, width, join(cuts, ", ")));
  }
}

}  // namespace

void add_parallel_lists(const RuleSet& set, Report& report) {
  Map sides;
  for (SideId side = 0; side < set.file.sides.size(); ++side) {
    const auto split = [side](const AxisDecl& axis) { return axis.split[side].has_value(); };
    if (std::none_of(set.file.axes.begin(), set.file.axes.end(), split)) continue;
    if (side == 0 && set.file.sides.size() > 1) continue;
    const Lists lists(set, side);
    const std::string& name = set.file.sides[side].s;
    Map by_kind;
    for (const auto& kind : kinds) {
      const auto parameters = lists.of_kind(kind.first);
      List values;
      for (const Parameter& parameter : parameters) values.push_back(value_of(parameter));
      by_kind[kind.first] = std::move(values);
      if (!parameters.empty()) add_lines(name, kind, parameters, report.lines);
    }
    sides[name] = std::move(by_kind);
  }
  report.json["tp_lists"] = std::move(sides);
}

}  // namespace tessera
