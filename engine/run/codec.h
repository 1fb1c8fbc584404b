// Encoded weights as values. A codec makes elements of a weight out of the fields that stand in the source.
#pragma once
#include <functional>
#include <memory>
#include <span>

#include "plan/graph.h"
#include "store/checkpoint.h"

namespace tessera {

// The fields of one weight, in the order of its encoding.
struct Fields {
  Extents weight;  // shape of what they encode, [..., out, in]
  std::vector<const TensorInfo*> info;
  // Elements [first, first + count) of a field, row-major; `out` has room for them.
  std::function<void(size_t field, int64_t first, std::span<std::byte> out)> load;
};

class Codec {
 public:
  virtual ~Codec() = default;
  // Elements [first, first + out.size()) of the weight. Computed in f32.
  virtual void decode(const Fields& fields, int64_t first, std::span<float> out) const = 0;
};

// nullptr for a kind that is only carried.
std::unique_ptr<Codec> codec(const Stored& stored);
std::unique_ptr<Codec> fp8_block_codec(int64_t rows, int64_t columns);
std::unique_ptr<Codec> mxfp4_codec();

// What an e8m0 scale means; 255 is NaN.
float power_of_two(std::byte exponent);
// Elements of a field as f32.
std::vector<float> load_floats(const Fields& fields, size_t field, int64_t first, int64_t count);

}  // namespace tessera
