// Elements of boxes, one by one.
#pragma once
#include <cstring>

#include "layout/box.h"
#include "plan/graph.h"
#include "run/runs.h"

namespace tessera {

template <class F>
void for_each_index(const Extents& shape, F&& f) {
  std::vector<int64_t> index(shape.size(), 0);
  for (int64_t left = volume(shape); left > 0; --left) {
    f(index);
    for (size_t a = shape.size(); a-- > 0;) {
      if (++index[a] < shape[a]) break;
      index[a] = 0;
    }
  }
}

inline int64_t at_index(const Strided& at, const std::vector<int64_t>& index) {
  int64_t n = at.offset;
  for (size_t a = 0; a < index.size(); ++a) n += index[a] * at.strides[a];
  return n;
}

// The element of a fill at an index of its box.
inline bool store_fill(const FillValue& fill, const std::vector<int64_t>& index, DType dtype, std::byte* to) {
  if (fill.at) return store_number(fill.at(index), dtype, to);
  return fill.is_integer ? store_integer(fill.integer, dtype, to) : store_number(fill.constant, dtype, to);
}

}  // namespace tessera
