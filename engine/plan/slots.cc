// Even splits with their pads, placement tables, and the axes whose dimension is cut instead.
#include "plan/slots.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "base/checked.h"
#include "base/text.h"

namespace tessera {
namespace {

constexpr size_t dim(MeshDim d) { return static_cast<size_t>(d); }

int rank_index(const std::string& word) { return word == "tp" ? 0 : word == "pp" ? 1 : word == "ep" ? 2 : 3; }

MeshDim mesh_dim(int rank) {
  constexpr MeshDim dims[] = {MeshDim::tp, MeshDim::pp, MeshDim::ep, MeshDim::etp};
  return dims[rank];
}

// [first, first + width) of the padded range, of which indices from `size` on are pads.
Slots consecutive(int64_t first, int64_t width, int64_t size) {
  Slots slots{width, {}, {}};
  const int64_t held = std::clamp<int64_t>(size - first, 0, width);
  if (held > 0) slots.held.push_back({0, first, held});
  if (held < width) slots.empty.push_back({held, 0, width - held});
  return slots;
}

Slots listed(const std::vector<int64_t>& indices) {
  Slots slots{static_cast<int64_t>(indices.size()), {}, {}};
  for (size_t i = 0; i < indices.size(); ++i) {
    auto& runs = indices[i] < 0 ? slots.empty : slots.held;
    const auto slot = static_cast<int64_t>(i);
    const bool joins = !runs.empty() && runs.back().slot + runs.back().length == slot &&
                       (indices[i] < 0 || runs.back().index + runs.back().length == indices[i]);
    if (joins)
      ++runs.back().length;
    else
      runs.push_back({slot, std::max<int64_t>(indices[i], 0), 1});
  }
  return slots;
}

}  // namespace

Ranks ranks_of(const Coordinates& at, const Mesh& mesh) {
  return {at[dim(MeshDim::tp)], stage_of(at, mesh), at[dim(MeshDim::ep)], at[dim(MeshDim::etp)]};
}

Ranks rank_counts(const Mesh& mesh) {
  return {mesh[dim(MeshDim::tp)], mesh[dim(MeshDim::pp)] * mesh[dim(MeshDim::vpp)], mesh[dim(MeshDim::ep)],
          mesh[dim(MeshDim::etp)]};
}

EndAxes::EndAxes(const Model& model, const EndSpec& end, Diagnostics& diagnostics)
    : model_(model), end_(end), scope_(model, end), diagnostics_(diagnostics) {}

AxisPlan* EndAxes::find(std::string_view name) {
  auto known = axes_.find(name);
  if (known == axes_.end()) {
    known = axes_.emplace(std::string(name), AxisPlan{}).first;
    known->second.decl = model_.rules->file.axis(name);
    good_[known->first] = known->second.decl && fill(known->second);
  }
  return good_.find(name)->second ? &known->second : nullptr;
}

bool EndAxes::fill(AxisPlan& axis) {
  const AxisDecl& decl = *axis.decl;
  const auto number = [&](const Expr& expr, int64_t least) -> std::optional<int64_t> {
    EvalFault fault;
    const auto value = evaluate_int(expr, scope_.scope(), &fault);
    if (!value)
      diagnostics_.error("B03", fault.span, fault.message);
    else if (*value < least)
      diagnostics_.error("B03", expr.span(), format("this is {}; it must be at least {}", *value, least));
    else
      return value;
    return std::nullopt;
  };
  const auto size = number(decl.size, 0);
  if (!size) return false;
  axis.size = *size;
  int64_t padded = axis.size;
  if (const auto& pad = decl.pad[end_.side]) {
    const auto multiple = number(*pad, 1);
    if (!multiple) return false;
    const auto sum = checked_add<int64_t>(axis.size, *multiple - 1);
    if (!sum) return diagnostics_.error("B03", pad->span(), "the padded size does not fit 64 bits"), false;
    padded = *sum / *multiple * *multiple;
  }
  const auto& split = decl.split[end_.side];
  if (!split) return axis.slots = {consecutive(0, padded, axis.size)}, true;
  const int by = rank_index(split->s);
  const int32_t ranks = rank_counts(end_.cuts())[static_cast<size_t>(by)];
  if (const auto table = end_.tables.find(mesh_dim(by)); table != end_.tables.end()) {
    axis.split = by;
    return fill_table(axis, table->second, ranks);
  }
  if (by == stage_rank && std::ssize(end_.stages) == ranks &&
      std::reduce(end_.stages.begin(), end_.stages.end()) == axis.size && padded == axis.size) {
    axis.split = by;
    return fill_table(axis, consecutive_table(end_.stages), ranks);
  }
  if (ranks > 1) axis.split = by;
  return fill_even(axis, padded, ranks);
}

bool EndAxes::fill_even(AxisPlan& axis, int64_t padded, int32_t ranks) {
  if (axis.split == tp_rank && padded > 0 && padded < ranks) {
    axis.split = -1;
    axis.cut = true;
  }
  if (axis.split < 0) return axis.slots = {consecutive(0, padded, axis.size)}, true;
  if (padded % ranks != 0) {
    const AxisDecl& decl = *axis.decl;
    diagnostics_.error("B01", decl.name.span,
                       format("{} indices of axis `{}` cannot be split evenly over {} {} ranks", padded, decl.name.s,
                              ranks, decl.split[end_.side]->s),
                       axis.split == stage_rank ? "a placement table says which stage holds which" : "");
    return false;
  }
  const int64_t width = padded / ranks;
  for (int64_t rank = 0; rank < ranks; ++rank) axis.slots.push_back(consecutive(rank * width, width, axis.size));
  return true;
}

bool EndAxes::fill_table(AxisPlan& axis, const std::vector<std::vector<int64_t>>& table, int32_t ranks) {
  const AxisDecl& decl = *axis.decl;
  const auto refuse = [&](std::string message) {
    diagnostics_.error("B01", decl.name.span, format("the placement of axis `{}` {}", decl.name.s, message));
    return false;
  };
  if (std::cmp_not_equal(table.size(), ranks)) return refuse(format("has {} lists for {} ranks", table.size(), ranks));
  std::vector<int64_t> held;
  for (const auto& indices : table) {
    std::ranges::copy_if(indices, std::back_inserter(held), [](int64_t index) { return index >= 0; });
    axis.slots.push_back(listed(indices));
  }
  std::ranges::sort(held);
  if (!held.empty() && held.back() >= axis.size)
    return refuse(format("names index {}; it has {} indices", held.back(), axis.size));
  if (const auto twice = std::ranges::adjacent_find(held); twice != held.end())
    return refuse(format("names index {} twice", *twice));
  const auto count = static_cast<int64_t>(held.size());
  if (count == axis.size) return true;
  int64_t missing = 0;
  while (missing < count && held[static_cast<size_t>(missing)] == missing) ++missing;
  return refuse(format("leaves out index {}", missing));
}

AxisPlan::Seat EndAxes::seat(AxisPlan& axis, int64_t index) {
  if (axis.split < 0) return {any_rank, index};
  auto& stretches = axis.stretches;
  const auto first = [](const AxisPlan::Stretch& stretch) { return stretch.run.index; };
  if (stretches.empty()) {
    for (size_t rank = 0; rank < axis.slots.size(); ++rank)
      for (const SlotRun& run : axis.slots[rank].held) stretches.push_back({static_cast<int32_t>(rank), run});
    std::ranges::sort(stretches, {}, first);
  }
  const AxisPlan::Stretch& stretch = *std::prev(std::ranges::upper_bound(stretches, index, {}, first));
  return {stretch.rank, stretch.run.slot + index - stretch.run.index};
}

}  // namespace tessera
