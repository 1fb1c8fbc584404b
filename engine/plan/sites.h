// Rules and copies at one model: for each choice of alternatives, the addresses on every end and the sites to walk.
#pragma once
#include <deque>
#include <functional>
#include <vector>

#include "plan/expand.h"
#include "plan/slab.h"
#include "plan/tensors.h"

namespace tessera {

// One end while a graph is being built.
struct EndState {
  EndState(const Model& model, const EndSpec& end, Diagnostics& diagnostics)
      : spec(end), axes(model, end, diagnostics), scope(model, end), tensors(model, end, scope, diagnostics) {}
  const EndSpec& spec;
  EndAxes axes;
  EndScope scope;
  EndTensors tensors;
  std::deque<EndAddress> addresses;  // never moved: tensors point at them
};

// A rule under one choice of alternatives.
struct RuleSites {
  RuleId rule = 0;
  const Copy* copy = nullptr;  // set: these are the sites of a copy of that rule
  const Expansion* expansion = nullptr;
  const Variant* variant = nullptr;
  std::vector<std::vector<EndAddress*>> addresses;  // by end, in order of the alternative
  std::vector<EndAddress*> copy_addresses;          // of the copy, on its end
};

class SiteWalk {
 public:
  SiteWalk(const Model& model, std::vector<EndState*> ends, Diagnostics& diagnostics);

  using Visit = std::function<void(const RuleSites&)>;
  // False after an error. `empty` (may be null) collects ranges that made nothing.
  bool rule(RuleId id, const Visit& visit, std::vector<std::string>* empty);
  // A copy that stands on end number `end`.
  bool copy(const Copy& copy, size_t end, const Visit& visit);

 private:
  Expandable expandable(const Rule& rule);
  bool visit_variants(RuleSites sites, const Expandable& what, const Visit& visit);
  std::optional<std::map<std::string, std::vector<std::string>>> orders(const Expandable& what, const Variant& variant,
                                                                        size_t end);
  bool add_addresses(size_t end, const Alternative& form, const std::map<std::string, std::vector<std::string>>& orders,
                     std::vector<EndAddress*>& out);

  const Model& model_;
  std::vector<EndState*> ends_;
  std::deque<EndSpec> other_specs_;
  std::deque<EndScope> other_scopes_;  // of sides that no end is at: single places
  std::vector<SideId> other_sides_;
  Diagnostics& diagnostics_;
};

// Calls visit(indices) for each site and each tuple of captured axes beyond the sites' own. `indices` names every axis
// that is given an index. False when visit returned false, or after B03 (too many).
using VisitTuple = std::function<bool(const std::vector<FixedIndex>& fixed, uint32_t turn)>;
bool walk_tuples(const RuleSites& sites, const std::vector<std::string>& captured, EndAxes& axes,
                 Diagnostics& diagnostics, const VisitTuple& visit);
// The indices of an address's captured axes among `fixed`.
std::vector<int64_t> captured_of(const EndAddress& address, const std::vector<FixedIndex>& fixed);

}  // namespace tessera
