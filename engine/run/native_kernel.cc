// The native kernel. A box is a nest of loops; the two innermost are done by one of four pieces: whole runs (memcpy), a
// blocked transpose, elements at a stride, or a cast. `reference_copy` beside it says in a few lines what all of them
// mean.
#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>

#include "run/kernel.h"
#include "run/runs.h"
#include "run/transpose.h"

namespace tessera {
namespace {

template <class T>
void strided_run(const Run& run) {
  for (int64_t i = 0; i < run.count; ++i)
    std::memcpy(run.to + i * run.to_stride * int64_t(sizeof(T)), run.from + i * run.from_stride * int64_t(sizeof(T)),
                sizeof(T));
}

template <class T>
void copy_run(const Run& run) {
  if (run.from_stride == 1 && run.to_stride == 1) {
    std::memcpy(run.to, run.from, size_t(run.count) * sizeof(T));
  } else {
    strided_run<T>(run);
  }
}

struct Block {
  const std::byte* from;
  std::byte* to;
  int64_t rows, columns;          // loop extents
  int64_t from_row, from_column;  // strides in elements
  int64_t to_row, to_column;
};

// Rows and columns in blocks that fit the first cache, so that neither side is walked across pages at each element.
template <class F>
void in_blocks(int64_t rows, int64_t columns, int64_t side, F&& each) {
  for (int64_t r0 = 0; r0 < rows; r0 += side)
    for (int64_t c0 = 0; c0 < columns; c0 += side)
      each(r0, c0, std::min(rows - r0, side), std::min(columns - c0, side));
}

template <class T>
void blocked(const Block& b, const Transpose& transpose) {
  constexpr auto size = int64_t(sizeof(T));
  const bool turned = b.from_row == 1 && b.to_column == 1;
  in_blocks(b.rows, b.columns, transpose.side, [&](int64_t r0, int64_t c0, int64_t rows, int64_t columns) {
    const std::byte* from = b.from + (r0 * b.from_row + c0 * b.from_column) * size;
    std::byte* to = b.to + (r0 * b.to_row + c0 * b.to_column) * size;
    if (turned && rows == transpose.side && columns == transpose.side)
      return transpose.square(from, b.from_column, to, b.to_row);
    for (int64_t r = 0; r < rows; ++r)
      strided_run<T>({from + r * b.from_row * size, b.from_column, to + r * b.to_row * size, b.to_column, columns});
  });
}

struct Bytes16 {
  std::byte b[16];
};

template <class F>
void with_size(uint64_t size, F&& f) {
  switch (size) {
    case 1:
      return f.template operator()<uint8_t>();
    case 2:
      return f.template operator()<uint16_t>();
    case 4:
      return f.template operator()<uint32_t>();
    case 8:
      return f.template operator()<uint64_t>();
    case 16:
      return f.template operator()<Bytes16>();
    default:
      assert(false);
  }
}

// Calls inner(from element, to element) for every index of the first `depth` axes.
template <class F>
void for_outer(const Box& box, size_t depth, F&& inner) {
  std::vector<int64_t> index(depth, 0);
  int64_t from = box.from.offset, to = box.to.offset;
  while (true) {
    inner(from, to);
    size_t a = depth;
    while (a > 0) {
      --a;
      from += box.from.strides[a];
      to += box.to.strides[a];
      if (++index[a] < box.shape[a]) break;
      from -= box.from.strides[a] * box.shape[a];
      to -= box.to.strides[a] * box.shape[a];
      index[a] = 0;
      if (a == 0) return;
    }
    if (depth == 0) return;
  }
}

void copy_same(const KernelCopy& what, const Box& box, Instructions instructions) {
  const auto size = int64_t(byte_size(what.from_dtype));
  const size_t n = box.shape.size();
  const bool plain = n < 2 || (box.from.strides[n - 1] == 1 && box.to.strides[n - 1] == 1);
  const Transpose transpose = transpose_of(uint64_t(size), instructions);
  with_size(uint64_t(size), [&]<class T>() {
    for_outer(box, n - (plain ? std::min<size_t>(n, 1) : 2), [&](int64_t from, int64_t to) {
      const std::byte* src = what.from.data() + from * size;
      std::byte* dst = what.to.data() + to * size;
      if (n == 0) return copy_run<T>({src, 1, dst, 1, 1});
      if (plain) return copy_run<T>({src, box.from.strides[n - 1], dst, box.to.strides[n - 1], box.shape[n - 1]});
      blocked<T>({src, dst, box.shape[n - 2], box.shape[n - 1], box.from.strides[n - 2], box.from.strides[n - 1],
                  box.to.strides[n - 2], box.to.strides[n - 1]},
                 transpose);
    });
  });
}

void copy_changed(const KernelCopy& what, const Box& box, CastLoss* loss) {
  const CastRun cast = find_cast(what.from_dtype, what.to_dtype);
  const ProgramRun program = find_program(what.from_dtype, what.to_dtype);
  assert(cast && program);
  const auto from_size = int64_t(byte_size(what.from_dtype)), to_size = int64_t(byte_size(what.to_dtype));
  const size_t n = box.shape.size();
  const auto do_run = [&](const Run& run) {
    if (what.program) {
      program(run, *what.program);
    } else {
      cast(run, loss);
    }
  };
  const bool turned = n > 1 && box.from.strides[n - 1] != 1 && box.from.strides[n - 2] == 1;
  for_outer(box, n - std::min<size_t>(n, turned ? 2 : 1), [&](int64_t from, int64_t to) {
    const std::byte* src = what.from.data() + from * from_size;
    std::byte* dst = what.to.data() + to * to_size;
    if (n == 0) return do_run({src, 1, dst, 1, 1});
    const int64_t from_step = box.from.strides[n - 1], to_step = box.to.strides[n - 1];
    if (!turned) return do_run({src, from_step, dst, to_step, box.shape[n - 1]});
    in_blocks(box.shape[n - 2], box.shape[n - 1], 32, [&](int64_t r0, int64_t c0, int64_t rows, int64_t columns) {
      for (int64_t r = r0; r < r0 + rows; ++r)
        do_run({src + (r + c0 * from_step) * from_size, from_step,
                dst + (r * box.to.strides[n - 2] + c0 * to_step) * to_size, to_step, columns});
    });
  });
}

class NativeKernel : public Kernel {
 public:
  explicit NativeKernel(Instructions instructions) : instructions_(instructions) {}
  void copy(const KernelCopy& what, CastLoss* loss) override {
    if (volume(what.box->shape) == 0) return;
    if (what.from_dtype == what.to_dtype && !what.program) {
      copy_same(what, *what.box, instructions_);
    } else {
      copy_changed(what, *what.box, loss);
    }
  }

