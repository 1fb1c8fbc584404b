// Names of tensors with holes: written ("model.layers.<l>.x"), read by pattern (RE2 comes in here), and compared.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

// Text and holes in turn; a piece is one or the other. What a hole holds is the owner's business (rules: expressions).
struct NamePiece {
  std::string text;
  int hole = -1;  // index of the hole; -1: text
  bool operator==(const NamePiece&) const = default;
};
using NameTemplate = std::vector<NamePiece>;
inline constexpr size_t longest_name = 4096;  // bytes, with every prefix, as files may have them

std::string render(const NameTemplate& name, const std::vector<int64_t>& holes);
std::string to_text(const NameTemplate& name, const std::vector<std::string>& holes);  // with <hole texts>

// Patterns for reading: what may stand in a hole.
enum class HoleKind {
  number,  // <x>: digits without a leading zero (0 itself allowed)
  word,    // <p:word>, and `*`: one segment, no dot, not empty
  rest     // <r:rest>, and `**`: anything, not empty
};
struct PatternPiece {
  std::string text;
  std::optional<HoleKind> hole;
  std::string name;  // of the hole; "" for * and **
};
using Pattern = std::vector<PatternPiece>;

struct PatternFault {
  uint32_t begin = 0, end = 0;
  std::string message;
};
// Parses `ignore` templates (stars = true: `*` and `**` too) and dialect lines; at most 4 KiB. Nothing on a fault.
std::optional<Pattern> parse_pattern(std::string_view text, bool stars, PatternFault& fault);
std::string render(const Pattern& pattern, const std::vector<std::string>& holes);  // in order of the pattern's holes

// A compiled pattern; anchored, no backtracking, memory bounded (8 MiB).
class Matcher {
 public:
  explicit Matcher(const Pattern& pattern);
  ~Matcher();
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;
  bool match(std::string_view name) const;
  bool match(std::string_view name, std::vector<std::string>& holes) const;  // texts of the holes in order

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What a template can print.
Pattern pattern_of(const NameTemplate& name);

// Can two patterns match one name? `steps` grows by what it took, in units of some 50 ns.
bool can_meet(const Pattern& a, const Pattern& b, size_t* steps = nullptr);

// Can two templates (holes are numbers without leading zeros) print the same name? `aligned` pairs the holes where the
// answer is simple: hole i of a equals hole j of b in every common name. `exact`: the pairs say it all (the names are
// equal exactly if all pairs are). Not exact: they may meet in other ways (digits that are text on one side), given in
// `fixed`: hole i of a (or b) would have to be this number.
struct Meeting {
  bool possible = false;
  bool exact = false;
  std::vector<std::pair<int, int>> aligned;
  std::vector<std::pair<int, int64_t>> fixed_a, fixed_b;
  size_t steps = 0;  // that it took, in units of some 50 ns
};
Meeting unify(const NameTemplate& a, const NameTemplate& b);

}  // namespace tessera
