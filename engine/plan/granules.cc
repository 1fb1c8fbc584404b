// A box is a product of axes, and each of its axes runs along one dimension of either weight. So the dimensions fall
// into components that do not know of each other: mostly rows to rows and columns to columns. In each component all
// indices are gone through (their number is that of rows, or of columns), and what they say of granules is put into few
// boxes again.
#include "plan/granules.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "layout/layout.h"

namespace tessera {
namespace {

constexpr int64_t most_indices = 1 << 24;  // of one component
constexpr size_t most_boxes = 1 << 16;

// One dimension of a weight as a field sees it.
struct DimensionView {
  int64_t granule = 1;
  int64_t stride = 0;  // of the field's numbers, from granule to granule
  bool packed = false;
};

std::vector<DimensionView> views_of(const FieldSpec& field, const Extents& weight, const Extents& stored) {
  std::vector<DimensionView> views(weight.size());
  const std::vector<int64_t> strides = row_major(stored);
  const size_t out = weight.size() - 2, in = out + 1;
  for (size_t k = 0; k < out; ++k) views[k].stride = strides[k];
  views[out] = {field.out, strides[field.transposed ? in : out], field.packed_out};
  views[in] = {field.in, strides[field.transposed ? out : in], field.packed_in};
  return views;
}

// Where an axis of a box runs in one weight.
struct Run {
  size_t dimension = 0;
  int64_t step = 0;  // 0: nowhere
};

Run run_of(int64_t stride, const Extents& shape, const std::vector<int64_t>& strides) {
  for (size_t k = 0; k < shape.size() && stride > 0; ++k)
    if (shape[k] > 1 && stride >= strides[k]) return {k, stride / strides[k]};
  return {};
}

// One end of a box in coordinates.
struct EndView {
  Extents shape;
  std::vector<DimensionView> dimensions;
  std::vector<int64_t> first;  // coordinates of the box's offset
  std::vector<Run> runs;       // by axis of the box
};

EndView end_view(const FieldSpec& field, const Extents& shape, const Extents& extents, const Strided& at) {
  EndView view{shape, views_of(field, shape, *field_shape(field, shape)), {}, {}};
  const std::vector<int64_t> strides = row_major(shape);
  for (size_t k = 0; k < shape.size(); ++k) view.first.push_back(at.offset / strides[k] % shape[k]);
  for (size_t a = 0; a < extents.size(); ++a)
    view.runs.push_back(extents[a] > 1 ? run_of(at.strides[a], shape, strides) : Run{});
  return view;
}

// Dimensions of both ends (those of `to` behind those of `from`) that common axes tie together, and these axes.
struct Component {
  std::vector<size_t> axes, from, to;
};

std::vector<Component> components(const Box& box, const EndView& from, const EndView& to) {
  std::vector<size_t> root(from.shape.size() + to.shape.size());
  std::iota(root.begin(), root.end(), size_t{0});
  const auto find = [&](size_t x) {
    while (root[x] != x) x = root[x];
    return x;
  };
  const auto join = [&](size_t a, size_t b) { root[find(b)] = find(a); };
  const size_t shift = from.shape.size();
  for (size_t a = 0; a < box.shape.size(); ++a)
    if (from.runs[a].step > 0 && to.runs[a].step > 0) join(from.runs[a].dimension, shift + to.runs[a].dimension);
  std::vector<Component> parts(root.size());
  for (size_t k = 0; k < from.shape.size(); ++k) parts[find(k)].from.push_back(k);
  for (size_t k = 0; k < to.shape.size(); ++k) parts[find(shift + k)].to.push_back(k);
  for (size_t a = 0; a < box.shape.size(); ++a) {
    if (to.runs[a].step > 0)
      parts[find(shift + to.runs[a].dimension)].axes.push_back(a);
    else if (from.runs[a].step > 0)
      parts[find(from.runs[a].dimension)].axes.push_back(a);
  }
  std::erase_if(parts, [](const Component& part) { return part.from.empty() && part.to.empty(); });
  return parts;
}

class Mapping {
 public:
  Mapping(const FieldSpec& field, const Box& box, const Extents& from, const Extents& to, std::string& why)
      : field_(field),
        box_(box),
        from_(end_view(field, from, box.shape, box.from)),
        to_(end_view(field, to, box.shape, box.to)),
        why_(why) {}

