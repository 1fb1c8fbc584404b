// The table of codecs, one line for each kind.
#include "run/codec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "run/kernel.h"

namespace tessera {

std::unique_ptr<Codec> codec(const Stored& stored) {
  switch (stored.kind) {
    case EncodingDecl::Kind::fp8_block:
      return fp8_block_codec(stored.block[0], stored.block[1]);
    case EncodingDecl::Kind::mxfp4:
      return mxfp4_codec();
    case EncodingDecl::Kind::gptq:
      break;
  }
  return nullptr;
}

namespace {

// Eight bits with this many of exponent and mantissa; e4m3 has no infinities and one NaN of each sign.
float small_float(unsigned bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1, top = (1 << exponent_bits) - 1;
  const int exponent = static_cast<int>(bits >> mantissa_bits) & top;
  const unsigned mantissa = bits & ((1u << mantissa_bits) - 1u);
  const float sign = bits & 128u ? -1.0f : 1.0f;
  const bool ieee = exponent_bits == 5;
  const bool nan = ieee ? exponent == top && mantissa != 0 : (bits & 127u) == 127u;
  if (nan) return std::numeric_limits<float>::quiet_NaN();
  if (ieee && exponent == top) return sign * std::numeric_limits<float>::infinity();
  const unsigned whole = exponent == 0 ? mantissa : mantissa | 1u << mantissa_bits;
  return sign * std::ldexp(static_cast<float>(whole), std::max(exponent, 1) - bias - mantissa_bits);
}

float number(DType dtype, const std::byte* bytes) {
  const auto bits = std::to_integer<unsigned>(*bytes);
  switch (dtype) {
    case DType::f8_e4m3:
      return small_float(bits, 4, 3);
    case DType::f8_e5m2:
      return small_float(bits, 5, 2);
    case DType::f8_e8m0:
      return power_of_two(*bytes);
    default:
      break;
  }
  float value;
  std::byte wide[4];
  cast_element(dtype, bytes, DType::f32, wide);
  std::memcpy(&value, wide, sizeof value);
  return value;
}

}  // namespace

float power_of_two(std::byte exponent) {
  const int e = std::to_integer<int>(exponent);
  return e == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, e - 127);
}

std::vector<float> load_floats(const Fields& fields, size_t field, int64_t first, int64_t count) {
  const DType dtype = fields.info[field]->dtype;
  const auto size = byte_size(dtype);
  std::vector<std::byte> bytes(static_cast<size_t>(count) * size);
  fields.load(field, first, bytes);
  std::vector<float> values(static_cast<size_t>(count));
  if (size > 1) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = number(dtype, bytes.data() + i * size);
    return values;
  }
  std::array<float, 256> table;
  for (size_t i = 0; i < table.size(); ++i) {
    const auto byte = static_cast<std::byte>(i);
    table[i] = number(dtype, &byte);
  }
  for (size_t i = 0; i < values.size(); ++i) values[i] = table[std::to_integer<size_t>(bytes[i])];
  return values;
}

}  // namespace tessera
