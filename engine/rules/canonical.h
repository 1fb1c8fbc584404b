// Expressions compared by what they say, not by how they are written.
#pragma once
#include <map>
#include <string>

#include "rules/expr.h"

namespace tessera {

// Other names for the names of an expression: axes of two sites are different variables until a name makes them one.
using Renaming = std::map<std::string, std::string, std::less<>>;

// The expression that one node is the root of.
Expr subexpression(const Expr& expr, uint32_t node);
// An expression under a renaming, fully bracketed: equal texts mean equal values.
std::string canonical_text(const Expr& expr, uint32_t node, const Renaming& names);

}  // namespace tessera
