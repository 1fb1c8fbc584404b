// Small square transposes in registers, the inner piece of larger ones. Which instructions do it is chosen when the
// program runs; the bytes are the same from each.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tessera {

// side x side elements: from[i * from_row + j] becomes to[j * to_row + i], strides in elements.
using TransposeSquare = void (*)(const std::byte* from, int64_t from_row, std::byte* to, int64_t to_row);
struct Transpose {
  int64_t side = 0;
  TransposeSquare square = nullptr;
};

enum class Instructions : uint8_t { scalar, avx2, avx512 };
Instructions best_instructions();  // of this processor
// Those that a word names (`avx2`), of which the processor has some; the best where there is none. Error(usage).
Instructions instructions_by_word(const char* word);
// For elements of 1, 2, 4, 8 or 16 bytes. What a set of instructions has no code for, the set below it does.
Transpose transpose_of(uint64_t element_bytes, Instructions instructions);

}  // namespace tessera
