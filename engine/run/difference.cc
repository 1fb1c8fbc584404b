// Blocks of equal bits are passed over at the speed of memory; of the others every element is looked at.
#include "run/difference.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#include "run/runs.h"

namespace tessera {
namespace {

constexpr size_t block = 1024;  // elements
using Numbers = std::array<double, block>;

template <class T>
void widen(const std::byte* from, size_t count, Numbers& to) {
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof value, sizeof value);
    to[i] = static_cast<double>(value);
  }
}

void widen_whole(DType dtype, const std::byte* from, size_t count, Numbers& to) {
  switch (dtype) {
    case DType::boolean:
    case DType::u8:
      return widen<uint8_t>(from, count, to);
    case DType::i8:
      return widen<int8_t>(from, count, to);
    case DType::i16:
      return widen<int16_t>(from, count, to);
    case DType::u16:
      return widen<uint16_t>(from, count, to);
    case DType::i32:
      return widen<int32_t>(from, count, to);
    case DType::u32:
      return widen<uint32_t>(from, count, to);
    case DType::i64:
      return widen<int64_t>(from, count, to);
    case DType::u64:
      return widen<uint64_t>(from, count, to);
    default:
      to.fill(0);
  }
}

void to_numbers(DType dtype, const std::byte* from, size_t count, Numbers& to) {
  if (const CastRun cast = find_cast(dtype, DType::f64))
    return cast({from, 1, reinterpret_cast<std::byte*>(to.data()), 1, static_cast<int64_t>(count)}, nullptr);
  widen_whole(dtype, from, count, to);
}

bool is_whole(DType dtype) { return dtype <= DType::u64; }
static_assert(DType::boolean == DType{} && DType::u64 < DType::f16);

// Exactly held by an f64, so that values can be told apart there.
bool fits_f64(DType dtype) { return is_float(dtype) || (is_whole(dtype) && byte_size(dtype) < 8); }

}  // namespace

bool comparable(DType a, DType b) { return a == b || (fits_f64(a) && fits_f64(b)); }
bool has_numbers(DType dtype) { return is_float(dtype) || is_whole(dtype); }

Comparison::Comparison(DType a, DType b, std::optional<double> tolerance) : a_(a), b_(b), tolerance_(tolerance) {
  assert(comparable(a, b));
}

void Comparison::add(int64_t first, std::span<const std::byte> a, std::span<const std::byte> b) {
  const size_t size_a = byte_size(a_), size_b = byte_size(b_), count = a.size() / size_a;
  assert(b.size() / size_b == count);
  for (size_t at = 0; at < count; at += block) {
    const size_t n = std::min(block, count - at);
    const std::byte *x = a.data() + at * size_a, *y = b.data() + at * size_b;
    if (a_ != b_ || std::memcmp(x, y, n * size_a) != 0) add_block(first + static_cast<int64_t>(at), x, y, n);
  }
}

void Comparison::add_block(int64_t first, const std::byte* a, const std::byte* b, size_t count) {
  Numbers x, y;
  to_numbers(a_, a, count, x);
  to_numbers(b_, b, count, y);
  const size_t size = a_ == b_ ? byte_size(a_) : sizeof(double);
  const std::byte* const p = a_ == b_ ? a : reinterpret_cast<const std::byte*>(x.data());
  const std::byte* const q = a_ == b_ ? b : reinterpret_cast<const std::byte*>(y.data());
  for (size_t i = 0; i < count; ++i)
    if (std::memcmp(p + i * size, q + i * size, size) != 0) judge(first + static_cast<int64_t>(i), x[i], y[i]);
}

void Comparison::judge(int64_t element, double a, double b) {
  const NumberPair pair{element, a, b};
  if (found_.elements++ == 0) found_.first = pair;
  if (judge_numbers(pair)) return;
  if (found_.beyond++ == 0) found_.first_beyond = pair;
}

// Is the pair within the tolerance?
bool Comparison::judge_numbers(const NumberPair& pair) {
  const auto [element, a, b] = pair;
  if (std::isnan(a) || std::isnan(b)) {
    ++(std::isnan(a) && std::isnan(b) ? found_.nan_both : std::isnan(a) ? found_.nan_a : found_.nan_b);
    return tolerance_ && std::isnan(a) && std::isnan(b);
  }
  if (!has_numbers(a_)) return false;
  if (a == 0 && b == 0 && is_float(a_)) return ++found_.zeros, tolerance_.has_value();
  if (std::isinf(a) || std::isinf(b)) return ++found_.infinite, false;
  // Whole numbers beyond 2^53 may be neighbours that an f64 does not tell apart.
  const double apart = a == b ? 1.0 : std::min(std::abs(a - b), std::numeric_limits<double>::max());
  if (apart > found_.largest) {
    found_.largest = apart;
    found_.at_largest = pair;
  }
  found_.relative = std::max(found_.relative, apart / std::max(std::abs(a), std::abs(b)));
  return tolerance_ && apart <= *tolerance_;
}

}  // namespace tessera
