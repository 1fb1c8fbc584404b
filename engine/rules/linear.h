// Integer expressions as sums: what the proofs about ranges compute with.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rules/canonical.h"

namespace tessera {

// constant + sum of coefficient * symbol. A symbol is a path ("hidden_size") or the text of something that is not
// linear
// ("(n // 2)"); what names the latter holds is told by `inside`.
struct Linear {
  std::map<std::string, int64_t> terms;  // no coefficient is 0
  int64_t constant = 0;
  std::vector<std::string> inside;
  bool operator==(const Linear& other) const { return terms == other.terms && constant == other.constant; }
};

// nullopt for what is no integer expression (texts, floats, conditions) and on overflow.
std::optional<Linear> linear_form(const Expr& expr, uint32_t node, const Renaming& names = {});
std::optional<Linear> linear_form(const Expr& expr, const Renaming& names = {});

// a + factor * b
std::optional<Linear> add(const Linear& a, const Linear& b, int64_t factor);
Linear constant(int64_t value);
Linear symbol(const std::string& name);

// What a condition that holds says of integers: forms that are 0 or more.
void add_facts(const Expr& condition, std::vector<Linear>& facts);
// Is `form` 0 or more wherever the facts are? Tries sums of up to `depth` facts; false means "not proved". `work`: the
// steps (of some 50 ns) that it may still take.
bool proves_nonnegative(const Linear& form, const std::vector<Linear>& facts, size_t* work = nullptr, int depth = 3);

}  // namespace tessera
