// The residual rule and the inverse proof: each axis of each part once on each side.
#include "rules/parts.h"

#include <algorithm>

#include "base/text.h"
#include "rules/linear.h"

namespace tessera {
namespace {

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class Orders {
 public:
  Orders(const RuleFile& file, const std::vector<SideChoice>& sides, const std::vector<Range>& loops,
         Diagnostics& diagnostics)
      : sides_(sides), loops_(loops), diagnostics_(diagnostics) {
    for (const SideChoice& side : sides) views_.push_back(part_views(*side.alternative, file, diagnostics));
  }

  std::vector<PartOrder> run() {
    std::vector<PartOrder> orders;
    for (const std::string& part : names())
      if (const auto sides = sides_of(part)) {
        if (const auto order = order_of(part, *sides)) orders.push_back(*order);
      }
    return orders;
  }

 private:
  using Row = std::vector<const PartView*>;  // one part, by side

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& views : views_)
      for (const PartView& view : views)
        if (!contains(names, view.part)) names.push_back(view.part);
    return names;
  }

  std::optional<Row> sides_of(const std::string& part) {
    Row row;
    for (const auto& views : views_) {
      const auto same = [&](const PartView& view) { return view.part == part; };
      const auto there = std::find_if(views.begin(), views.end(), same);
      row.push_back(there == views.end() ? nullptr : &*there);
    }
    const auto missing = std::find(row.begin(), row.end(), nullptr);
    if (missing == row.end()) return row;
    const PartView& first = **std::find_if(row.begin(), row.end(), [](const PartView* view) { return view; });
    const std::string side = sides_[static_cast<size_t>(missing - row.begin())].side;
    diagnostics_.error("R03", first.span,
                       part.empty() ? format("this has no counterpart on the {} side", side)
                                    : format("part `{}` has no address on the {} side", part, side),
                       part.empty()
                           ? "a layout without pieces is one part, known by its key; pieces are known by their words"
                           : "a part must have one address on each side, or it cannot be undone");
    return std::nullopt;
  }

  std::optional<PartOrder> order_of(const std::string& part, const Row& row) {
    const auto spelled = std::find_if(row.begin(), row.end(), [](const PartView* view) { return !view->bare; });
    if (spelled == row.end()) {
      diagnostics_.error("R03", *row[0]->bare,
                         format("part `{}` stands bare on every side: its axes are not known", part),
                         format("spell it on one side: `{}:(axes)`, or `{}:1` if it has none", part, part));
      return std::nullopt;
    }
    PartOrder order{part, {}, (*spelled)->span};
    for (const std::string& axis : own_axes(row))
      if (is_everywhere(axis, row)) order.axes.push_back(axis);
    order.axes = in_order(**spelled, order.axes);
    for (const PartView* view : row)
      if (view->bare) check_residual(*view, row, order.axes);
    return order;
  }

  // A starred axis is the part's own only if it stands without a star somewhere.
  static std::vector<std::string> own_axes(const Row& row) {
    std::vector<std::string> axes;
    for (const PartView* view : row)
      for (const Laid& laid : view->laid)
        if (!laid.starred && !contains(axes, laid.axis)) axes.push_back(laid.axis);
    return axes;
  }

  bool is_loop(const std::string& axis) const {
    return std::any_of(loops_.begin(), loops_.end(), [&](const Range& range) { return range.axis.s == axis; });
  }

  // A loop axis may be missing where there is no tensor; where a tensor lacks it, it is not the part's.
  bool is_everywhere(const std::string& axis, const Row& row) {
    const PartView* lacking = nullptr;
    for (const PartView* view : row) {
      if (view->find(axis) || view->bare) continue;
      if (is_loop(axis) && view->address->kind != Address::Kind::tensor) continue;
      lacking = lacking ? lacking : view;
    }
    if (!lacking) return true;
    if (!is_loop(axis)) one_side_only(axis, *lacking, row);
    return false;
  }

  void one_side_only(const std::string& axis, const PartView& lacking, const Row& row) {
    const auto has = [&](const PartView* view) { return view->find(axis) != nullptr; };
    const auto first = std::find_if(row.begin(), row.end(), has);
    const auto side = [&](const PartView* view) {
      return sides_[static_cast<size_t>(std::find(row.begin(), row.end(), view) - row.begin())].side;
    };
    const std::string what = format("axis `{}`{}", axis, part_text(lacking.part));
    const std::string where = row.size() == 2 ? format("is on the {} side only", side(*first))
                                              : format("is missing on the {} side", side(&lacking));
    Diagnostic& error = diagnostics_.error("R03", (*first)->find(axis)->span, what + " " + where,
                                           "a rule must name every axis once on each side, or it cannot be undone");
    error.related.push_back({layout_span(*lacking.address), "not here"});
  }

  static std::vector<std::string> in_order(const PartView& view, const std::vector<std::string>& axes) {
    std::vector<std::string> ordered;
    for (const Laid& laid : view.laid)
      if (contains(axes, laid.axis) && !contains(ordered, laid.axis)) ordered.push_back(laid.axis);
    for (const std::string& axis : axes)
      if (!contains(ordered, axis)) ordered.push_back(axis);
    return ordered;
  }

  void check_residual(const PartView& bare, const Row& row, const std::vector<std::string>& axes) {
    std::vector<std::string> residual;
    for (const std::string& axis : axes)
      if (!bare.find(axis)) residual.push_back(axis);
    for (const PartView* view : row) {
      if (view->bare || in_order(*view, residual) == residual) continue;
      Diagnostic& error = diagnostics_.error(
          "R03", *bare.bare,
          format("part `{}` is spelled in two orders elsewhere: its axes must be spelled here too", bare.part),
          format("write `{}:({})`, or the order that this side has", bare.part, join(residual, " ")));
      error.related.push_back({view->span, format("here in the order {}", join(in_order(*view, residual), " "))});
      return;
    }
  }

  const std::vector<SideChoice>& sides_;
  const std::vector<Range>& loops_;
  Diagnostics& diagnostics_;
  std::vector<std::vector<PartView>> views_;
};

}  // namespace

std::optional<std::vector<PartOrder>> part_orders(const RuleFile& file, const std::vector<SideChoice>& sides,
                                                  const std::vector<Range>& loops, Diagnostics& diagnostics) {
  const size_t errors = diagnostics.error_count();
  std::vector<PartOrder> orders = Orders(file, sides, loops, diagnostics).run();
  return diagnostics.error_count() == errors ? std::optional(std::move(orders)) : std::nullopt;
}

std::optional<std::vector<PartOrder>> part_orders(const RuleFile& file, const std::vector<const Alternative*>& chosen,
                                                  const std::vector<Range>& loops, Diagnostics& diagnostics) {
  std::vector<SideChoice> sides;
  for (size_t side = 0; side < chosen.size(); ++side) sides.push_back({file.sides[side].s, chosen[side]});
  return part_orders(file, sides, loops, diagnostics);
}

bool has_one_element(const Range& range) {
  const auto lo = linear_form(range.lo), hi = linear_form(range.hi);
  const auto length = lo && hi ? add(*hi, *lo, -1) : std::nullopt;
  return length && *length == constant(1);
}

std::string rest_of_name(const std::string& name) { return name.substr(name.find('.') + 1); }

}  // namespace tessera
