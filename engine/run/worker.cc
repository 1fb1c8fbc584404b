// Tiles: an output tensor is made front to back in runs of a few MiB; the boxes are clipped to each.
#include "run/worker.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "layout/layout.h"
#include "run/runs.h"

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

Box shifted(Box box, int64_t from, int64_t to) {
  box.from.offset -= from;
  box.to.offset -= to;
  return box;
}

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

int64_t at_index(const Strided& at, const std::vector<int64_t>& index) {
  int64_t n = at.offset;
  for (size_t a = 0; a < index.size(); ++a) n += index[a] * at.strides[a];
  return n;
}

// The element of a fill at an index of its box.
bool store_fill(const FillValue& fill, const std::vector<int64_t>& index, DType dtype, std::byte* to) {
  if (fill.at) return store_number(fill.at(index), dtype, to);
  return fill.is_integer ? store_integer(fill.integer, dtype, to) : store_number(fill.constant, dtype, to);
}

std::string element_text(const Tensor& tensor, int64_t element) {
  std::vector<int64_t> index(tensor.shape.size());
  for (size_t k = tensor.shape.size(); k-- > 0; element /= tensor.shape[k]) index[k] = element % tensor.shape[k];
  return show_shape(index);
}

}  // namespace

Worker::Worker(Shared& shared, uint64_t memory)
    : shared_(shared),
      windows_(shared.graph, shared.reader, shared.verified, memory / 4 * 3),
      kernel_(shared.options.kernel()),
      tile_bytes_(std::clamp<uint64_t>(memory / 16, 64 << 10, 8 << 20)) {}

void Worker::run(const Group& group) {
  for (size_t i = 0; i < group.outputs.size() && !shared_.stop; ++i) write_output(group.outputs[i], group.moves[i]);
  for (uint32_t m : group.compares)
    if (!shared_.stop) compare(shared_.graph.moves[m]);
  result.bytes_read = windows_.bytes_read();
}

void Worker::write_output(TensorId output, const std::vector<uint32_t>& moves) {
  const Tensor& tensor = shared_.graph.tensors[output];
  const auto size = int64_t(byte_size(tensor.dtype));
  const int64_t total = volume(tensor.shape), most = std::max<int64_t>(1, int64_t(tile_bytes_) / size);
  loss_ = {};
  for (int64_t first = 0; first < total && !shared_.stop; first += most) {
    const int64_t count = std::min(most, total - first);
    tile_.resize(size_t(count * size));
    for (uint32_t m : moves) fill_tile(shared_.graph.moves[m], first, count);
    shared_.writer.write(tensor.index, uint64_t(first * size), tile_);
    advance(tile_.size());
  }
  if (loss_.rounded || loss_.overflowed || loss_.underflowed) {
    result.loss.rounded += loss_.rounded;
    result.loss.overflowed += loss_.overflowed;
    result.loss.underflowed += loss_.underflowed;
    if (result.losses.size() < 20) result.losses.emplace_back(tensor.name, loss_);
  }
}

void Worker::fill_tile(const Move& move, int64_t first, int64_t count) {
  const Reach span = reach(move.box.shape, move.box.to);
  if (span.end <= first || span.begin >= first + count) return;
  for (const Window& window : clip(move.box.shape, move.box.to, first, first + count)) {
    const Box piece = shifted(restrict(move.box, window), 0, first);
    if (move.op == Op::fill) {
      fill_piece(move, piece, window);
    } else {
      copy_piece(move, piece);
    }
  }
}

// Splits along the axis that strides farthest in the source until what it reads can be held at once.
void Worker::copy_piece(const Move& move, const Box& whole) {
  const Graph& graph = shared_.graph;
  const DType from = graph.tensors[move.from].dtype, to = graph.tensors[move.to].dtype;
  const bool kept = windows_.kept_whole(move.from);
  const auto most = std::max<int64_t>(1, int64_t(windows_.piece() / byte_size(from)));
  std::vector<Box> open{whole};
  while (!open.empty()) {
    const Box box = std::move(open.back());
    open.pop_back();
    const Reach span = reach(box.shape, box.from);
    const int64_t elements = volume(box.shape);
    const bool sparse = span.end - span.begin > 8 * elements && span.end - span.begin > 4096;
    if (!kept && elements > 1 && (span.end - span.begin > most || sparse)) {
      for (Box& half : halves(box)) open.push_back(std::move(half));
      continue;
    }
    const auto window = windows_.get(move.from, span.begin, span.end - span.begin);
    const Box near = shifted(box, window.first, 0);
    const Program* program = move.program == none_id ? nullptr : &graph.programs[move.program];
    kernel_->copy({window.bytes, tile_, from, to, &near, program}, &loss_);
  }
}

