// Little-endian fields of zip records, and which member names are taken.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tessera {

inline uint64_t zip_field(std::string_view bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// Why a member's full name is refused; empty if it is `<prefix>/<rest>`, relative, with plain parts.
std::string_view fault_of_name(std::string_view name);
std::string lower(std::string_view name);  // of ASCII: torch looks members up so

}  // namespace tessera
