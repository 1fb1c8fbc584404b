// What moves and converts numbers. Two implementations judge each other: native (this program's own) and torch.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/dtype.h"
#include "plan/graph.h"
#include "run/transpose.h"

namespace tessera {

// One strided copy between buffers; offsets and strides in elements of each side's dtype, all inside the spans.
struct KernelCopy {
  std::span<const std::byte> from;
  std::span<std::byte> to;
  DType from_dtype, to_dtype;
  const Box* box = nullptr;          // offsets relative to the spans
  const Program* program = nullptr;  // may be null
};

// What casts lost, counted (per copy, summed by the executor).
struct CastLoss {
  uint64_t rounded = 0;      // value changed
  uint64_t overflowed = 0;   // finite became infinite
  uint64_t underflowed = 0;  // non-zero became zero
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void copy(const KernelCopy& what, CastLoss* loss) = 0;
};
std::unique_ptr<Kernel> native_kernel();  // by $TESSERA_INSTRUCTIONS, or the best that the processor has
std::unique_ptr<Kernel> native_kernel(Instructions instructions);  // which the processor must have
// Loads the torch module; Error(world) saying what is missing when it was not built or does not load.
std::unique_ptr<Kernel> torch_kernel(const std::string& device);

// One element, the definition of every cast (run/cast.h): round to nearest even, infinities kept, overflow to infinity,
// NaN to a quiet NaN with the sign and the top payload bits that fit. dst and src may have any whole-byte dtype.
void cast_element(DType from, const std::byte* src, DType to, std::byte* dst);
bool can_cast(DType from, DType to);
// Element by element, what every kernel's copy means.
void reference_copy(const KernelCopy& what);

}  // namespace tessera
