// A layout in one place: docs/language.md, "What a layout means". Each part is walked to once; what it lays bare is
// settled first, since widths of sums need it.
#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>

#include "base/checked.h"
#include "layout/layout.h"

namespace tessera {
namespace {

constexpr int64_t most_elements = int64_t{1} << 62;

int64_t bounded(std::optional<int64_t> number) {
  if (!number || *number > most_elements) throw std::overflow_error("a layout of more than 2^62 elements");
  return *number;
}
int64_t times(int64_t a, int64_t b) { return bounded(checked_mul(a, b)); }
int64_t plus(int64_t a, int64_t b) { return bounded(checked_add(a, b)); }

// The residual rule: the part's axes that no occurrence of it has placed, in its order.
std::vector<Word> residual_axes(const Layout& layout, const std::string& part, const PartAxes& of) {
  std::set<std::string> placed(of.captured.begin(), of.captured.end());
  for (const Occurrence& occurrence : occurrences(layout, part)) {
    for (const Word& axis : occurrence.on_the_way) placed.insert(axis.text);
    for (const Word& axis : occurrence.axes) placed.insert(axis.text);
  }
  std::vector<Word> residual;
  for (const std::string& axis : of.axes)
    if (!placed.count(axis)) residual.push_back({axis});
  return residual;
}

class Placer {
 public:
  Placer(const Layout& layout, const std::map<std::string, PartAxes>& parts, const Width& width)
      : layout_(layout), part_axes_(parts), width_of_axis_(width) {
    for (const Word& part : parts_of(layout))
      if (!residual_.count(part.text)) residual_[part.text] = residual_axes(layout, part.text, parts.at(part.text));
  }

  std::vector<int64_t> shape() {
    std::vector<int64_t> shape;
    for (const Dimension& dimension : layout_.dimensions) shape.push_back(width(dimension.factors));
    bounded(checked_product<int64_t>(shape));
    return shape;
  }
  std::vector<std::string> parts() const {
    std::vector<std::string> names;
    for (const auto& [name, axes] : residual_) names.push_back(name);
    return names;
  }
  PartPlace place(const std::string& part);

 private:
  // Axes that a bare or spelled part lays where it stands.
  const std::vector<Word>& laid(const Term& term) const {
    return term.kind == Term::Kind::bare ? residual_.at(term.part.text) : term.axes;  // none in a group
  }
  int64_t width(const std::string& axis);
  int64_t width(const Term& term);
  int64_t width(const Factor& factor);
  int64_t width(const std::vector<Factor>& factors);
  bool holds_part(const Term& term) const;
  void walk(const std::vector<Factor>& factors, int64_t inner);
  void walk_sum(const std::vector<Term>& terms, int64_t inner);
  void walk_term(const Term& term, int64_t inner);
  void note(const std::string& axis, int64_t step) { steps_.push_back({axis, dimension_, step}); }
  void sort_steps(const PartAxes& of, PartPlace& place);

  const Layout& layout_;
  const std::map<std::string, PartAxes>& part_axes_;
  const Width& width_of_axis_;
  std::map<std::string, std::vector<Word>> residual_;
  std::map<std::string, int64_t> axis_widths_;
  std::map<const Term*, int64_t> term_widths_;

  std::string part_;  // the one being placed
  uint32_t dimension_ = 0;
  int64_t offset_ = 0;
  std::vector<Step> steps_;
};

int64_t Placer::width(const std::string& axis) {
  auto known = axis_widths_.find(axis);
  if (known == axis_widths_.end()) known = axis_widths_.emplace(axis, width_of_axis_(axis)).first;
  return known->second;
}

int64_t Placer::width(const Term& term) {
  auto known = term_widths_.find(&term);
  if (known != term_widths_.end()) return known->second;
  int64_t product = width(term.factors);  // 1 if it is no group
  for (const Word& axis : laid(term)) product = times(product, width(axis.text));
  return term_widths_[&term] = product;
}

int64_t Placer::width(const Factor& factor) {
  if (factor.kind == Factor::Kind::axis) return width(factor.axis.text);
  if (factor.kind == Factor::Kind::one) return 1;
  int64_t sum = 0;
  for (const Term& term : factor.terms) sum = plus(sum, width(term));
  return sum;
}

int64_t Placer::width(const std::vector<Factor>& factors) {
  int64_t product = 1;
  for (const Factor& factor : factors) product = times(product, width(factor));
  return product;
}

bool Placer::holds_part(const Term& term) const {
  if (term.kind != Term::Kind::group) return term.part.text == part_;
  for (const Factor& factor : term.factors)
    if (std::any_of(factor.terms.begin(), factor.terms.end(), [&](const Term& t) { return holds_part(t); }))
      return true;
  return false;
}

PartPlace Placer::place(const std::string& part) {
  PartPlace place;
  part_ = part;
  steps_.clear();
  for (dimension_ = 0; dimension_ < layout_.dimensions.size(); ++dimension_) {
    offset_ = 0;
    walk(layout_.dimensions[dimension_].factors, 1);
    place.offset.push_back(offset_);
  }
  sort_steps(part_axes_.at(part), place);
  return place;
}

// One product, from its right end; `inner` is what stands to the right of it.
void Placer::walk(const std::vector<Factor>& factors, int64_t inner) {
  for (auto factor = factors.rbegin(); factor != factors.rend(); ++factor) {
    if (factor->kind == Factor::Kind::axis) note(factor->axis.text, inner);
    if (factor->kind == Factor::Kind::sum) walk_sum(factor->terms, inner);
    inner = times(inner, width(*factor));
  }
}

void Placer::walk_sum(const std::vector<Term>& terms, int64_t inner) {
  int64_t before = 0;
  for (const Term& term : terms) {
    if (holds_part(term)) {
      offset_ = plus(offset_, times(before, inner));
      walk_term(term, inner);
    }
    before = plus(before, width(term));
  }
}

void Placer::walk_term(const Term& term, int64_t inner) {
  if (term.kind == Term::Kind::group) return walk(term.factors, inner);
  const std::vector<Word>& axes = laid(term);
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    note(axis->text, inner);
    inner = times(inner, width(axis->text));
  }
}

void Placer::sort_steps(const PartAxes& of, PartPlace& place) {
  auto rank = [&](const Step& step) { return std::find(of.axes.begin(), of.axes.end(), step.axis) - of.axes.begin(); };
  std::stable_sort(steps_.begin(), steps_.end(), [&](const Step& a, const Step& b) { return rank(a) < rank(b); });
  for (Step& step : steps_) {
    bool own = rank(step) < static_cast<ptrdiff_t>(of.axes.size());
    (own ? place.steps : place.others).push_back(std::move(step));
  }
}

}  // namespace

Placed place(const Layout& layout, const std::map<std::string, PartAxes>& parts, const std::string& whole,
             const Width& width) {
  Placer placer(layout, parts, width);
  Placed placed{placer.shape(), {}};
  if (!has_parts(layout)) placed.parts[whole] = placer.place(whole);
  for (const std::string& part : placer.parts()) placed.parts[part] = placer.place(part);
  return placed;
}

std::vector<int64_t> row_major(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t k = shape.size(); k-- > 1;) strides[k - 1] = times(strides[k], shape[k]);
  return strides;
}

std::vector<int64_t> coordinates_of(int64_t element, const std::vector<int64_t>& shape) {
  std::vector<int64_t> at(shape.size());
  for (size_t k = shape.size(); k-- > 0;) {
    at[k] = element % shape[k];
    element /= shape[k];
  }
  return at;
}

}  // namespace tessera
