// A safetensors header, as the front of a file. An accepted one tiles the data exactly. A length that does not fit is
// refused; the bytes behind it are then read as a header for that many bytes of data, so that the parser is reached.
#include "base/dtype.h"
#include "base/error.h"
#include "base/text.h"
#include "fuzz/target.h"
#include "store/safetensors_header.h"
#include "store/sniff.h"

namespace tessera::fuzz {
namespace {

void check(const std::vector<HeaderEntry>& entries, uint64_t data_bytes) {
  uint64_t at = 0;
  for (const HeaderEntry& entry : entries) {
    require(entry.begin == at && entry.end >= at, "ranges follow each other");
    unsigned __int128 bits = info(entry.info.dtype).bits;
    for (const int64_t size : entry.info.shape) bits *= static_cast<uint64_t>(size);
    require(bits == static_cast<unsigned __int128>(entry.end - entry.begin) * 8, "a range holds its shape");
    const std::string& name = entry.info.name;
    require(!name.empty() && is_utf8(name) && name.find('\0') == name.npos, "a name is text");
    at = entry.end;
  }
  require(at == data_bytes, "ranges end with the data");
}

void as_header_alone(std::string_view input) {
  uint64_t data_bytes = 0;
  for (size_t i = 0; i < length_bytes; ++i) data_bytes |= uint64_t{static_cast<uint8_t>(input[i])} << (8 * i);
  check(parse_header(input.substr(length_bytes), "f", length_bytes, data_bytes), data_bytes);
}

void run(std::string_view input) {
  uint64_t length = 0;
  try {
    length = header_length(input.substr(0, sniff_bytes), input.size(), "f");
  } catch (const Error&) {
    if (input.size() <= length_bytes) throw;
    return as_header_alone(input);
  }
  const uint64_t data_bytes = input.size() - length_bytes - length;
  check(parse_header(input.substr(length_bytes, length), "f", length_bytes, data_bytes), data_bytes);
}

const Registered registered({"safetensors", run});

}  // namespace
}  // namespace tessera::fuzz
