// What a plan asks of the disk, known before a byte moves.
#pragma once
#include "plan/graph.h"
#include "store/checkpoint.h"

namespace tessera {

// A request is one read or write of at most `request_bytes`; a seek, a request that does not begin where the last one
// in its file ended, or a little behind (what lies between, a header or padding, is less than `near_bytes`).
struct IoCosts {
  static constexpr uint64_t request_bytes = uint64_t{8} << 20, near_bytes = uint64_t{64} << 10;
  uint64_t read_bytes = 0, read_requests = 0, read_seeks = 0;
  uint64_t written_bytes = 0, write_requests = 0, write_seeks = 0;
};

// In the order of the executor's groups, with one worker that keeps a group's sources; each place's outputs taken as
// one file, in writing order.
IoCosts io_costs(const Graph& graph, const Contents& contents);

}  // namespace tessera
