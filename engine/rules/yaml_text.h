// The bytes of a YAML file before and after the YAML library: what is refused unseen, and where a quoted text came
// from.
#pragma once
#include <optional>
#include <string_view>

#include "base/diagnostic.h"
#include "base/source.h"

namespace tessera {

// The first thing that no rule file holds: more than `most` bytes, a byte order mark, bytes that are not UTF-8, control
// characters and others that escape() would not show, tabs, a CR alone, a directive line. nullopt if there is none.
struct ByteFault {
  Span span;
  const char* message;
};
std::optional<ByteFault> find_byte_fault(SourceId source, std::string_view text, size_t most);

// The quoted scalar whose opening quote stands at `at`, with the way back to its bytes; its span lies between the
// quotes. nullopt if it has no end on its line or an escape that is not YAML's.
std::optional<Text> unquote(SourceId source, std::string_view text, size_t at);

}  // namespace tessera