  std::optional<std::vector<Box>> run() {
    std::vector<Box> all = {{{}, {0, {}}, {0, {}}}};
    for (const Component& part : components(box_, from_, to_)) {
      const auto boxes = map(part);
      if (!boxes) return std::nullopt;
      if (all.size() * boxes->size() > most_boxes) return fail("its granules are too many pieces"), std::nullopt;
      std::vector<Box> product;
      for (const Box& a : all)
        for (const Box& b : *boxes) product.push_back(times(a, b));
      all = std::move(product);
    }
    if (field_.tail > 0)
      for (Box& box : all) box = times(box, {{field_.tail}, {0, {1}}, {0, {1}}});
    return all;
  }

 private:
  static Box times(Box a, const Box& b) {
    a.shape.insert(a.shape.end(), b.shape.begin(), b.shape.end());
    for (const auto& [to, from] : {std::pair{&a.from, &b.from}, std::pair{&a.to, &b.to}}) {
      to->offset += from->offset;
      to->strides.insert(to->strides.end(), from->strides.begin(), from->strides.end());
    }
    return a;
  }

  bool fail(std::string why) {
    why_ = std::move(why);
    return false;
  }

  static bool is_plain(const EndView& end, const std::vector<size_t>& dimensions) {
    return std::ranges::all_of(dimensions, [&](size_t k) { return end.dimensions[k].granule == 1; });
  }

  std::optional<std::vector<Box>> map(const Component& part) {
    if (is_plain(from_, part.from) && is_plain(to_, part.to)) return std::vector{plain(part)};
    return enumerated(part);
  }

  Box plain(const Component& part) const {
    Box box{{}, {0, {}}, {0, {}}};
    for (const size_t k : part.from) box.from.offset += from_.first[k] * from_.dimensions[k].stride;
    for (const size_t k : part.to) box.to.offset += to_.first[k] * to_.dimensions[k].stride;
    for (const size_t a : part.axes) {
      const Run &from = from_.runs[a], &to = to_.runs[a];
      box.shape.push_back(box_.shape[a]);
      box.from.strides.push_back(from.step > 0 ? from.step * from_.dimensions[from.dimension].stride : 0);
      box.to.strides.push_back(to.step > 0 ? to.step * to_.dimensions[to.dimension].stride : 0);
    }
    return box;
  }

  // The number of a granule, and the position in it along packed dimensions, of the coordinates that `index` gives.
  struct Granule {
    int64_t number = 0, position = 0;
  };
  Granule granule(const EndView& end, const std::vector<size_t>& dimensions, const Component& part,
                  const std::vector<int64_t>& index) const {
    Granule out;
    for (const size_t k : dimensions) {
      int64_t at = end.first[k];
      for (size_t i = 0; i < part.axes.size(); ++i) {
        const Run& run = end.runs[part.axes[i]];
        if (run.step > 0 && run.dimension == k) at += index[i] * run.step;
      }
      const DimensionView& view = end.dimensions[k];
      out.number += at / view.granule * view.stride;
      if (view.packed) out.position += at % view.granule;
    }
    return out;
  }

