// Safetensors files built from their parts.
#pragma once
#include <cstdint>
#include <string>

namespace tessera::testing {

inline std::string with_length(uint64_t n, const std::string& rest) {
  std::string out;
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(n >> (8 * i)));
  return out + rest;
}
inline std::string safetensors(const std::string& header, const std::string& data = {}) {
  return with_length(header.size(), header + data);
}
// A file with one byte tensor for each letter: its value.
inline std::string tiny(const std::string& names) {
  std::string header = "{", data;
  for (const char c : names) {
    header += (data.empty() ? "\"" : ",\"") + std::string("m.") + c +
              R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(data.size()) + "," +
              std::to_string(data.size() + 1) + "]}";
    data += c;
  }
  return safetensors(header + "}", data);
}

}  // namespace tessera::testing
