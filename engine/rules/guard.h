// Conditions against each other: can all of these hold at once? What R04, R05 and R06 stand on.
//
// Conditions are read as formulas over few unknowns, whose every combination is walked: a term compared with values
// takes one of them or another value; an enumerated option one of its list; two terms compared with each other are
// less, equal or greater; anything else is true or false. Equal texts are one unknown. So "never" is a proof,
// "possible" a doubt.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/value.h"
#include "rules/ast.h"
#include "rules/expr.h"
#include "rules/linear.h"

namespace tessera {

// A condition that is said to hold, or not to hold.
struct Clause {
  Expr condition;
  bool holds = true;
  Renaming names;
  bool told = true;  // examples speak of what it asks
};

// What is known of the names in conditions.
struct Knowledge {
  std::map<std::string, std::vector<Value>, std::less<>> choices;  // enumerated options: the values of each
  std::map<std::string, Value, std::less<>> known;                 // names whose value is settled
  std::vector<Expr> required;                                      // conditions that hold in every model
  size_t* work = nullptr;  // what all walks together may still do, in steps of some 50 ns; none: each is bounded alone

  explicit Knowledge(const RuleFile& file);  // its options
  Knowledge() = default;
};

struct Walk {
  enum class Result { never, possible, undecided };  // undecided: too many conditions or combinations
  Result result = Result::undecided;
  std::string example;  // possible: `order == "v2" and not tied`; empty if there is nothing to tell
  bool never() const { return result == Result::never; }
};
Walk walk(const std::vector<Clause>& clauses, const Knowledge& knowledge);

Expr compare(const Expr& a, ExprOp op, const Expr& b);  // `a op b`, for clauses only: its spans are a's

}  // namespace tessera