 private:
  Instructions instructions_;
};

}  // namespace

std::unique_ptr<Kernel> native_kernel() {
  static const Instructions chosen = instructions_by_word(std::getenv("TESSERA_INSTRUCTIONS"));
  return native_kernel(chosen);
}
std::unique_ptr<Kernel> native_kernel(Instructions instructions) {
  return std::make_unique<NativeKernel>(instructions);
}

void reference_copy(const KernelCopy& what) {
  const Box& box = *what.box;
  const auto from_size = byte_size(what.from_dtype), to_size = byte_size(what.to_dtype);
  const int64_t count = volume(box.shape);
  for (int64_t i = 0; i < count; ++i) {
    int64_t from = box.from.offset, to = box.to.offset, rest = i;
    for (size_t a = box.shape.size(); a-- > 0; rest /= box.shape[a]) {
      from += rest % box.shape[a] * box.from.strides[a];
      to += rest % box.shape[a] * box.to.strides[a];
    }
    const std::byte* src = what.from.data() + uint64_t(from) * from_size;
    std::byte* dst = what.to.data() + uint64_t(to) * to_size;
    if (what.program) {
      find_program(what.from_dtype, what.to_dtype)({src, 1, dst, 1, 1}, *what.program);
    } else {
      cast_element(what.from_dtype, src, what.to_dtype, dst);
    }
  }
}

}  // namespace tessera
