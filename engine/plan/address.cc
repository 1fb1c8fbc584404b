// place() gives coordinates; this adds strides, cuts and names.
#include "plan/address.h"

#include <algorithm>
#include <stdexcept>

#include "base/checked.h"
#include "base/text.h"

namespace tessera {

EndAddress::EndAddress(const Address& address, const std::map<std::string, std::vector<std::string>>& orders,
                       const RuleFile& file, EndAxes& axes, Diagnostics& diagnostics)
    : address_(&address), axes_(axes), diagnostics_(diagnostics), whole_(whole_part(address)) {
  if (is_tensor()) captured_ = captured_axes(address, file);
  const auto add = [&](const std::string& part) {
    if (parts_.contains(part)) return;
    const auto order = orders.find(part);
    parts_[part] = {order == orders.end() ? std::vector<std::string>{} : order->second, captured_};
    part_names_.push_back(part);
  };
  if (!has_parts(address.layout)) add(whole_);
  for (const Word& part : parts_of(address.layout)) add(part.text);
  find_laid_axes(file);
  if (ok_) read_holes(file);
}

void EndAddress::find_laid_axes(const RuleFile& file) {
  const auto note = [&](const std::string& axis) {
    if (std::ranges::find(laid_, axis) == laid_.end()) laid_.push_back(axis);
    return int64_t{1};
  };
  const Placed placed = place(address_->layout, parts_, whole_, note);
  for (const std::string& name : laid_) {
    AxisPlan* axis = file.axis(name) ? axes_.find(name) : nullptr;
    if (!axis) {
      ok_ = false;
      continue;
    }
    if (axis->split >= 0) splits_[static_cast<size_t>(axis->split)] = true;
    if (axis->cut && is_tensor() && !check_cut(*axis)) ok_ = false;
  }
  for (const auto& [part, at] : placed.parts) {
    std::array<bool, 4>& splits = part_splits_[part];
    splits[tp_rank] = cut_axis_ != nullptr;
    for (const auto* steps : {&at.steps, &at.others})
      for (const Step& step : *steps)
        if (const AxisPlan* axis = ok_ ? axes_.find(step.axis) : nullptr; axis && axis->split >= 0)
          splits[static_cast<size_t>(axis->split)] = true;
  }
}

bool EndAddress::lays(std::string_view axis) const { return std::ranges::find(laid_, axis) != laid_.end(); }

// A cut axis must lead its dimension, and stand nowhere else.
bool EndAddress::check_cut(AxisPlan& axis) {
  const std::string& name = axis.decl->name.s;
  const auto& dimensions = address_->layout.dimensions;
  size_t leads = 0;
  for (uint32_t d = 0; d < dimensions.size(); ++d) {
    const Factor& first = dimensions[d].factors.front();
    if (first.kind != Factor::Kind::axis || first.axis.text != name) continue;
    ++leads;
    cut_dimension_ = d;
  }
  const auto all = axes_of(address_->layout);
  const auto uses = static_cast<size_t>(std::ranges::count(all, name, &Word::text));
  if (leads == 1 && uses == 1 && (!cut_axis_ || cut_axis_ == &axis)) {
    cut_axis_ = &axis;
    splits_[tp_rank] = true;
    return true;
  }
  diagnostics_
      .error("B01", axis.decl->name.span,
             format("axis `{}` has fewer indices ({}) than there are tp ranks, and does not lead its dimension in `{}`",
                    name, axis.size, address_->text.s))
      .related.push_back({span(), "here"});
  return false;
}

void EndAddress::read_holes(const RuleFile& file) {
  std::optional<int64_t> tuples = 1;
  for (const std::string& name : captured_) {
    AxisPlan* axis = axes_.find(name);
    if (!axis) {
      ok_ = false;
      return;
    }
    captured_axes_.push_back(axis);
    tuples = tuples ? checked_mul(*tuples, axis->size) : std::nullopt;
  }
  if (!tuples) {
    diagnostics_.error("B03", span(), format("the holes of this name make more than {} names", most_names));
    ok_ = false;
  }
  for (const Expr& expr : address_->holes) {
    Hole hole{&expr};
    for (const NameUse& use : names_of(expr)) {
      if (!file.axis(use.root)) continue;
      AxisPlan* axis = axes_.find(use.root);
      if (!axis)
        ok_ = false;
      else if (expr.root().op == ExprOp::name)
        hole.captured = static_cast<int>(std::ranges::find(captured_, use.root) - captured_.begin());
      else if (axis->split >= 0) {
        diagnostics_.error("B01", expr.span(),
                           format("axis `{}` is split here, so it must stand alone in its hole", use.root),
                           "a place numbers what it holds from 0; an expression over that has no meaning");
        ok_ = false;
      }
      if (axis && axis->cut) {
        diagnostics_.error("B01", expr.span(),
                           format("axis `{}` has fewer indices than there are ranks to split it", use.root));
        ok_ = false;
      }
    }
    holes_.push_back(hole);
  }
}

const LocalTensor* EndAddress::local(const Ranks& ranks) {
  Ranks key = any_ranks;
  for (size_t i = 0; i < key.size(); ++i)
    if (splits_[i]) key[i] = ranks[i];
  auto known = locals_.find(key);
  if (known == locals_.end()) {
    LocalTensor tensor;
    const bool placed = place_parts(key, tensor);
    known = locals_.emplace(key, placed ? std::optional(std::move(tensor)) : std::nullopt).first;
  }
  return known->second ? &*known->second : nullptr;
}

bool EndAddress::place_parts(const Ranks& ranks, LocalTensor& tensor) {
  Extents shape;
  try {
    Placed placed = place(address_->layout, parts_, whole_,
                          [&](const std::string& axis) { return axes_.find(axis)->at(ranks).width; });
    shape = std::move(placed.shape);
    tensor.parts = std::move(placed.parts);
  } catch (const std::overflow_error&) {
    diagnostics_.error("B03", span(), format("`{}` would have more than 2^62 elements", address_->text.s));
    return false;
  }
  if (cut_axis_ && is_tensor()) {
    int64_t& extent = shape[*cut_dimension_];
    const int32_t count = axes_.tp_ranks();
    if (extent % count != 0) {
      diagnostics_.error(
          "B01", cut_axis_->decl->name.span,
          format("{} rows of `{}` cannot be cut evenly for {} tp ranks", extent, address_->text.s, count));
      return false;
    }
    extent /= count;
    tensor.cut = {*cut_dimension_, ranks[tp_rank] * extent, (ranks[tp_rank] + 1) * extent};
  }
  tensor.strides = row_major(shape);
  tensor.shape = std::move(shape);
  return true;
}

Ranks EndAddress::ranks_for(const std::vector<int64_t>& captured) {
  Ranks ranks = any_ranks;
  for (size_t i = 0; i < captured.size(); ++i) {
    AxisPlan& axis = *captured_axes_[i];
    if (axis.split < 0) continue;
    int32_t& rank = ranks[static_cast<size_t>(axis.split)];
    const int32_t seat = axes_.seat(axis, captured[i]).rank;
    rank = rank == any_rank || rank == seat ? seat : no_rank;
  }
  return ranks;
}

std::string EndAddress::sizes() const {
  std::vector<std::string> texts;
  for (const AxisPlan* axis : captured_axes_) texts.push_back(format("{} = {}", to_text(axis->decl->size), axis->size));
  return join(texts, ", ");
}

int64_t EndAddress::tuple_number(const std::vector<int64_t>& captured) const {
  int64_t number = 0;
  for (size_t i = 0; i < captured.size(); ++i) number = number * captured_axes_[i]->size + captured[i];
  return number;
}

std::vector<int64_t> EndAddress::tuple(int64_t number) const {
  std::vector<int64_t> indices(captured_.size());
  for (size_t i = indices.size(); i-- > 0;) {
    indices[i] = number % captured_axes_[i]->size;
    number /= captured_axes_[i]->size;
  }
  return indices;
}

std::optional<std::string> EndAddress::name(const std::vector<int64_t>& captured, EndScope& scope) {
  std::vector<int64_t> numbers;
  for (const Hole& hole : holes_) {
    if (hole.captured >= 0) {
      const auto i = static_cast<size_t>(hole.captured);
      AxisPlan& axis = *captured_axes_[i];
      numbers.push_back(axis.split >= 0 ? axes_.seat(axis, captured[i]).slot : captured[i]);
      continue;
    }
    for (size_t i = 0; i < captured.size(); ++i) scope.set(captured_[i], captured[i]);
    EvalFault fault;
    const auto number = evaluate_int(*hole.expr, scope.scope(), &fault);
    for (const std::string& axis : captured_) scope.unset(axis);
    if (!number || *number < 0) {
      diagnostics_.error("B03", number ? hole.expr->span() : fault.span,
                         number ? format("a name cannot hold {}", *number) : fault.message);
      return std::nullopt;
    }
    numbers.push_back(*number);
  }
  return render(address_->name, numbers);
}

}  // namespace tessera
