// Tiles of output tensors: any run of elements of one, made of its moves. Who writes, or compares, an output takes it
// tile by tile, so memory stays within the budget whatever the tensor's size.
#pragma once
#include <optional>

#include "run/kernel.h"
#include "run/windows.h"

namespace tessera {

class Tiles {
 public:
  // memory: bytes for windows of the sources and one tile. Used by one thread.
  Tiles(const Graph& graph, const Reader& reader, CheckedStorages& storages, std::unique_ptr<Kernel> kernel,
        uint64_t memory);

  // Elements [first, first + count) of an output, row-major; good until the next call. `moves`: all that write the
  // output, indices into Graph::moves. What casts lose is added to `loss` if it is not null.
  std::span<const std::byte> make(TensorId output, const std::vector<uint32_t>& moves, int64_t first, int64_t count,
                                  CastLoss* loss = nullptr);
  // The same in memory whose address is `remainder` modulo InputFile::direct_alignment.
  std::span<const std::byte> make_at(uint64_t remainder, TensorId output, const std::vector<uint32_t>& moves,
                                     int64_t first, int64_t count, CastLoss* loss);
  uint64_t bytes() const { return bytes_; }  // what a tile should have at most
  SourceWindows& windows() { return windows_; }

 private:
  std::optional<std::span<const std::byte>> straight_run(const std::vector<uint32_t>& moves, int64_t first,
                                                         int64_t count);
  void fill_tile(const Move& move, int64_t first, int64_t count);
  void copy_piece(const Move& move, const Box& piece);
  std::optional<Reach> run_of(const Move& move, const Box& piece) const;
  bool read_piece(const Move& move, const Box& piece);
  void fill_piece(const Move& move, const Box& piece, const Window& window);

  const Graph& graph_;
  SourceWindows windows_;
  std::unique_ptr<Kernel> kernel_;
  uint64_t bytes_;
  Buffer memory_;
  std::span<std::byte> tile_;  // in memory_
  CastLoss* loss_ = nullptr;   // of the tile in work
};

}  // namespace tessera
