// The boxes of an output's moves are clipped to the tile; copies are cut until what they read can be held at once.
#include "run/tiles.h"

#include <algorithm>
#include <cstring>

#include "layout/layout.h"
#include "run/elements.h"
#include "store/file.h"

namespace tessera {
namespace {

Box shifted(Box box, int64_t from, int64_t to) {
  box.from.offset -= from;
  box.to.offset -= to;
  return box;
}

}  // namespace

Tiles::Tiles(const Graph& graph, const Reader& reader, CheckedStorages& storages, std::unique_ptr<Kernel> kernel,
             uint64_t memory)
    : graph_(graph),
      windows_(graph, reader, storages, memory / 4 * 3),
      kernel_(std::move(kernel)),
      bytes_(std::clamp<uint64_t>(memory / 16, 64 << 10, 8 << 20)) {}

std::span<const std::byte> Tiles::make(TensorId output, const std::vector<uint32_t>& moves, int64_t first,
                                       int64_t count, CastLoss* loss) {
  if (const auto straight = straight_run(moves, first, count)) return *straight;
  return make_at(0, output, moves, first, count, loss);
}

std::span<const std::byte> Tiles::make_at(uint64_t remainder, TensorId output, const std::vector<uint32_t>& moves,
                                          int64_t first, int64_t count, CastLoss* loss) {
  const uint64_t bytes = uint64_t(count) * byte_size(graph_.tensors[output].dtype);
  if (memory_.capacity < bytes + InputFile::direct_alignment)
    memory_ = make_buffer(std::max(bytes, bytes_) + InputFile::direct_alignment);
  tile_ = {memory_.data.get() + remainder, bytes};
  loss_ = loss;
  for (uint32_t m : moves) fill_tile(graph_.moves[m], first, count);
  return tile_;
}

// Elements that stand in one source as they do in the output need no tile: the window is one.
std::optional<std::span<const std::byte>> Tiles::straight_run(const std::vector<uint32_t>& moves, int64_t first,
                                                              int64_t count) {
  const Move* only = nullptr;
  for (const uint32_t m : moves) {
    const Move& move = graph_.moves[m];
    const Reach span = reach(move.box->shape, move.box->to);
    if (span.end <= first || span.begin >= first + count) continue;
    if (only || move.op != Op::copy) return std::nullopt;
    only = &move;
  }
  if (!only) return std::nullopt;
  const std::vector<Window> windows = clip(only->box->shape, only->box->to, first, first + count);
  if (windows.size() != 1 || volume(windows[0].shape) != count) return std::nullopt;
  const Box piece = restrict(only->box, windows[0]);
  const auto from = run_of(*only, piece);
  if (!from || windows_.straight(only->from, from->begin, count))
    return std::nullopt;  // better read to a tile, while hot
  const auto size = byte_size(graph_.tensors[only->from].dtype);
  const auto window = windows_.get(only->from, from->begin, count);
  return window.bytes.subspan(uint64_t(from->begin - window.first) * size, uint64_t(count) * size);
}

void Tiles::fill_tile(const Move& move, int64_t first, int64_t count) {
  const Reach span = reach(move.box->shape, move.box->to);
  if (span.end <= first || span.begin >= first + count) return;
  for (const Window& window : clip(move.box->shape, move.box->to, first, first + count)) {
    const Box piece = shifted(restrict(move.box, window), 0, first);
    if (move.op == Op::fill) {
      fill_piece(move, piece, window);
    } else {
      copy_piece(move, piece);
    }
  }
}

// Where the elements stand in the source, if they follow each other there as they do in the output, and stay what they
// are.
std::optional<Reach> Tiles::run_of(const Move& move, const Box& piece) const {
  const bool same = move.program == none_id && graph_.tensors[move.from].dtype == graph_.tensors[move.to].dtype;
  const Reach from = reach(piece.shape, piece.from);
  if (!same || !lies_alike(piece) || from.end - from.begin != volume(piece.shape)) return std::nullopt;
  return from;
}

bool Tiles::read_piece(const Move& move, const Box& piece) {
  const auto from = run_of(move, piece);
  const int64_t count = volume(piece.shape);
  if (!from || !windows_.straight(move.from, from->begin, count)) return false;
  const uint64_t size = byte_size(graph_.tensors[move.from].dtype);
  const auto to = uint64_t(reach(piece.shape, piece.to).begin);
  windows_.read_straight(move.from, from->begin, tile_.subspan(to * size, uint64_t(count) * size));
  return true;
}

// Splits along the axis that strides farthest in the source until what it reads can be held at once.
void Tiles::copy_piece(const Move& move, const Box& whole) {
  if (read_piece(move, whole)) return;
  const DType from = graph_.tensors[move.from].dtype, to = graph_.tensors[move.to].dtype;
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
    const Program* program = move.program == none_id ? nullptr : &graph_.programs[move.program];
    kernel_->copy({window.bytes, tile_, from, to, &near, program}, loss_);
  }
}

void Tiles::fill_piece(const Move& move, const Box& piece, const Window& window) {
  const FillValue& fill = graph_.fills[move.fill];
  const DType dtype = graph_.tensors[move.to].dtype;
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

}  // namespace tessera
