// Value operations of addresses as programs, and constants as fills.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan/graph.h"
#include "plan/sites.h"

namespace tessera {

// What stands behind `|`, without rest, as it is applied when this end is written. nullopt after B03.
std::optional<Program> steps_of(const Address& address, EndScope& scope, Diagnostics& diagnostics);
// From what one end stores to what the other stores: undoes `stored`, then applies `wanted`; steps that cancel are left
// out.
Program between(Program stored, Program wanted);
double run_program(const Program& steps, double value);
bool is_exact(const ScalarStep& step);  // times or divided by a power of two
std::string to_text(const ScalarStep& step);

// Fills with the value of a constant address, or of `rest`.
class FillMaker {
 public:
  // `steps`: what the end that holds the elements does to a value.
  FillMaker(Graph& graph, const Expr& value, Program steps, const RuleFile& file, EndScope& scope,
            Diagnostics& diagnostics);
  // An index into Graph::fills for one box of a slab (its axes: those that are not fixed); nullopt after B03.
  std::optional<uint32_t> fill(const std::vector<FixedIndex>& fixed, const Slab& slab, const SlabBox& box);
  std::optional<uint32_t> fill();  // of a value that names no axis

 private:
  std::optional<uint32_t> evaluate_at(const std::vector<FixedIndex>& fixed);
  std::map<std::string, Value, std::less<>> snapshot() const;

  Graph& graph_;
  const Expr& value_;
  Program steps_;
  EndScope& scope_;
  Diagnostics& diagnostics_;
  std::vector<std::string> axes_;  // that the value names
  std::optional<uint32_t> plain_;
};

uint32_t zero_fill(Graph& graph);
uint32_t add_fill(Graph& graph, FillValue value);            // a constant; the same twice is one fill
uint32_t add_program(Graph& graph, const Program& program);  // the same twice is one

}  // namespace tessera
