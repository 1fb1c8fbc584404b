// A safetensors header, as the front of a file. An accepted one tiles the data exactly. No length ends in 0xFF: behind
// such a one the input is the header alone, for as many bytes of data as the other seven say.
#include "base/dtype.h"
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
    Count bits = info(entry.info.dtype).bits;
    for (const int64_t size : entry.info.shape) bits *= static_cast<uint64_t>(size);
    require(bits == Count{entry.end - entry.begin} * 8, "a range holds its shape");
    const std::string& name = entry.info.name;
    require(!name.empty() && is_utf8(name) && name.find('\0') == name.npos, "a name is text");
    at = entry.end;
  }
  require(at == data_bytes, "ranges end with the data");
}

uint64_t number_at_front(std::string_view input) {
  uint64_t number = 0;
  for (size_t i = 0; i < length_bytes; ++i) number |= uint64_t{static_cast<uint8_t>(input[i])} << (8 * i);
  return number;
}

void run(std::string_view input) {
  if (input.size() > length_bytes && input[length_bytes - 1] == '\xFF') {
    const uint64_t data_bytes = number_at_front(input) & ~(uint64_t{0xFF} << 56);
    return check(parse_header(input.substr(length_bytes), "f", length_bytes, data_bytes), data_bytes);
  }
  const uint64_t length = header_length(input.substr(0, sniff_bytes), input.size(), "f");
  const uint64_t data_bytes = input.size() - length_bytes - length;
  check(parse_header(input.substr(length_bytes, length), "f", length_bytes, data_bytes), data_bytes);
}

const Registered registered({"safetensors", run});

}  // namespace
}  // namespace tessera::fuzz
