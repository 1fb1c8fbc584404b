// The rules of the tensors in question are walked as build walks them; what they say is kept instead of made into
// boxes.
#include "plan/explain.h"

#include <algorithm>
#include <map>
#include <set>

#include "plan/dialects.h"
#include "plan/sites.h"

namespace tessera {
namespace {

enum End : size_t { from_end, to_end };

bool holds(const Slots& slots, int64_t index) {
  return std::ranges::any_of(slots.held,
                             [&](const SlotRun& run) { return index >= run.index && index < run.index + run.length; });
}

class LayingWalk {
 public:
  LayingWalk(const Model& model, const Graph& graph, const std::vector<TensorId>& tensors)
      : model_(model),
        rules_(*model.rules),
        ends_{EndState(model, model.from, quiet_), EndState(model, model.to, quiet_)},
        walk_(model, {&ends_[from_end], &ends_[to_end]}, quiet_),
        found_(tensors.size()) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& tensor = graph.tensors[tensors[i]];
      const std::string& name = tensor.weight.empty() ? tensor.name : tensor.weight;
      wanted_[{tensor.output ? to_end : from_end, tensor.place, name}].push_back(i);
    }
    const std::set<TensorId> asked(tensors.begin(), tensors.end());
    for (const Move& move : graph.moves)
      if (asked.contains(move.from) || asked.contains(move.to)) of_rules_.insert(move.why);
    for (const Omission& omission : graph.omissions)
      if (asked.contains(omission.tensor)) of_rules_.insert(omission.why);
  }

  std::vector<std::vector<Laying>> run() {
    for (const RuleId rule : of_rules_)
      walk_.rule(
          rule,
          [&](const RuleSites& sites) {
            for (const End end : {from_end, to_end}) collect(sites, end, sites.addresses[end]);
          },
          nullptr);
    for (const Copy& copy : rules_.copies)
      for (const End end : {from_end, to_end})
        if (of_rules_.contains(copy.of) && copy.side == ends_[end].spec.side)
          walk_.copy(copy, end, [&](const RuleSites& sites) { collect(sites, end, sites.copy_addresses); });
    return std::move(found_);
  }

 private:
  void collect(const RuleSites& sites, End end, const std::vector<EndAddress*>& addresses) {
    EndState& state = ends_[end];
    const Stage stage = sites.copy ? sites.copy->stage : rules_.rules[sites.rule].stage;
    for (EndAddress* address : addresses) {
      if (!address->is_tensor()) continue;
      std::map<size_t, size_t> known;  // wanted tensor -> its Laying of this address
      walk_tuples(sites, address->captured(), state.axes, quiet_, [&](const auto& fixed, uint32_t turn) {
        Standing at{sites.rule, rules_.rules[sites.rule].entry, turn, 0, stage, false};
        const Instance* instance = state.tensors.find(*address, at, captured_of(*address, fixed));
        for (size_t seat = 0; instance && seat < instance->tensors.size(); ++seat)
          if (instance->tensors[seat] != none_id) add(sites, end, *address, instance->tensors[seat], fixed, known);
        return instance != nullptr;
      });
    }
  }

  void add(const RuleSites& sites, End end, EndAddress& address, TensorId id, const std::vector<FixedIndex>& fixed,
           std::map<size_t, size_t>& known) {
    EndState& state = ends_[end];
    const EndTensor& tensor = state.tensors.tensors()[id];
    const auto wanted = wanted_.find({end, tensor.place, state.tensors.name(tensor)});
    if (wanted == wanted_.end()) return;
    for (const size_t i : wanted->second)
      add(i, sites, state, address, state.tensors.place(tensor.place), fixed, known);
  }

  void add(size_t wanted, const RuleSites& sites, EndState& state, EndAddress& address, const Ranks& ranks,
           const std::vector<FixedIndex>& fixed, std::map<size_t, size_t>& known) {
    std::vector<Laying>& of = found_[wanted];
    const auto [at, added] = known.try_emplace(wanted, of.size());
    if (added) of.push_back(laying(sites, state, address, ranks, fixed));
    Laying& one = of[at->second];
    one.tuples.push_back(fixed);
    for (LaidPart& part : one.parts)
      for (LaidAxis& axis : part.axes) give(axis, fixed);
  }

  static void give(LaidAxis& axis, const std::vector<FixedIndex>& fixed) {
    const auto here = std::ranges::find(fixed, axis.name, &FixedIndex::axis);
    if (here == fixed.end() || (axis.laid && !holds(axis.slots, here->index))) return;
    const auto at = std::ranges::lower_bound(axis.given, here->index);
    if (at == axis.given.end() || *at != here->index) axis.given.insert(at, here->index);
  }

