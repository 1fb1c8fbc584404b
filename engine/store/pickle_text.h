// Literals of protocols 0 and 1: lines of text. All give nullopt for what Python would not read.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tessera {

std::optional<std::string_view> integer_literal(std::string_view line);  // decimal digits, perhaps a minus; not "012"
std::optional<double> float_literal(std::string_view line);
std::optional<std::string> string_literal(std::string_view line);   // quoted, Python 2 escapes: raw bytes
std::optional<std::string> unicode_literal(std::string_view line);  // Latin-1 with \uXXXX and \UXXXXXXXX: UTF-8

}  // namespace tessera
