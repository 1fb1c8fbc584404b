// Arithmetic on numbers from files: a result or nothing, never a wrap.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

namespace tessera {
template <class T>
std::optional<T> checked_add(T a, T b) {
  T r;
  if (__builtin_add_overflow(a, b, &r)) return std::nullopt;
  return r;
}
template <class T>
std::optional<T> checked_sub(T a, T b) {
  T r;
  if (__builtin_sub_overflow(a, b, &r)) return std::nullopt;
  return r;
}
template <class T>
std::optional<T> checked_mul(T a, T b) {
  T r;
  if (__builtin_mul_overflow(a, b, &r)) return std::nullopt;
  return r;
}
// Product of all, in the order given; nullopt on overflow even if a later factor is 0 (as safetensors counts).
template <class T>
std::optional<T> checked_product(std::span<const T> factors) {
  T r = 1;
  for (T f : factors)
    if (__builtin_mul_overflow(r, f, &r)) return std::nullopt;
  return r;
}
}  // namespace tessera
