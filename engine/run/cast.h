// Casts between floating types, bit by bit: the one place that says how numbers are rounded.
//
// Rule: the value is rounded to nearest, ties to even, once. Infinities are kept; a finite value beyond the largest
// finite one of the target becomes infinity (rounding as if the exponent had no bound); subnormals are kept. A NaN
// becomes a quiet NaN with the same sign and the highest payload bits that the target has room for (IEEE 754, 6.2.3).
// Through a wider type (f16 -> f32, bf16 -> f64, f8 -> any) nothing is lost.
#pragma once
#include <bit>
#include <cstdint>

namespace tessera {

// A binary floating format: 1 sign bit, then exponent, then mantissa bits.
template <int Exponent, int Mantissa, class Bits>
struct FloatFormat {
  using bits = Bits;
  static constexpr int exponent = Exponent, mantissa = Mantissa, bias = (1 << (Exponent - 1)) - 1;
};
using F16 = FloatFormat<5, 10, uint16_t>;
using BF16 = FloatFormat<8, 7, uint16_t>;
using F32 = FloatFormat<8, 23, uint32_t>;
using F64 = FloatFormat<11, 52, uint64_t>;

// To a format with at least as many exponent and mantissa bits: exact.
template <class From, class To>
constexpr typename To::bits widen(typename From::bits x) {
  using T = typename To::bits;
  constexpr int shift = To::mantissa - From::mantissa;
  const T sign = T(T(x) >> (From::exponent + From::mantissa)) << (To::exponent + To::mantissa);
  const int e = int(x >> From::mantissa) & ((1 << From::exponent) - 1);
  T m = T(x) & ((T(1) << From::mantissa) - 1);
  if (e == (1 << From::exponent) - 1) {
    const T quiet = m ? T(1) << (To::mantissa - 1) : T(0);
    return T(sign | (T((1 << To::exponent) - 1) << To::mantissa) | T(m << shift) | quiet);
  }
  if (e != 0) return T(sign | (T(e - From::bias + To::bias) << To::mantissa) | T(m << shift));
  if (m == 0) return sign;
  if constexpr (From::exponent == To::exponent) return T(sign | T(m << shift));
  int up = 0;
  for (; !(m >> From::mantissa); m = T(m << 1)) ++up;
  m = T(m & ((T(1) << From::mantissa) - 1));
  return T(sign | (T(1 - up - From::bias + To::bias) << To::mantissa) | T(m << shift));
}

// To a format with at most as many exponent and mantissa bits: rounded once.
template <class From, class To>
constexpr typename To::bits narrow(typename From::bits x) {
  using F = typename From::bits;
  using T = typename To::bits;
  constexpr int shift = From::mantissa - To::mantissa;
  constexpr F mantissa_mask = (F(1) << From::mantissa) - 1;
  constexpr T infinity = T(T((1 << To::exponent) - 1) << To::mantissa);
  const T sign = T(T(x >> (From::exponent + From::mantissa)) << (To::exponent + To::mantissa));
  const int e = int(x >> From::mantissa) & ((1 << From::exponent) - 1);
  const F m = x & mantissa_mask;
  if (e == (1 << From::exponent) - 1) {
    if (m == 0) return T(sign | infinity);
    return T(sign | infinity | (T(1) << (To::mantissa - 1)) | T(m >> shift));
  }
  int target = e - From::bias + To::bias;  // exponent field in the target if normal
  F significand = e ? m | (F(1) << From::mantissa) : m;
  if (e == 0) ++target;
  int drop = shift;
  if (target < 1) {
    drop += 1 - target;
    target = 1;
    if (drop > From::mantissa + 1) return sign;  // below half of the least subnormal
  }
  F kept = significand >> drop;
  if (drop > 0) {
    const F rest = significand & ((F(1) << drop) - 1), half = F(1) << (drop - 1);
    if (rest > half || (rest == half && (kept & 1))) ++kept;
  }
  // `kept` still has its leading one where the value is normal, so adding carries into the exponent as it should.
  const F field = (F(target - 1) << To::mantissa) + kept;
  if (field >= F(infinity)) return T(sign | infinity);
  return T(sign | T(field));
}

inline float f32_of(uint32_t bits) { return std::bit_cast<float>(bits); }
inline uint32_t bits_of(float value) { return std::bit_cast<uint32_t>(value); }

}  // namespace tessera
