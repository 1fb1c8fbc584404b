// Runs of casts: loops over elements at a stride, chosen once for each copy by the pair of dtypes.
#include "run/cast.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include "run/kernel.h"
#include "run/runs.h"

namespace tessera {
namespace {

template <class T>
T load(const std::byte* at) {
  T x;
  std::memcpy(&x, at, sizeof x);
  return x;
}
template <class T>
void store(std::byte* at, T x) {
  std::memcpy(at, &x, sizeof x);
}

uint16_t bf16_of(uint32_t x) {
  const uint32_t rounded = (x + 0x7fffu + ((x >> 16) & 1u)) >> 16;
  const uint32_t nan = (x >> 16) | 0x40u;
  return uint16_t((x & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

// bits of From -> bits of To; formats between which neither is wider meet in f32.
template <class From, class To>
typename To::bits convert(typename From::bits x) {
  if constexpr (std::is_same_v<From, To>) {
    return x;
  } else if constexpr (std::is_same_v<From, F32> && std::is_same_v<To, BF16>) {
    return bf16_of(x);
  } else if constexpr (To::exponent >= From::exponent && To::mantissa >= From::mantissa) {
    return widen<From, To>(x);
  } else if constexpr (To::exponent <= From::exponent && To::mantissa <= From::mantissa) {
    return narrow<From, To>(x);
  } else {
    return narrow<F32, To>(widen<From, F32>(x));
  }
}

template <class Format>
constexpr typename Format::bits magnitude(typename Format::bits x) {
  return typename Format::bits(x & ~(typename Format::bits(1) << (Format::exponent + Format::mantissa)));
}
template <class Format>
constexpr typename Format::bits infinity() {
  return typename Format::bits(typename Format::bits((1 << Format::exponent) - 1) << Format::mantissa);
}

// Finite values only: a NaN that is cut, an infinity that is kept, are no loss.
template <class From, class To>
void count_loss(typename From::bits x, typename To::bits y, CastLoss& loss) {
  if (magnitude<From>(x) >= infinity<From>()) return;
  if (magnitude<To>(y) >= infinity<To>()) {
    ++loss.overflowed;
  } else if (magnitude<To>(y) == 0) {
    loss.underflowed += magnitude<From>(x) != 0;
  } else if (widen<To, F64>(y) != widen<From, F64>(x)) {
    ++loss.rounded;
  }
}

template <class From, class To>
void cast_run(const Run& run, CastLoss* loss) {
  using A = typename From::bits;
  using B = typename To::bits;
  constexpr bool lossless = To::exponent >= From::exponent && To::mantissa >= From::mantissa;
  const std::byte* from = run.from;
  std::byte* to = run.to;
  for (int64_t i = 0; i < run.count; ++i) {
    const A x = load<A>(from + i * run.from_stride * int64_t(sizeof(A)));
    const B y = convert<From, To>(x);
    store<B>(to + i * run.to_stride * int64_t(sizeof(B)), y);
    if constexpr (!lossless)
      if (loss) count_loss<From, To>(x, y, *loss);
  }
}

// A program's arithmetic is done in f64 if either end is f64, else in f32; rounded once when it is stored.
template <class Real>
Real step(Real x, const ScalarStep& s) {
  const Real c = static_cast<Real>(s.operand);
  switch (s.kind) {
    case ScalarStep::Kind::plus:
      return x + c;
    case ScalarStep::Kind::times:
      return x * c;
    case ScalarStep::Kind::divide:
      return x / c;
    case ScalarStep::Kind::neg_exp:
      return -std::exp(x);
    case ScalarStep::Kind::log_neg:
      return std::log(-x);
  }
  return x;
}

template <class From, class To>
void program_run(const Run& run, const Program& program) {
  using Wide = std::conditional_t<std::is_same_v<From, F64> || std::is_same_v<To, F64>, F64, F32>;
  using Real = std::conditional_t<std::is_same_v<Wide, F64>, double, float>;
  for (int64_t i = 0; i < run.count; ++i) {
    const auto x = load<typename From::bits>(run.from + i * run.from_stride * int64_t(sizeof(typename From::bits)));
    Real value = std::bit_cast<Real>(convert<From, Wide>(x));
    for (const ScalarStep& s : program) value = step(value, s);
    const auto y = convert<Wide, To>(std::bit_cast<typename Wide::bits>(value));
    store(run.to + i * run.to_stride * int64_t(sizeof y), y);
  }
}

// Calls f.template operator()<Format>() for a floating dtype.
template <class F>
bool with_format(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f16:
      f.template operator()<F16>();
      return true;
    case DType::bf16:
      f.template operator()<BF16>();
      return true;
    case DType::f32:
      f.template operator()<F32>();
      return true;
    case DType::f64:
      f.template operator()<F64>();
      return true;
    default:
      return false;
  }
}

template <class F>
bool with_formats(DType from, DType to, F&& f) {
  return with_format(from,
                     [&]<class From>() { with_format(to, [&]<class To>() { f.template operator()<From, To>(); }); }) &&
         is_float(to);
}

}  // namespace

bool can_cast(DType from, DType to) { return from == to || (is_float(from) && is_float(to)); }

CastRun find_cast(DType from, DType to) {
  CastRun found = nullptr;
  with_formats(from, to, [&]<class From, class To>() { found = &cast_run<From, To>; });
  return found;
}

ProgramRun find_program(DType from, DType to) {
  ProgramRun found = nullptr;
  with_formats(from, to, [&]<class From, class To>() { found = &program_run<From, To>; });
  return found;
}

void cast_element(DType from, const std::byte* src, DType to, std::byte* dst) {
  if (from == to) {
    std::memcpy(dst, src, byte_size(from));
  } else {
    find_cast(from, to)({src, 1, dst, 1, 1}, nullptr);
  }
}

bool store_number(double value, DType dtype, std::byte* dst) {
  const auto bits = std::bit_cast<uint64_t>(value);
  if (with_format(dtype, [&]<class To>() { store(dst, convert<F64, To>(bits)); })) return true;
  if (value != std::floor(value) || std::abs(value) > 9.0e15) return false;
  return store_integer(static_cast<int64_t>(value), dtype, dst);
}

bool store_integer(int64_t value, DType dtype, std::byte* dst) {
  const auto put = [&]<class T>(T) {
    if (!std::in_range<T>(value)) return false;
    store(dst, static_cast<T>(value));
    return true;
  };
  switch (dtype) {
    case DType::boolean:
      return (value == 0 || value == 1) && put(uint8_t{});
    case DType::u8:
      return put(uint8_t{});
    case DType::i8:
      return put(int8_t{});
    case DType::i16:
      return put(int16_t{});
    case DType::u16:
      return put(uint16_t{});
    case DType::i32:
      return put(int32_t{});
    case DType::u32:
      return put(uint32_t{});
    case DType::i64:
      return put(int64_t{});
    case DType::u64:
      return put(uint64_t{});
    default:
      return is_float(dtype) && store_number(static_cast<double>(value), dtype, dst);
  }
}

}  // namespace tessera
