// Words of an expression: numbers, texts, identifiers and symbols, each with its bytes.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/value.h"

namespace tessera {

struct Token {
  enum class Kind : uint8_t { end, value, word, symbol, fault } kind = Kind::end;
  std::string_view text;  // as written
  Value value;            // kind value: a number or a text
  std::string message;    // kind fault
  uint32_t begin = 0, end = 0;
};

// The first token at or behind `at`.
Token next_token(std::string_view text, size_t at);

bool is_word(std::string_view text);      // letter or underscore, then letters, digits, underscores
bool is_path(std::string_view text);      // words with dots between
bool is_reserved(std::string_view word);  // `and`, `not`, `none`, ...: no name may be one of these

}  // namespace tessera
