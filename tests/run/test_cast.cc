// Casts, exhaustive over all 2^16 patterns of the two-byte formats, against arithmetic in double.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "run/kernel.h"
#include "run/runs.h"

using namespace tessera;

namespace {

struct Small {
  DType dtype;
  int exponent, mantissa;
};
constexpr Small f16{DType::f16, 5, 10}, bf16{DType::bf16, 8, 7};

// The number that a pattern means, by the definition of the format.
double value_of(const Small& f, uint16_t bits) {
  const int e = (bits >> f.mantissa) & ((1 << f.exponent) - 1), m = bits & ((1 << f.mantissa) - 1);
  const int bias = (1 << (f.exponent - 1)) - 1;
  const double sign = bits & 0x8000 ? -1 : 1;
  if (e == (1 << f.exponent) - 1) return m ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  if (e == 0) return sign * std::ldexp(m, 1 - bias - f.mantissa);
  return sign * std::ldexp(m + (1 << f.mantissa), e - bias - f.mantissa);
}

template <class To, class From>
To cast(DType from, From value, DType to) {
  To result{};
  cast_element(from, reinterpret_cast<const std::byte*>(&value), to, reinterpret_cast<std::byte*>(&result));
  return result;
}

uint16_t largest(const Small& f) { return uint16_t((((1 << f.exponent) - 1) << f.mantissa) - 1); }

}  // namespace