void Worker::fill_piece(const Move& move, const Box& piece, const Window& window) {
  const FillValue& fill = shared_.graph.fills[move.fill];
  const DType dtype = shared_.graph.tensors[move.to].dtype;
  const auto size = int64_t(byte_size(dtype));
  std::byte element[16];
  if (!fill.at) store_fill(fill, {}, dtype, element);
  for_each_index(piece.shape, [&](const std::vector<int64_t>& index) {
    if (fill.at) {
      std::vector<int64_t> global(index);
      for (size_t a = 0; a < index.size(); ++a) global[a] += window.first[a];
      store_fill(fill, global, dtype, element);
    }
    std::memcpy(tile_.data() + at_index(piece.to, index) * size, element, size_t(size));
  });
}

void Worker::compare(const Move& move) {
  const DType dtype = shared_.graph.tensors[move.from].dtype;
  const auto most = std::max<int64_t>(1, int64_t(tile_bytes_ / byte_size(dtype)));
  for (const Window& window : pieces_of(move.box.shape, most)) {
    if (shared_.stop) return;
    compare_piece(move, restrict(move.box, window), window);
    result.compared += uint64_t(volume(window.shape));
  }
}

void Worker::compare_piece(const Move& move, const Box& piece, const Window& window) {
  const Graph& graph = shared_.graph;
  const DType dtype = graph.tensors[move.from].dtype;
  const auto size = int64_t(byte_size(dtype));
  const Reach from = reach(piece.shape, piece.from);
  const auto left = windows_.get(move.from, from.begin, from.end - from.begin);
  const bool constant = move.op == Op::compare_fill;
  const DType other = constant ? dtype : graph.tensors[move.to].dtype;
  const auto other_size = int64_t(byte_size(other));
  SourceWindows::View right;
  if (!constant) {
    const Reach to = reach(piece.shape, piece.to);
    right = windows_.get(move.to, to.begin, to.end - to.begin);
  }
  std::byte wide[2][8], element[16];
  int64_t bad_from = -1, bad_to = -1;
  for_each_index(piece.shape, [&](const std::vector<int64_t>& index) {
    if (bad_from >= 0) return;
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
    if (!equal) bad_from = a, bad_to = b;
  });
  if (bad_from >= 0) report_difference(move, bad_from, bad_to);
}

void Worker::report_difference(const Move& move, int64_t from_element, int64_t to_element) {
  const Graph& graph = shared_.graph;
  const auto& places = shared_.reader.contents().places;
  const auto named = [&](TensorId id) {
    const Tensor& t = graph.tensors[id];
    const std::string label = t.place < places.size() ? places[t.place].label : "";
    return format("`{}`{}{}", escape(t.name), label.empty() ? "" : " of ", label);
  };
  std::string message = named(move.from) + " differs at " + element_text(graph.tensors[move.from], from_element);
  if (move.op == Op::compare) {
    message += format(" from {} at {}: copies of one weight must be equal", named(move.to),
                      element_text(graph.tensors[move.to], to_element));
  } else {
    const std::string& fault = graph.fills[move.fill].fault;
    message += fault.empty() ? " from the constant that the rule says" : ": " + fault;
  }
  const std::lock_guard lock(shared_.mutex);
  shared_.diagnostics.error(move.op == Op::compare ? "X01" : graph.fills[move.fill].id, move.span, message);
  shared_.stop = true;
}

void Worker::advance(uint64_t bytes) {
  result.bytes_written += bytes;
  const uint64_t done = shared_.written += bytes;
  const RunOptions& options = shared_.options;
  if (!options.progress && !options.interrupted) return;
  const std::lock_guard lock(shared_.mutex);
  if (options.progress) options.progress(done, shared_.total);
  if (options.interrupted && options.interrupted()) {
    result.interrupted = true;
    shared_.stop = true;
  }
}

}  // namespace tessera
