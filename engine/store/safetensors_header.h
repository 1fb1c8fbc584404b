// What stands in a safetensors header, checked as far as it can be without the data.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/checkpoint.h"

namespace tessera {

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
