#include "run/transpose.h"

#include <array>
#include <cassert>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/text.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define TESSERA_X86 1
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"  // of GCC 12, inside its own avx512fintrin.h
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#endif

namespace tessera {
namespace {

template <size_t bytes, int64_t side>
void scalar_square(const std::byte* from, int64_t from_row, std::byte* to, int64_t to_row) {
  constexpr auto size = static_cast<int64_t>(bytes);
  for (int64_t j = 0; j < side; ++j)
    for (int64_t i = 0; i < side; ++i)
      std::memcpy(to + (j * to_row + i) * size, from + (i * from_row + j) * size, bytes);
}

#ifdef TESSERA_X86

// 8 x 8 elements of 2 bytes: pairs, pairs of pairs, halves.
__attribute__((target("avx2"))) void square_2(const std::byte* from, int64_t from_row, std::byte* to, int64_t to_row) {
  __m128i r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * from_row * 2));
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm_unpacklo_epi16(r[i], r[i + 1]);
    t[i + 1] = _mm_unpackhi_epi16(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int k = 0; k < 2; ++k) {
      r[i + 2 * k] = _mm_unpacklo_epi32(t[i + k], t[i + k + 2]);
      r[i + 2 * k + 1] = _mm_unpackhi_epi32(t[i + k], t[i + k + 2]);
    }
  for (int k = 0; k < 4; ++k) {
    t[2 * k] = _mm_unpacklo_epi64(r[k], r[k + 4]);
    t[2 * k + 1] = _mm_unpackhi_epi64(r[k], r[k + 4]);
  }
  for (int j = 0; j < 8; ++j) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + j * to_row * 2), t[j]);
}

// 8 x 8 elements of 4 bytes.
__attribute__((target("avx2"))) void square_4(const std::byte* from, int64_t from_row, std::byte* to, int64_t to_row) {
  __m256i r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i * from_row * 4));
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int k = 0; k < 2; ++k) {
      r[i + 2 * k] = _mm256_unpacklo_epi64(t[i + k], t[i + k + 2]);
      r[i + 2 * k + 1] = _mm256_unpackhi_epi64(t[i + k], t[i + k + 2]);
    }
  for (int k = 0; k < 4; ++k) {
    t[k] = _mm256_permute2x128_si256(r[k], r[k + 4], 0x20);
    t[k + 4] = _mm256_permute2x128_si256(r[k], r[k + 4], 0x31);
  }
  for (int j = 0; j < 8; ++j) _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + j * to_row * 4), t[j]);
}

// 16 x 16 elements of 4 bytes.
__attribute__((target("avx512f"))) void square_4_wide(const std::byte* from, int64_t from_row, std::byte* to,
                                                      int64_t to_row) {
  __m512i r[16], t[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(from + i * from_row * 4);
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int k = 0; k < 2; ++k) {
      r[i + 2 * k] = _mm512_unpacklo_epi64(t[i + k], t[i + k + 2]);
      r[i + 2 * k + 1] = _mm512_unpackhi_epi64(t[i + k], t[i + k + 2]);
    }
  for (int i = 0; i < 16; i += 8)
    for (int k = 0; k < 4; ++k) {
      t[i + k] = _mm512_shuffle_i32x4(r[i + k], r[i + k + 4], 0x88);
      t[i + k + 4] = _mm512_shuffle_i32x4(r[i + k], r[i + k + 4], 0xdd);
    }
  for (int k = 0; k < 8; ++k) {
    r[k] = _mm512_shuffle_i32x4(t[k], t[k + 8], 0x88);
    r[k + 8] = _mm512_shuffle_i32x4(t[k], t[k + 8], 0xdd);
  }
  for (int j = 0; j < 16; ++j) _mm512_storeu_si512(to + j * to_row * 4, r[j]);
}

#endif

Transpose scalar_of(uint64_t element_bytes) {
  switch (element_bytes) {
    case 1:
      return {16, scalar_square<1, 16>};
    case 2:
      return {16, scalar_square<2, 16>};
    case 4:
      return {16, scalar_square<4, 16>};
    case 8:
      return {8, scalar_square<8, 8>};
    default:
      assert(element_bytes == 16);
      return {4, scalar_square<16, 4>};
  }
}

}  // namespace

Instructions best_instructions() {
#ifdef TESSERA_X86
  if (__builtin_cpu_supports("avx512f")) return Instructions::avx512;
  if (__builtin_cpu_supports("avx2")) return Instructions::avx2;
#endif
  return Instructions::scalar;
}

Instructions instructions_by_word(const char* word) {
  constexpr std::array names = {"scalar", "avx2", "avx512"};
  if (!word || !*word) return best_instructions();
  for (size_t i = 0; i < names.size(); ++i) {
    if (word != std::string(names[i])) continue;
    if (Instructions(i) > best_instructions())
      fail_usage(format("TESSERA_INSTRUCTIONS={}: this processor has none", word));
    return Instructions(i);
  }
  fail_usage(format("TESSERA_INSTRUCTIONS={}: wants scalar, avx2 or avx512", escape(word)));
}

Transpose transpose_of(uint64_t element_bytes, Instructions instructions) {
#ifdef TESSERA_X86
  if (element_bytes == 4 && instructions == Instructions::avx512) return {16, square_4_wide};
  if (element_bytes == 4 && instructions == Instructions::avx2) return {8, square_4};
  if (element_bytes == 2 && instructions != Instructions::scalar) return {8, square_2};
#endif
  return scalar_of(element_bytes);
}

}  // namespace tessera