TEST_CASE("every two-byte pattern widens to the number it means") {
  for (const Small& f : {f16, bf16}) {
    int wrong = 0;
    for (int bits = 0; bits < 65536; ++bits) {
      const double want = value_of(f, uint16_t(bits));
      const float single = cast<float>(f.dtype, uint16_t(bits), DType::f32);
      const double wide = cast<double>(f.dtype, uint16_t(bits), DType::f64);
      if (std::isnan(want)) {
        wrong += !std::isnan(single) || !std::isnan(wide) || std::signbit(single) != (bits >= 32768);
      } else {
        wrong += double(single) != want || wide != want || std::signbit(single) != std::signbit(want);
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("every two-byte pattern comes back from f32 and f64 unchanged, NaNs made quiet") {
  for (const Small& f : {f16, bf16}) {
    int wrong = 0;
    for (int bits = 0; bits < 65536; ++bits) {
      const bool nan = std::isnan(value_of(f, uint16_t(bits)));
      const int want = nan ? bits | (1 << (f.mantissa - 1)) : bits;
      const float single = cast<float>(f.dtype, uint16_t(bits), DType::f32);
      const double wide = cast<double>(f.dtype, uint16_t(bits), DType::f64);
      wrong += cast<uint16_t>(DType::f32, single, f.dtype) != want;
      wrong += cast<uint16_t>(DType::f64, wide, f.dtype) != want;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("between neighbours the nearer is taken, in the middle the even one") {
  for (const Small& f : {f16, bf16}) {
    int wrong = 0;
    for (uint16_t low = 0; low < largest(f); ++low) {
      const double a = value_of(f, low), b = value_of(f, uint16_t(low + 1)), middle = (a + b) / 2;
      const uint16_t even = low & 1 ? uint16_t(low + 1) : low;
      for (double sign : {1.0, -1.0}) {
        const uint16_t s = sign < 0 ? 0x8000 : 0;
        wrong += cast<uint16_t>(DType::f64, sign * middle, f.dtype) != (even | s);
        wrong += cast<uint16_t>(DType::f64, sign * std::nextafter(middle, 0.0), f.dtype) != (low | s);
        wrong += cast<uint16_t>(DType::f64, sign * std::nextafter(middle, std::numeric_limits<double>::infinity()),
                                f.dtype) != ((low + 1) | s);
        const auto single = static_cast<float>(middle);
        if (double(single) != middle) continue;
        wrong += cast<uint16_t>(DType::f32, float(sign) * single, f.dtype) != (even | s);
        wrong += cast<uint16_t>(DType::f32, float(sign) * std::nextafter(single, 0.0f), f.dtype) != (low | s);
        wrong +=
            cast<uint16_t>(DType::f32, float(sign) * std::nextafter(single, std::numeric_limits<float>::infinity()),
                           f.dtype) != ((low + 1) | s);
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("beyond the largest number: infinity from the middle on") {
  CHECK(cast<uint16_t>(DType::f32, 65519.0f, DType::f16) == 0x7bff);
  CHECK(cast<uint16_t>(DType::f32, 65520.0f, DType::f16) == 0x7c00);
  CHECK(cast<uint16_t>(DType::f32, -1e30f, DType::f16) == 0xfc00);
  CHECK(cast<uint16_t>(DType::f32, std::numeric_limits<float>::max(), DType::bf16) == 0x7f80);
  CHECK(cast<uint16_t>(DType::f64, 1e300, DType::bf16) == 0x7f80);
  CHECK(std::isinf(cast<float>(DType::f64, 1e300, DType::f32)));
}

TEST_CASE("between the two-byte formats: one rounding") {
  for (int bits = 0; bits < 65536; ++bits) {
    const auto x = uint16_t(bits);
    if (std::isnan(value_of(bf16, x)) || std::isnan(value_of(f16, x))) continue;
    CHECK_MESSAGE(
        cast<uint16_t>(DType::bf16, x, DType::f16) == cast<uint16_t>(DType::f64, value_of(bf16, x), DType::f16), bits);
    CHECK_MESSAGE(
        cast<uint16_t>(DType::f16, x, DType::bf16) == cast<uint16_t>(DType::f64, value_of(f16, x), DType::bf16), bits);
  }
}

TEST_CASE("f64 to f32 is the machine's own") {
  uint64_t state = 88172645463325252u;
  int wrong = 0;
  for (int i = 0; i < 200000; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    double x;
    std::memcpy(&x, &state, 8);
    if (std::isnan(x)) continue;
    if (i % 2) x = std::ldexp(std::fmod(x, 1.0), int(state % 300) - 150);
    const float want = static_cast<float>(x), got = cast<float>(DType::f64, x, DType::f32);
    wrong += std::memcmp(&want, &got, 4) != 0;
  }
  CHECK(wrong == 0);
}

TEST_CASE("a NaN keeps its sign and the payload bits that fit, and is quiet") {
  uint32_t nan = 0xffa12345;  // signalling, negative
  uint16_t narrow = cast<uint16_t>(DType::f32, nan, DType::bf16);
  CHECK(narrow == 0xffe1);
  nan = 0x7f800001;  // the payload does not fit; it must not become infinity
  CHECK(cast<uint16_t>(DType::f32, nan, DType::bf16) == 0x7fc0);
  CHECK(cast<uint16_t>(DType::f32, nan, DType::f16) == 0x7e00);
}

TEST_CASE("losses are counted by kind") {
  const float values[] = {1.0f, 1.0001f, 1e6f, 1e-9f, -0.0f, std::numeric_limits<float>::infinity()};
  uint16_t out[6];
  const Box box{{6}, {0, {1}}, {0, {1}}};
  CastLoss loss;
  native_kernel()->copy(
      {std::as_bytes(std::span(values)), std::as_writable_bytes(std::span(out)), DType::f32, DType::f16, &box, nullptr},
      &loss);
  CHECK(loss.rounded == 1);
  CHECK(loss.overflowed == 1);
  CHECK(loss.underflowed == 1);
}

TEST_CASE("numbers as elements") {
  std::byte at[8];
  CHECK(store_number(-10000.0, DType::f32, at));
  float f;
  std::memcpy(&f, at, 4);
  CHECK(f == -10000.0f);
  CHECK(store_integer(255, DType::u8, at));
  CHECK_FALSE(store_integer(256, DType::u8, at));
  CHECK_FALSE(store_number(0.5, DType::i32, at));
  CHECK_FALSE(store_integer(2, DType::boolean, at));
}
