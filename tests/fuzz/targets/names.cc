// Two name patterns, a line each. A name that a pattern prints is one that it matches; two that print one name can
// meet; and what unify says of two templates holds for every small number in their holes.
#include "fuzz/target.h"
#include "layout/name.h"

namespace tessera::fuzz {
namespace {

std::vector<std::string> filled(const Pattern& pattern, int turn) {
  static const char* const words[][3] = {{"0", "w", "r.0"}, {"1", "10", "."}, {"10", "0", "1"}};
  std::vector<std::string> holes;
  for (const PatternPiece& piece : pattern)
    if (piece.hole) holes.emplace_back(words[turn][static_cast<size_t>(*piece.hole)]);
  return holes;
}

void check_pattern(const Pattern& pattern) {
  const Matcher matcher(pattern);
  require(can_meet(pattern, pattern), "a pattern meets itself");
  for (int turn = 0; turn < 3; ++turn) {
    const std::string name = render(pattern, filled(pattern, turn));
    std::vector<std::string> holes;
    require(matcher.match(name) && matcher.match(name, holes), "a pattern matches what it prints");
    require(render(pattern, holes) == name, "the holes of a match print the name");
  }
}

// Holes of a template are numbers; other patterns make none.
std::optional<NameTemplate> template_of(const Pattern& pattern) {
  NameTemplate made;
  int hole = 0;
  for (const PatternPiece& piece : pattern) {
    if (piece.hole && *piece.hole != HoleKind::number) return std::nullopt;
    made.push_back({piece.text, piece.hole ? hole++ : -1});
  }
  if (hole > 2) return std::nullopt;
  return made;
}

std::vector<std::vector<int64_t>> numbers(const NameTemplate& name) {
  static constexpr int64_t some[] = {0, 1, 2, 10, 11, 12, 21, 101, 110};
  std::vector<std::vector<int64_t>> all{{}};
  for (const NamePiece& piece : name) {
    if (piece.hole < 0) continue;
    std::vector<std::vector<int64_t>> longer;
    for (const auto& one : all)
      for (const int64_t number : some) (longer.push_back(one), longer.back().push_back(number));
    all = std::move(longer);
  }
  return all;
}

void check_meeting(const NameTemplate& a, const NameTemplate& b) {
  const Meeting meeting = unify(a, b);
  require(unify(b, a).possible == meeting.possible, "meeting has no order");
  for (const auto& x : numbers(a))
    for (const auto& y : numbers(b)) {
      bool pairs = true;
      for (const auto& [i, j] : meeting.aligned) pairs &= x.at(static_cast<size_t>(i)) == y.at(static_cast<size_t>(j));
      const bool equal = render(a, x) == render(b, y);
      require(!equal || meeting.possible, "equal names were said to be possible");
      require(!equal || pairs, "aligned holes are equal in equal names");
      if (meeting.exact && meeting.possible) require(equal == pairs, "exact: the pairs say it all");
    }
}

void run(std::string_view input) {
  const size_t line = input.find('\n');
  PatternFault fault;
  const auto a = parse_pattern(input.substr(0, line), true, fault);
  if (a) check_pattern(*a);
  if (!a || line == input.npos) return;
  const auto b = parse_pattern(input.substr(line + 1), true, fault);
  if (!b) return;
  check_pattern(*b);
  require(can_meet(*a, *b) == can_meet(*b, *a), "meeting has no order");
  if (Matcher(*b).match(render(*a, filled(*a, 0)))) require(can_meet(*a, *b), "patterns of one name can meet");
  const auto x = template_of(*a), y = template_of(*b);
  if (x && y) check_meeting(*x, *y);
}

const Registered registered({"names", run});

}  // namespace
}  // namespace tessera::fuzz
