// JSON in and out (nlohmann/json comes in here). Reading is strict: one value, no duplicate keys, no NaN, bounded
// depth; integers exact; a number that fits neither 64 bits nor a finite f64 is kept as Opaque{"number", its text}.
#pragma once
#include <string>
#include <string_view>

#include "base/value.h"

namespace tessera {

struct JsonLimits {
  size_t depth = 64;
  size_t bytes = size_t{16} << 20;
  size_t base = 0;  // the byte of the file at which the text begins
};

// `file` names the input in errors: throws Error(world) "<file>: ... at byte N".
Value parse_json(std::string_view text, const std::string& file, const JsonLimits& limits = {});

struct JsonStyle {
  int indent = -1;  // -1: one line, `,` and `:` without blanks
  bool sort_keys = false;
  bool ascii = true;   // escape everything beyond ASCII, as Python's json.dumps does
  bool shown = false;  // for a terminal: escape what escape() of text.h does
};
inline constexpr JsonStyle shown_json{2, false, false, true}, shown_json_line{-1, false, false, true};
// Floats print as Python's repr does (1e-05, 0.1, 1.0), infinities and NaN as its json.dumps does. Opaque numbers print
// their text, other opaques as strings; a byte that is no UTF-8 prints as U+FFFD.
std::string to_json(const Value& value, const JsonStyle& style = {});

}  // namespace tessera
