// Can two name templates print one name? Holes print digits only, so the text between digits must be the same and each
// run of digits and holes stands against one run of the other.
#include <charconv>

#include "layout/name.h"

namespace tessera {
namespace {

struct Symbol {
  char digit = 0;
  int hole = -1;
};
using Run = std::vector<Symbol>;

// A template as what lies between its runs, a NUL where each of them stands, and the runs.
struct Skeleton {
  std::string text;
  std::vector<Run> runs;

  void add(const Symbol& symbol) {
    if (text.empty() || text.back() != '\0') {
      text += '\0';
      runs.emplace_back();
    }
    runs.back().push_back(symbol);
  }
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Skeleton skeleton(const NameTemplate& name) {
  Skeleton skeleton;
  for (const NamePiece& piece : name) {
    if (piece.hole >= 0) skeleton.add({0, piece.hole});
    for (char c : piece.text) {
      if (is_digit(c))
        skeleton.add({c, -1});
      else
        skeleton.text += c;
    }
  }
  return skeleton;
}

bool is_one_hole(const Run& run) { return run.size() == 1 && run[0].hole >= 0; }

// The number that a run of digits alone is; nothing if a hole could not print it.
std::optional<int64_t> number(const Run& run) {
  std::string digits;
  for (const Symbol& symbol : run) {
    if (symbol.hole >= 0) return std::nullopt;
    digits += symbol.digit;
  }
  int64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  bool printed = error == std::errc{} && end == digits.data() + digits.size() && std::to_string(value) == digits;
  return printed ? std::optional(value) : std::nullopt;
}

// How many digits both begin with (reversed: end with); nullopt if these differ.
template <class It>
std::optional<std::ptrdiff_t> common_digits(const It a, const It a_end, It b, const It b_end) {
  It x = a;
  for (; x != a_end && b != b_end && x->hole < 0 && b->hole < 0; ++x, ++b)
    if (x->digit != b->digit) return std::nullopt;
  return x - a;
}

bool strip_both_ends(Run& a, Run& b) {
  const auto first = common_digits(a.begin(), a.end(), b.begin(), b.end());
  if (!first) return false;
  a.erase(a.begin(), a.begin() + *first);
  b.erase(b.begin(), b.begin() + *first);
  const auto last = common_digits(a.rbegin(), a.rend(), b.rbegin(), b.rend());
  if (!last) return false;
  a.erase(a.end() - *last, a.end());
  b.erase(b.end() - *last, b.end());
  return true;
}

Pattern pattern_of(const Run& run) {
  Pattern pattern;
  for (const Symbol& symbol : run) {
    if (symbol.hole >= 0)
      pattern.push_back({"", HoleKind::number, ""});
    else
      pattern.push_back({std::string(1, symbol.digit), std::nullopt, ""});
  }
  return pattern;
}

bool all_digits(const Run& run) {
  for (const Symbol& symbol : run)
    if (symbol.hole >= 0) return false;
  return true;
}

// A lone hole against digits.
bool fix(const Run& hole, const Run& digits, std::vector<std::pair<int, int64_t>>& fixed, Meeting& meeting) {
  std::optional<int64_t> value = number(digits);
  if (!value) return false;
  fixed.emplace_back(hole[0].hole, *value);
  meeting.exact = false;
  return true;
}

bool unify_runs(Run a, Run b, Meeting& meeting) {
  if (!strip_both_ends(a, b) || a.empty() != b.empty()) return false;
  if (a.empty()) return true;
  if (is_one_hole(a) && is_one_hole(b)) {
    meeting.aligned.emplace_back(a[0].hole, b[0].hole);
    return true;
  }
  if (is_one_hole(a) && all_digits(b)) return fix(a, b, meeting.fixed_a, meeting);
  if (is_one_hole(b) && all_digits(a)) return fix(b, a, meeting.fixed_b, meeting);
  meeting.exact = false;
  return can_meet(pattern_of(a), pattern_of(b), &meeting.steps);
}

}  // namespace

Meeting unify(const NameTemplate& a, const NameTemplate& b) {
  Skeleton of_a = skeleton(a), of_b = skeleton(b);
  Meeting meeting;
  for (const Skeleton* one : {&of_a, &of_b}) meeting.steps += one->text.size() / 4 + one->runs.size();
  if (of_a.text != of_b.text) return meeting;
  meeting.possible = meeting.exact = true;
  for (size_t i = 0; i < of_a.runs.size() && meeting.possible; ++i) {
    meeting.steps += (of_a.runs[i].size() + of_b.runs[i].size()) / 4;
    meeting.possible = unify_runs(of_a.runs[i], of_b.runs[i], meeting);
  }
  if (meeting.possible) return meeting;
  const size_t steps = meeting.steps;
  meeting = {};
  meeting.steps = steps;
  return meeting;
}

}  // namespace tessera
