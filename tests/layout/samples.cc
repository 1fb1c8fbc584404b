#include "samples.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "base/text.h"

namespace tessera::samples {
namespace {

const std::map<std::string, std::vector<std::string>> bare_axes = {
    {"q", {"r"}}, {"k", {}}, {"v", {"s", "t"}}, {"w", {}}};

// Sums over some of the axes a..d, written X and Y. In pairs of a block diagonal, the second stands in another place.
const std::vector<std::string> sum_forms = {
    "q+k",       "q:X+k",     "q:X+k:1",       "q:(X Y)+k:X", "v+q+k",           "q+v",   "q:X",
    "(X q+k)+v", "v+(q+k X)", "(q+k:X Y)+v:X", "k+(X q:Y)",   "(X (q+k Y)+w)+v", "q+X:1", "w:X+q+(k:1+v X)"};
const std::vector<std::pair<std::string, std::string>> diagonal_forms = {
    {"q+k", "q:X+k:Y"}, {"q:X+k:Y", "k+q"}, {"v+q+k", "v:X+q:X+k:1"}, {"(X q+k)+v", "q:Y+k:Y+v:X"}};

std::string replaced(std::string text, char what, char by) {
  std::replace(text.begin(), text.end(), what, by);
  return text;
}

// Every way to choose X and Y among the axes that are free.
std::vector<std::string> choices(const std::string& form, const std::string& free) {
  std::vector<std::string> texts;
  for (char x : form.find('X') == std::string::npos ? "-" : free)
    for (char y : form.find('Y') == std::string::npos ? "-" : free)
      if (x != y || x == '-') texts.push_back(replaced(replaced(form, 'X', x), 'Y', y));
  return texts;
}

std::string without(std::string axes, const std::string& text) {
  std::erase_if(axes, [&](char axis) { return text.find(axis) != std::string::npos; });
  return axes;
}

// Orders of `items` and further axes, up to `most` items in all.
void orders(std::vector<std::string> done, const std::vector<std::string>& items, const std::string& axes, size_t most,
            std::vector<std::vector<std::string>>& out) {
  if (items.empty()) out.push_back(done);
  if (done.size() == most) return;
  for (size_t i = 0; i < items.size(); ++i) {
    std::vector<std::string> rest = items, next = done;
    next.push_back(items[i]);
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(i));
    orders(next, rest, axes, most, out);
  }
  for (char axis : axes) {
    std::vector<std::string> next = done;
    next.push_back(std::string(1, axis));
    orders(next, items, without(axes, next.back()), most, out);
  }
}

// Every grouping of a row of items into dimensions.
void groupings(const std::vector<std::string>& items, std::vector<std::string>& out) {
  for (unsigned cuts = 0; cuts < 1u << (items.size() - 1); ++cuts) {
    std::string text;
    for (size_t first = 0, last; first < items.size(); first = last) {
      for (last = first + 1; last < items.size() && !(cuts >> (last - 1) & 1); ++last) {
      }
      std::string group =
          join({items.begin() + static_cast<ptrdiff_t>(first), items.begin() + static_cast<ptrdiff_t>(last)}, " ");
      if (first > 0) text += ' ';
      text += last - first > 1 ? format("({})", group) : group;
    }
    out.push_back(text);
  }
}

std::vector<Sample> samples_of(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::string> texts;
  for (const auto& row : rows)
    if (!row.empty()) groupings(row, texts);
  std::vector<Sample> samples;
  for (const std::string& text : texts) samples.push_back(sample(text));
  return samples;
}

bool leads_to(const Term& term, const std::string& part) {
  if (term.kind != Term::Kind::group) return term.part.text == part;
  for (const Factor& factor : term.factors)
    for (const Term& inner : factor.terms)
      if (leads_to(inner, part)) return true;
  return false;
}

// Axes that a layout places for a part, wherever it stands.
void placed_axes(const std::vector<Factor>& factors, const std::string& part, std::set<std::string>& axes) {
  for (const Factor& factor : factors) {
    if (factor.kind == Factor::Kind::axis) axes.insert(factor.axis.text);
    for (const Term& term : factor.terms)
      if (leads_to(term, part)) {
        for (const Word& axis : term.axes) axes.insert(axis.text);
        placed_axes(term.factors, part, axes);
      }
  }
}

using Coordinates = std::vector<Coordinate>;

Coordinate merged(Coordinate a, const Coordinate& b) {
  for (size_t i = 0; i < axis_count; ++i) a.index[i] = std::max(a.index[i], b.index[i]);
  a.parts |= b.parts;
  return a;
}
Coordinate nowhere() {
  Coordinate c;
  c.index.fill(-1);
  return c;
}
Coordinates crossed(const Coordinates& outer, const Coordinates& inner) {
  Coordinates all;
  for (const Coordinate& o : outer)
    for (const Coordinate& i : inner) all.push_back(merged(o, i));
  return all;
}

struct Writer {
  const Sample& sample;
  const Sizes& sizes;

