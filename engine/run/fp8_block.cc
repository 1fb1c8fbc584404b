// fp8 values with one scale for each block of rows and columns; the last block of a row or column may be narrower:
// value = f8 * scale, in f32.
#include <algorithm>

#include "run/codec.h"

namespace tessera {
namespace {

class Fp8Block : public Codec {
 public:
  Fp8Block(int64_t rows, int64_t columns) : rows_(rows), columns_(columns) {}

  void decode(const Fields& fields, int64_t first, std::span<float> out) const override {
    const auto count = static_cast<int64_t>(out.size());
    const int64_t in = fields.weight.back(), height = fields.weight[fields.weight.size() - 2];
    const int64_t wide = (in + columns_ - 1) / columns_, high = (height + rows_ - 1) / rows_;
    // The line of scales that a row of the weight (counted through all leading dimensions) is scaled by.
    const auto line = [&](int64_t row) { return row / height * high + row % height / rows_; };
    const int64_t first_line = line(first / in), last_line = line((first + count - 1) / in);
    const auto scales = load_floats(fields, 1, first_line * wide, (last_line - first_line + 1) * wide);
    const auto values = load_floats(fields, 0, first, count);
    for (int64_t i = 0; i < count;) {
      const int64_t column = (first + i) % in, block = column / columns_;
      const int64_t end = std::min({count, i + std::min(in, (block + 1) * columns_) - column});
      const float scale = scales[static_cast<size_t>((line((first + i) / in) - first_line) * wide + block)];
      for (; i < end; ++i) out[static_cast<size_t>(i)] = values[static_cast<size_t>(i)] * scale;
    }
  }

 private:
  int64_t rows_, columns_;
};

}  // namespace

std::unique_ptr<Codec> fp8_block_codec(int64_t rows, int64_t columns) {
  return std::make_unique<Fp8Block>(rows, columns);
}

}  // namespace tessera
