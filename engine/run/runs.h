// One-dimensional work of the native kernel: a run of elements at a stride, from and to raw bytes.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "plan/graph.h"

namespace tessera {

struct CastLoss;

struct Run {
  const std::byte* from;
  int64_t from_stride;  // in elements
  std::byte* to;
  int64_t to_stride;
  int64_t count;
};

using CastRun = void (*)(const Run&, CastLoss*);
using ProgramRun = void (*)(const Run&, const Program&);
// nullptr where there is no such cast. Same dtypes: also through the format (only programs want that).
CastRun find_cast(DType from, DType to);
ProgramRun find_program(DType from, DType to);

// One number as an element of `dtype`, rounded as casts are. False if the dtype cannot hold it.
bool store_number(double value, DType dtype, std::byte* dst);
bool store_integer(int64_t value, DType dtype, std::byte* dst);

}  // namespace tessera