  Coordinates axis(const std::string& name) const {
    Coordinates all;
    for (int64_t i = 0; i < sizes[axis_id(name)]; ++i) {
      all.push_back(nowhere());
      all.back().index[axis_id(name)] = i;
    }
    return all;
  }
  Coordinates term(const Term& term) const {
    if (term.kind == Term::Kind::group) return product(term.factors);
    Coordinates all = {nowhere()};
    all[0].parts = part_bit(term.part.text);
    if (term.kind == Term::Kind::bare) {
      std::set<std::string> placed;
      for (const Dimension& d : sample.layout.dimensions) placed_axes(d.factors, term.part.text, placed);
      for (const std::string& name : sample.parts.at(term.part.text).axes)
        if (!placed.count(name)) all = crossed(all, axis(name));
    }
    for (const Word& word : term.axes) all = crossed(all, axis(word.text));
    return all;
  }
  Coordinates factor(const Factor& factor) const {
    if (factor.kind == Factor::Kind::one) return {nowhere()};
    if (factor.kind == Factor::Kind::axis) return axis(factor.axis.text);
    Coordinates all;
    for (const Term& t : factor.terms) {
      Coordinates next = term(t);
      all.insert(all.end(), next.begin(), next.end());
    }
    return all;
  }
  Coordinates product(const std::vector<Factor>& factors) const {
    Coordinates all = {nowhere()};
    for (const Factor& f : factors) all = crossed(all, factor(f));
    return all;
  }
};

}  // namespace

size_t axis_id(const std::string& name) {
  return static_cast<size_t>(std::find(axis_names.begin(), axis_names.end(), name) - axis_names.begin());
}

unsigned part_bit(const std::string& part) {
  static const std::string names = "qkvwabcd";
  return part.empty() ? 0 : 1u << names.find(part);
}

Sample sample(const std::string& text) {
  auto parsed = parse_layout(text, 0, text.size());
  INFO(text);
  REQUIRE(std::holds_alternative<Layout>(parsed));
  Sample sample{text, std::get<Layout>(parsed), {}};
  if (!has_parts(sample.layout)) {
    for (const Word& axis : axes_of(sample.layout)) sample.parts[""].axes.push_back(axis.text);
    return sample;
  }
  for (const Word& part : parts_of(sample.layout)) {
    std::set<std::string> axes;
    for (const Dimension& d : sample.layout.dimensions) placed_axes(d.factors, part.text, axes);
    PartAxes& own = sample.parts[part.text];
    own.axes.assign(axes.begin(), axes.end());
    auto bare = bare_axes.find(part.text);
    bool stands_bare = false;
    for (const Occurrence& o : occurrences(sample.layout, part.text)) stands_bare |= o.bare;
    if (bare != bare_axes.end() && stands_bare)
      own.axes.insert(own.axes.end(), bare->second.begin(), bare->second.end());
  }
  return sample;
}

std::vector<Sample> plain_samples() {
  std::vector<std::vector<std::string>> rows;
  orders({}, {}, "abcd", 4, rows);
  return samples_of(rows);
}

std::vector<Sample> sum_samples() {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& form : sum_forms)
    for (const std::string& text : choices(form, "abcd")) orders({}, {text}, without("abcd", text), 3, rows);
  for (const auto& [one, two] : diagonal_forms)
    for (const std::string& text : choices(format("{}|{}", one, two), "abcd")) {
      size_t bar = text.find('|');
      orders({}, {text.substr(0, bar), text.substr(bar + 1)}, without("abc", text), 3, rows);
    }
  return samples_of(rows);
}

std::vector<Sample> all_samples() {
  std::vector<Sample> all = plain_samples(), sums = sum_samples();
  std::move(sums.begin(), sums.end(), std::back_inserter(all));
  return all;
}

std::vector<Sizes> all_sizes() {
  std::vector<Sizes> all;
  each_index({3, 3, 3, 3}, [&](const std::vector<int64_t>& i) {
    all.push_back({i[0] + 1, i[1] + 1, i[2] + 1, i[3] + 1, 2, 3, 2});
  });
  return all;
}

std::vector<Sizes> few_sizes() { return {{2, 3, 2, 3, 2, 2, 3}, {3, 1, 2, 2, 3, 1, 2}, {1, 2, 3, 1, 1, 3, 2}}; }

std::vector<std::vector<Coordinate>> written_out(const Sample& sample, const Sizes& sizes) {
  std::vector<Coordinates> all;
  for (const Dimension& dimension : sample.layout.dimensions)
    all.push_back(Writer{sample, sizes}.product(dimension.factors));
  return all;
}

Width width_of(const Sizes& sizes) {
  return [sizes](const std::string& axis) { return sizes[axis_id(axis)]; };
}

std::vector<Image> images(const Sample& sample, const Sizes& sizes) {
  Placed placed = place(sample.layout, sample.parts, "", width_of(sizes));
  std::vector<int64_t> strides = row_major(placed.shape);
  std::vector<Image> all;
  for (const auto& [name, part] : placed.parts) {
    Image image;
    for (size_t k = 0; k < strides.size(); ++k) image.at.offset += part.offset[k] * strides[k];
    std::map<std::string, int64_t> steps;
    for (const auto* list : {&part.steps, &part.others})
      for (const Step& step : *list) steps[step.axis] += step.step * strides[step.dimension];
    for (const auto& [axis, stride] : steps) {
      image.shape.push_back(sizes[axis_id(axis)]);
      image.at.strides.push_back(stride);
    }
    all.push_back(image);
  }
  return all;
}

int64_t affine(const Strided& at, const std::vector<int64_t>& index) {
  return std::inner_product(index.begin(), index.end(), at.strides.begin(), at.offset);
}

void each_index(const Extents& shape, const std::function<void(const std::vector<int64_t>&)>& visit) {
  if (volume(shape) == 0) return;
  std::vector<int64_t> index(shape.size(), 0);
  for (size_t k = 0;;) {
    visit(index);
    for (k = shape.size(); k > 0 && ++index[k - 1] == shape[k - 1]; --k) index[k - 1] = 0;
    if (k == 0) return;
  }
}

std::vector<int64_t> numbers(const Image& image) {
  std::vector<int64_t> all;
  each_index(image.shape, [&](const std::vector<int64_t>& index) { all.push_back(affine(image.at, index)); });
  return all;
}

}  // namespace tessera::samples
