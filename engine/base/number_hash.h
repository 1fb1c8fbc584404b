// Hashes of lists of numbers: for tables of patterns, boxes and keys.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tessera {

// A hash that takes one more number.
inline size_t hash_with(size_t hash, int64_t number) {
  hash = (hash ^ static_cast<size_t>(number)) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 29;
}

struct NumbersHash {
  size_t operator()(const std::vector<int64_t>& numbers) const {
    size_t hash = numbers.size();
    for (const int64_t number : numbers) hash = hash_with(hash, number);
    return hash;
  }
};

}  // namespace tessera
