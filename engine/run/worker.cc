// An output tensor is made front to back in runs of a few MiB.
#include "run/worker.h"

#include <algorithm>

#include "run/replicas.h"
#include "store/file.h"

namespace tessera {

Worker::Worker(RunState& state, uint64_t memory)
    : state_(state), tiles_(state.graph, state.reader, state.storages, state.options.kernel(), memory) {}

void Worker::run(const Group& group) {
  for (size_t i = 0; i < group.outputs.size() && !state_.stop; ++i) write_output(group.outputs[i], group.moves[i]);
  for (uint32_t m : group.compares)
    if (!state_.stop) compare(state_.graph.moves[m]);
  tiles_.windows().forget();
  result.bytes_read = tiles_.windows().bytes_read();
}

void Worker::write_output(TensorId output, const std::vector<uint32_t>& moves) {
  const Tensor& tensor = state_.graph.tensors[output];
  const auto size = int64_t(byte_size(tensor.dtype));
  const int64_t total = volume(tensor.shape), most = std::max<int64_t>(1, int64_t(tiles_.bytes()) / size);
  loss_ = {};
  const uint64_t place = state_.options.direct ? state_.writer.places()[tensor.index].offset : 0;
  for (int64_t first = 0, count = 0; first < total && !state_.stop; first += count) {
    const uint64_t at = place + uint64_t(first * size), remainder = at % InputFile::direct_alignment;
    count = std::min(most - int64_t(remainder) / size, total - first);  // tiles but the last end where a block does
    const std::span<const std::byte> tile = state_.options.direct
                                                ? tiles_.make_at(remainder, output, moves, first, count, &loss_)
                                                : tiles_.make(output, moves, first, count, &loss_);
    hand_over(tensor.index, uint64_t(first * size), tile);
  }
  result.loss.rounded += loss_.rounded;
  result.loss.overflowed += loss_.overflowed;
  result.loss.underflowed += loss_.underflowed;
  if (loss_.overflowed) result.overflowed.emplace_back(output, loss_.overflowed);
}

// In pieces that stay in the processor's cache while checksums are taken and they are written.
void Worker::hand_over(uint32_t tensor, uint64_t at, std::span<const std::byte> tile) {
  const size_t piece = state_.options.direct ? tile.size() : 1 << 20;
  for (size_t done = 0; done < tile.size() && !state_.stop; done += piece) {
    const auto bytes = tile.subspan(done, std::min(piece, tile.size() - done));
    state_.writer.write(tensor, at + done, bytes);
    advance(bytes.size());
  }
}

void Worker::compare(const Move& move) {
  const Graph& graph = state_.graph;
  const auto bad = compare_sources(graph, tiles_.windows(), move, tiles_.bytes(), state_.stop, result.compared);
  if (!bad) return;
  const std::string message = unequal_text(graph, state_.reader.contents(), move, *bad);
  const std::lock_guard lock(state_.mutex);
  if (state_.diagnostics.failed()) return;  // one is told, whichever thread was first
  state_.diagnostics.error(move.op == Op::compare ? "X01" : graph.fills[move.fill].id, move.span, message);
  state_.stop = true;
}

void Worker::advance(uint64_t bytes) {
  result.bytes_written += bytes;
  const uint64_t done = state_.written += bytes;
  const RunOptions& options = state_.options;
  if (!options.progress && !options.interrupted) return;
  const std::lock_guard lock(state_.mutex);
  if (options.progress) options.progress(done, state_.total);
  if (options.interrupted && options.interrupted()) {
    result.interrupted = true;
    state_.stop = true;
  }
}

}  // namespace tessera