  std::optional<std::vector<Box>> enumerated(const Component& part) {
    Extents shape;
    for (const size_t a : part.axes) shape.push_back(box_.shape[a]);
    const int64_t count = volume(shape);
    if (count > most_indices) return fail("its layout ties rows and columns together"), std::nullopt;
    int64_t packed = 1;
    for (const size_t k : part.to)
      if (to_.dimensions[k].packed) packed *= to_.dimensions[k].granule;
    std::vector<std::pair<int64_t, int64_t>> pairs;
    std::vector<std::pair<int64_t, int64_t>> filled;  // granule and position
    std::vector<int64_t> index(shape.size(), 0);
    for (int64_t left = count; left > 0; --left) {
      const Granule to = granule(to_, part.to, part, index), from = granule(from_, part.from, part, index);
      if (to.position != from.position)
        return fail("elements would change places within a packed number"), std::nullopt;
      pairs.emplace_back(to.number, from.number);
      if (packed > 1) filled.emplace_back(to.number, to.position);
      for (size_t a = shape.size(); a-- > 0;) {
        if (++index[a] < shape[a]) break;
        index[a] = 0;
      }
    }
    if (packed > 1 && !whole(std::move(filled), packed))
      return fail("a packed number would be filled in part"), std::nullopt;
    std::ranges::sort(pairs);
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    if (std::ranges::adjacent_find(pairs, {}, &std::pair<int64_t, int64_t>::first) != pairs.end())
      return fail("a granule would need several of the source"), std::nullopt;
    return compress(std::move(pairs));
  }

  // Does each granule that is touched have all its positions?
  static bool whole(std::vector<std::pair<int64_t, int64_t>> filled, int64_t packed) {
    std::ranges::sort(filled);
    filled.erase(std::unique(filled.begin(), filled.end()), filled.end());
    size_t begin = 0;
    for (size_t i = 1; i <= filled.size(); ++i) {
      if (i < filled.size() && filled[i].first == filled[begin].first) continue;
      if (static_cast<int64_t>(i - begin) != packed) return false;
      begin = i;
    }
    return true;
  }

  const FieldSpec& field_;
  const Box& box_;
  EndView from_, to_;
  std::string& why_;
};

// Neighbours of equal form at one distance become one more axis, slowest.
std::vector<Box> joined(const std::vector<Box>& boxes) {
  std::vector<Box> out;
  for (size_t i = 0; i < boxes.size();) {
    const Box& first = boxes[i];
    const auto alike = [&](const Box& other) {
      return other.shape == first.shape && other.from.strides == first.from.strides &&
             other.to.strides == first.to.strides;
    };
    size_t end = i + 1;
    int64_t from = 0, to = 0;
    for (; end < boxes.size() && alike(boxes[end]); ++end) {
      const int64_t next_from = boxes[end].from.offset - boxes[end - 1].from.offset;
      const int64_t next_to = boxes[end].to.offset - boxes[end - 1].to.offset;
      if (end == i + 1) from = next_from, to = next_to;
      if (next_from != from || next_to != to || from < 0 || to < 0) break;
    }
    Box box = first;
    if (end - i > 1) {
      box.shape.insert(box.shape.begin(), static_cast<int64_t>(end - i));
      box.from.strides.insert(box.from.strides.begin(), from);
      box.to.strides.insert(box.to.strides.begin(), to);
    }
    out.push_back(std::move(box));
    i = end;
  }
  return out;
}

}  // namespace

std::vector<Box> compress(std::vector<std::pair<int64_t, int64_t>> pairs) {
  std::vector<Box> boxes;
  for (const auto& [to, from] : pairs) boxes.push_back({{}, {from, {}}, {to, {}}});
  for (size_t before = 0; before != boxes.size();) {
    before = boxes.size();
    boxes = joined(boxes);
  }
  return boxes;
}

std::optional<std::vector<Box>> field_boxes(const FieldSpec& field, const Box& box, const Extents& from,
                                            const Extents& to, std::string& why) {
  return Mapping(field, box, from, to, why).run();
}

std::vector<Image> field_images(const FieldSpec& field, const Image& image, const Extents& weight) {
  FieldSpec loose = field;
  loose.packed_out = loose.packed_in = false;  // a granule is touched by any part of it
  std::string unheard;
  std::vector<Image> images;
  const auto boxes = field_boxes(loose, {image.shape, image.at, image.at}, weight, weight, unheard);
  if (boxes)
    for (const Box& box : *boxes) images.push_back({box.shape, box.to});
  return images;
}

}  // namespace tessera
