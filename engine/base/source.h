// Texts and places in them. A Span travels from a YAML file to the last byte written, so that every message can point
// at the words that caused it.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

using SourceId = uint32_t;
inline constexpr SourceId no_source = UINT32_MAX;

// Bytes [begin, end) of one source.
struct Span {
  SourceId source = no_source;
  uint32_t begin = 0, end = 0;
  bool known() const { return source != no_source; }
  bool operator==(const Span&) const = default;
};

// 1-based; the column counts characters (code points), not bytes.
struct Position {
  uint32_t line = 0, column = 0;
};

// A value read from a source. `s` may differ from the bytes there (quotes, escapes); `offsets`, when not empty, gives
// the source byte of each byte of `s` (and one past the end); when empty, byte i of `s` stands at span.begin + i.
struct Text {
  std::string s;
  Span span;
  std::vector<uint32_t> offsets;

  Span at(size_t begin, size_t end) const;   // span of s[begin, end)
  Text sub(size_t begin, size_t end) const;  // that piece as a Text of its own
  bool empty() const { return s.empty(); }
};

// All texts of a run and their line maps.
class Sources {
 public:
  SourceId add(std::string name, std::string text);
  const std::string& name(SourceId id) const;
  const std::string& text(SourceId id) const;
  Position position(Span span) const;                         // of span.begin
  std::string_view line(SourceId id, uint32_t number) const;  // 1-based, without its line break
  // The line of span.begin; of a long one what stands around, with "..." for the rest.
  std::string line_around(Span span) const;

 private:
  struct Entry {
    std::string name, text;
    std::vector<uint32_t> line_starts, counts;
  };
  std::deque<Entry> entries_;  // references to names and texts stay good
};

}  // namespace tessera
