// Element by element, in pieces that can be held at once.
#include "run/replicas.h"

#include <algorithm>

#include "base/text.h"
#include "layout/layout.h"
#include "run/elements.h"
#include "run/kernel.h"

namespace tessera {
namespace {

// Cuts an index space into windows of at most `most` elements, slowest axis first.
std::vector<Window> pieces_of(const Extents& shape, int64_t most) {
  std::vector<Window> done, open{{std::vector<int64_t>(shape.size(), 0), shape}};
  while (!open.empty()) {
    Window w = std::move(open.back());
    open.pop_back();
    const auto axis = std::find_if(w.shape.begin(), w.shape.end(), [](int64_t n) { return n > 1; });
    if (volume(w.shape) <= most || axis == w.shape.end()) {
      if (volume(w.shape) > 0) done.push_back(std::move(w));
      continue;
    }
    const auto a = size_t(axis - w.shape.begin());
    const int64_t half = w.shape[a] / 2;
    Window second = w;
    second.first[a] += half;
    second.shape[a] -= half;
    w.shape[a] = half;
    open.push_back(std::move(second));
    open.push_back(std::move(w));
  }
  return done;
}

std::optional<Unequal> compare_piece(const Graph& graph, SourceWindows& windows, const Move& move, const Box& piece,
                                     const Window& window) {
  const DType dtype = graph.tensors[move.from].dtype;
  const auto size = int64_t(byte_size(dtype));
  const Reach from = reach(piece.shape, piece.from);
  const auto left = windows.get(move.from, from.begin, from.end - from.begin);
  const bool constant = move.op == Op::compare_fill;
  const DType other = constant ? dtype : graph.tensors[move.to].dtype;
  const auto other_size = int64_t(byte_size(other));
  SourceWindows::View right;
  if (!constant) {
    const Reach to = reach(piece.shape, piece.to);
    right = windows.get(move.to, to.begin, to.end - to.begin);
  }
  std::byte wide[2][8], element[16];
  std::optional<Unequal> bad;
  for_each_index(piece.shape, [&](const std::vector<int64_t>& index) {
    if (bad) return;
    const int64_t a = at_index(piece.from, index), b = constant ? 0 : at_index(piece.to, index);
    const std::byte* x = left.bytes.data() + (a - left.first) * size;
    const std::byte* y = element;
    if (constant) {
      std::vector<int64_t> global(index);
      for (size_t k = 0; k < index.size(); ++k) global[k] += window.first[k];
      store_fill(graph.fills[move.fill], global, dtype, element);
    } else {
      y = right.bytes.data() + (b - right.first) * other_size;
    }
    bool equal = false;
    if (dtype == other) {
      equal = std::memcmp(x, y, size_t(size)) == 0;
    } else if (can_cast(dtype, other)) {
      cast_element(dtype, x, DType::f64, wide[0]);
      cast_element(other, y, DType::f64, wide[1]);
      equal = std::memcmp(wide[0], wide[1], 8) == 0;
    }
    if (!equal) bad = Unequal{a, b};
  });
  return bad;
}

}  // namespace

std::optional<Unequal> compare_sources(const Graph& graph, SourceWindows& windows, const Move& move, uint64_t piece,
                                       const std::atomic<bool>& stop, uint64_t& compared) {
  const auto most = std::max<int64_t>(1, int64_t(piece / byte_size(graph.tensors[move.from].dtype)));
  for (const Window& window : pieces_of(move.box->shape, most)) {
    if (stop) return std::nullopt;
    if (const auto bad = compare_piece(graph, windows, move, restrict(move.box, window), window)) {
      windows.require(move.from);  // damage is no difference
      if (move.op == Op::compare) windows.require(move.to);
      return bad;
    }
    compared += uint64_t(volume(window.shape));
  }
  return std::nullopt;
}

std::string unequal_text(const Graph& graph, const Contents& source, const Move& move, const Unequal& at) {
  const auto named = [&](TensorId id) {
    const Tensor& t = graph.tensors[id];
    const std::string label = t.place < source.places.size() ? source.places[t.place].label : "";
    return format("`{}`{}{}", escape(t.name), label.empty() ? "" : " of ", label);
  };
  const auto index_text = [](const Tensor& t, int64_t element) { return show_shape(coordinates_of(element, t.shape)); };
  const std::string begin = named(move.from) + " differs at " + index_text(graph.tensors[move.from], at.from);
  if (move.op == Op::compare)
    return begin + format(" from {} at {}: copies of one weight must be equal", named(move.to),
                          index_text(graph.tensors[move.to], at.to));
  const std::string& fault = graph.fills[move.fill].fault;
  return begin + (fault.empty() ? " from the constant that the rule says" : ": " + fault);
}

}  // namespace tessera
