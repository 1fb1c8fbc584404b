// What stands in a safetensors header, checked as far as it can be without the data.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/checkpoint.h"

namespace tessera {

inline constexpr uint64_t length_bytes = 8;  // of the number that stands before a header

// The length of the header of a file of `size` bytes, held against it. `head`: its first bytes, `sniff_bytes` if there
// are so many. Error(world) says what the file seems to be instead.
uint64_t header_length(std::string_view head, uint64_t size, const std::string& file);

struct HeaderEntry {
  TensorInfo info;              // without chunks
  uint64_t begin = 0, end = 0;  // data_offsets: from the first byte of data
};

// Entries in the order of their ranges, which tile [0, data_bytes). `base` is the text's place in the file `file`.
std::vector<HeaderEntry> parse_header(std::string_view text, const std::string& file, uint64_t base,
                                      uint64_t data_bytes);

// Place of a dtype in the order in which the reference writer puts tensors, widest first; nullopt: not in the format.
std::optional<size_t> safetensors_order(DType dtype);

}  // namespace tessera