  Laying laying(const RuleSites& sites, EndState& end, EndAddress& address, const Ranks& ranks,
                const std::vector<FixedIndex>& fixed) {
    const LocalTensor& local = *address.local(ranks);
    Laying one{
        sites.rule, sites.copy, &address.address(), *address.name(captured_of(address, fixed), end.scope), local.cut,
        {},         {}};
    for (const std::string& name : address.part_names()) {
      const PartPlace& at = local.parts.at(name);
      LaidPart part{name, at.offset, {}};
      for (const std::string& axis : address.captured()) part.axes.push_back(laid_axis(end, axis, ranks));
      for (const auto* steps : {&at.steps, &at.others})
        for (const Step& step : *steps) {
          LaidAxis& axis = part.axes.emplace_back(laid_axis(end, step.axis, ranks));
          const bool looped = std::ranges::find(fixed, step.axis, &FixedIndex::axis) != fixed.end();
          axis.star = steps == &at.others && !looped;
          axis.laid = true;
          axis.dimension = step.dimension;
          axis.step = step.step;
          axis.stride = step.step * local.strides[step.dimension];
        }
      one.parts.push_back(std::move(part));
    }
    return one;
  }

  LaidAxis laid_axis(EndState& end, const std::string& name, const Ranks& ranks) const {
    const AxisPlan& plan = *end.axes.find(name);
    const auto& split = plan.decl->split[end.spec.side];
    return {name, plan.size, plan.slots.size() > 1 ? split->s : "", plan.at(ranks), false, false, 0, 0, 0, {}};
  }

  const Model& model_;
  const RuleSet& rules_;
  Diagnostics quiet_;  // the graph was built from the same walk: nothing is left to be told
  std::array<EndState, 2> ends_;
  SiteWalk walk_;
  std::set<RuleId> of_rules_;
  std::map<std::tuple<End, uint32_t, std::string>, std::vector<size_t>> wanted_;  // a weight's fields have its address
  std::vector<std::vector<Laying>> found_;
};

// The slot of each laid axis, coarsest steps first; nullopt if the part does not reach these coordinates.
std::optional<std::vector<int64_t>> slots_at(const LaidPart& part, std::vector<int64_t> coordinates) {
  std::vector<size_t> order;
  for (size_t i = 0; i < part.axes.size(); ++i)
    if (part.axes[i].laid) order.push_back(i);
  std::ranges::stable_sort(order, std::greater(), [&](size_t i) { return part.axes[i].step; });
  std::vector<int64_t> slots(part.axes.size(), 0);
  for (size_t k = 0; k < coordinates.size(); ++k)
    if ((coordinates[k] -= part.offset[k]) < 0) return std::nullopt;
  for (const size_t i : order) {
    const LaidAxis& axis = part.axes[i];
    if (axis.step == 0 || axis.slots.width == 0) return std::nullopt;  // the part has no elements in this place
    int64_t& left = coordinates[axis.dimension];
    slots[i] = std::min(left / axis.step, axis.slots.width - 1);
    left -= slots[i] * axis.step;
  }
  return std::ranges::count(coordinates, 0) == static_cast<std::ptrdiff_t>(coordinates.size()) ? std::optional(slots)
                                                                                               : std::nullopt;
}

std::optional<int64_t> held_in(const Slots& slots, int64_t slot) {
  for (const SlotRun& run : slots.held)
    if (slot >= run.slot && slot < run.slot + run.length) return run.index + slot - run.slot;
  return std::nullopt;
}

bool agrees(const std::vector<FixedIndex>& tuple, const PartElement& element) {
  return std::ranges::all_of(element.indices, [&](const PartElement::Index& one) {
    const auto given = std::ranges::find(tuple, one.axis, &FixedIndex::axis);
    return given == tuple.end() || !one.index || *one.index == given->index;
  });
}

std::optional<PartElement> part_at(const Laying& laying, const LaidPart& part,
                                   const std::vector<int64_t>& coordinates) {
  const auto slots = slots_at(part, coordinates);
  if (!slots) return std::nullopt;
  PartElement element{&laying, &part, {}};
  for (size_t i = 0; i < part.axes.size(); ++i) {
    const LaidAxis& axis = part.axes[i];
    if (!axis.laid && axis.given.empty()) return std::nullopt;
    const auto index = axis.laid ? held_in(axis.slots, (*slots)[i]) : std::optional(axis.given.front());
    element.indices.push_back({axis.name, index, axis.star});
  }
  const bool given = std::ranges::any_of(laying.tuples, [&](const auto& tuple) { return agrees(tuple, element); });
  return given ? std::optional(std::move(element)) : std::nullopt;
}

}  // namespace

std::vector<std::vector<Laying>> layings(const Model& model, const Graph& graph, const std::vector<TensorId>& tensors) {
  return LayingWalk(model, graph, tensors).run();
}

std::optional<PartElement> part_at(const std::vector<Laying>& layings, const Extents& shape, int64_t element) {
  for (const Laying& laying : layings) {
    std::vector<int64_t> coordinates = coordinates_of(element, shape);
    if (laying.cut) coordinates[laying.cut->dimension] += laying.cut->lo;
    for (const LaidPart& part : laying.parts)
      if (auto found = part_at(laying, part, coordinates)) return found;
  }
  return std::nullopt;
}

}  // namespace tessera
