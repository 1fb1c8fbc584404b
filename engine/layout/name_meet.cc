// Can two patterns match one name? Each is a small automaton; they meet if the two together reach both ends.
#include <bitset>
#include <utility>

#include "layout/name.h"

namespace tessera {
namespace {

using Bytes = std::bitset<256>;

Bytes byte_range(unsigned char first, unsigned char last) {
  Bytes bytes;
  for (size_t c = first; c <= last; ++c) bytes.set(c);
  return bytes;
}
Bytes only(char c) { return Bytes().set(static_cast<unsigned char>(c)); }

struct Edge {
  Bytes bytes;
  size_t to = 0;
};
struct State {
  std::vector<Edge> edges;
  bool may_end = false;  // a hole that can stop here: as good as the next state
};

// States in order of the pattern; the last one is the end.
class Automaton {
 public:
  explicit Automaton(const Pattern& pattern) {
    for (const PatternPiece& piece : pattern) {
      if (piece.hole)
        add_hole(*piece.hole);
      else
        for (char c : piece.text) states_.push_back({{{only(c), states_.size() + 1}}});
    }
    states_.emplace_back();
  }
  size_t size() const { return states_.size(); }
  const State& operator[](size_t i) const { return states_[i]; }

 private:
  void add_hole(HoleKind kind) {
    static const Bytes digits = byte_range('0', '9'), not_zero = byte_range('1', '9'), any = ~Bytes(),
                       no_dot = ~only('.');
    size_t begin = states_.size(), inside = begin + 1, after = begin + 2;
    if (kind == HoleKind::number) {
      states_.push_back({{{only('0'), after}, {not_zero, inside}}});
      states_.push_back({{{digits, inside}}, true});
    } else {
      const Bytes& bytes = kind == HoleKind::word ? no_dot : any;
      states_.push_back({{{bytes, inside}}});
      states_.push_back({{{bytes, inside}}, true});
    }
  }
  std::vector<State> states_;
};

// Pairs of states that one text can reach, each visited once.
class Search {
 public:
  Search(const Automaton& a, const Automaton& b) : a_(a), b_(b), seen_(a.size() * b.size()) {}
  bool run() {
    visit(0, 0);
    for (; !open_.empty() && !seen_.back(); ++visited_) {
      auto [i, j] = open_.back();
      open_.pop_back();
      if (a_[i].may_end) visit(i + 1, j);
      if (b_[j].may_end) visit(i, j + 1);
      for (const Edge& x : a_[i].edges)
        for (const Edge& y : b_[j].edges)
          if ((x.bytes & y.bytes).any()) visit(x.to, y.to);
    }
    return seen_.back();
  }
  size_t steps() const { return a_.size() + b_.size() + visited_ / 2 + seen_.size() / 4096; }

 private:
  void visit(size_t i, size_t j) {
    if (seen_[i * b_.size() + j]) return;
    seen_[i * b_.size() + j] = true;
    open_.emplace_back(i, j);
  }
  const Automaton &a_, &b_;
  std::vector<bool> seen_;
  std::vector<std::pair<size_t, size_t>> open_;
  size_t visited_ = 0;
};

}  // namespace

bool can_meet(const Pattern& a, const Pattern& b, size_t* steps) {
  const Automaton of_a(a), of_b(b);
  Search search(of_a, of_b);
  const bool met = search.run();
  if (steps) *steps += search.steps();
  return met;
}

}  // namespace tessera
