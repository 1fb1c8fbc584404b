// Bounds are linear forms without axes, so that they are the same numbers at every site.
#include "rules/bounds.h"

#include <algorithm>

namespace tessera {
namespace {

void append(const std::optional<Linear>& form, std::vector<Linear>& forms) {
  if (form) forms.push_back(*form);
}

std::vector<Linear> add_to_all(const std::vector<Linear>& forms, int64_t more) {
  std::vector<Linear> sums;
  for (const Linear& form : forms) append(add(form, constant(more), 1), sums);
  return sums;
}

bool hides_axis(const RuleFile& file, const Linear& form) {
  return std::any_of(form.inside.begin(), form.inside.end(), [&](const std::string& name) { return file.axis(name); });
}

bool is_number(const RuleFile& file, const Linear& form) {
  const auto is_axis = [&](const auto& term) { return file.axis(term.first) != nullptr; };
  return !hides_axis(file, form) && std::none_of(form.terms.begin(), form.terms.end(), is_axis);
}

std::optional<Linear> number(const RuleFile& file, const Expr& expr) {
  const auto form = linear_form(expr);
  return form && is_number(file, *form) ? form : std::nullopt;
}

// `step * axis + rest`: what a hole holds.
struct Stepped {
  std::string axis;  // empty: none
  int64_t step = 0;
  Linear rest;
};

std::optional<Stepped> take_apart(const RuleFile& file, const Expr& hole) {
  const auto form = linear_form(hole);
  if (!form || hides_axis(file, *form)) return std::nullopt;
  Stepped stepped{"", 0, *form};
  for (const auto& [name, coefficient] : form->terms) {
    if (!file.axis(name)) continue;
    if (!stepped.axis.empty() || coefficient < 0) return std::nullopt;
    stepped.axis = name;
    stepped.step = coefficient;
    stepped.rest.terms.erase(name);
  }
  return stepped;
}

bool is_below(const std::vector<Linear>& hi, const std::vector<Linear>& lo, const std::vector<Linear>& facts,
              size_t* work) {
  for (const Linear& top : hi)
    for (const Linear& bottom : lo) {
      const auto gap = add(bottom, top, -1);
      if (gap && proves_nonnegative(*gap, facts, work)) return true;
    }
  return false;
}

}  // namespace

Bounds axis_bounds(const RuleFile& file, const std::string& axis, const std::vector<Range>& loops) {
  Bounds bounds{{constant(0)}, {}};
  append(number(file, file.axis(axis)->size), bounds.hi);
  for (const Range& range : loops) {
    if (range.axis.s != axis) continue;
    append(number(file, range.lo), bounds.lo);
    append(number(file, range.hi), bounds.hi);
  }
  return bounds;
}

Bounds hole_bounds(const RuleFile& file, const Expr& hole, const std::vector<Range>& loops, SideId side, bool slots) {
  const auto stepped = take_apart(file, hole);
  if (!stepped) return {};
  if (stepped->axis.empty()) return {{stepped->rest}, add_to_all({stepped->rest}, 1)};
  Bounds of_axis = axis_bounds(file, stepped->axis, loops), bounds;
  if (slots && is_split(file, stepped->axis, side)) of_axis.lo = {constant(0)};
  for (const Linear& lo : of_axis.lo) append(add(stepped->rest, lo, stepped->step), bounds.lo);
  for (const Linear& hi : of_axis.hi) append(add(stepped->rest, hi, stepped->step), bounds.hi);
  bounds.hi = add_to_all(bounds.hi, 1 - stepped->step);  // the last index is one less than hi
  return bounds;
}

Bounds number_bounds(int64_t number) { return {{constant(number)}, add_to_all({constant(number)}, 1)}; }

bool are_apart(const Bounds& x, const Bounds& y, const std::vector<Linear>& facts, size_t* work) {
  return is_below(x.hi, y.lo, facts, work) || is_below(y.hi, x.lo, facts, work);
}

bool is_split(const RuleFile& file, const std::string& axis, SideId side) {
  const AxisDecl* decl = file.axis(axis);
  return decl && decl->split[side].has_value();
}

}  // namespace tessera
