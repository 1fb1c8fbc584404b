// OCP microscaling: 32 four-bit values (e2m1) and one scale, a power of two (e8m0). Two values in a byte, the low
// nibble first.
#include <array>

#include "run/codec.h"

namespace tessera {
namespace {

constexpr int64_t group = 32, group_bytes = 16;
constexpr std::array<float, 16> values = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                          -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

class Mxfp4 : public Codec {
 public:
  void decode(const Fields& fields, int64_t first, std::span<float> out) const override {
    const auto count = static_cast<int64_t>(out.size());
    const int64_t begin = first / group, end = (first + count + group - 1) / group;  // groups do not cross rows
    std::vector<std::byte> blocks(static_cast<size_t>((end - begin) * group_bytes));
    std::vector<std::byte> scales(static_cast<size_t>(end - begin));
    fields.load(0, begin * group_bytes, blocks);
    fields.load(1, begin, scales);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = first + i - begin * group;
      const auto byte = std::to_integer<unsigned>(blocks[static_cast<size_t>(at / 2)]);
      const unsigned nibble = at % 2 == 0 ? byte & 15u : byte >> 4;
      out[static_cast<size_t>(i)] = values[nibble] * power_of_two(scales[static_cast<size_t>(at / group)]);
    }
  }
};

}  // namespace

std::unique_ptr<Codec> mxfp4_codec() { return std::make_unique<Mxfp4>(); }

}  // namespace tessera
