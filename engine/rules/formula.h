// The formulas behind guard.h: negation normal form over unknowns with finitely many outcomes.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "rules/guard.h"

namespace tessera {

// Something of which only the outcome matters.
struct Unknown {
  enum class Kind { choice, term, order, boolean } kind = Kind::boolean;
  std::string text;             // choice, term, boolean: what it is; order: the left of the two
  std::string right;            // order: the other one
  std::vector<Value> outcomes;  // order: -1, 0, 1; boolean: false, true
  bool asked_truth = false;     // term: does its truth matter, or
  bool asked_size = false;      // its place among numbers?
  bool told = false;            // does an example speak of it?
};

// `unknown op value`, or the truth of the unknown.
struct Atom {
  size_t unknown = 0;
  std::optional<ExprOp> op;
  Value value;
  std::optional<Expr> whole;  // choice: any condition on the option alone
  std::vector<bool> holds;    // for each outcome of the unknown
};

struct Formula {
  enum class Kind { settled, atom, all, any } kind = Kind::settled;
  bool value = false;    // settled
  size_t atom = 0;       // atom
  bool negated = false;  // atom
  std::vector<Formula> parts;
};

struct Problem {
  std::vector<Unknown> unknowns;  // in order of first mention
  std::vector<Atom> atoms;
  Formula formula;
  size_t cost = 0;        // of making it, in expression nodes copied and values compared
  bool complete = false;  // false: it would cost more than `most_cost`
};
inline constexpr size_t most_cost = 4'000'000;
Problem make_problem(const std::vector<Clause>& clauses, const Knowledge& knowledge);
// The second half of that: the outcomes of each unknown, now that all that is asked of it is known.
void list_outcomes(Problem& problem);

// In words, for one outcome: `order == "v2"`, `not tied`, `a < b`.
std::string outcome_text(const Unknown& unknown, size_t outcome);

}  // namespace tessera
