// The joint between rules and plan: one flat list of rules with full names, made by link, proved by check.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rules/ast.h"

namespace tessera {

using RuleId = uint32_t;

// A rule at a site of the model: names carry the site's prefix, conditions and loops are those of rule and entry
// together. Derived bias rules ("qkv.bias") are rules like any other.
struct Rule {
  std::string name;             // "attention.qkv", "attention.qkv.bias": block and rule
  uint32_t entry = 0;           // index into RuleFile::model
  std::vector<SideForm> sides;  // by SideId, every side present
  std::vector<Expr> when;       // all must hold
  std::vector<Range> loops;     // entry's first, then the rule's
  Stage stage = Stage::every;
  std::vector<std::optional<DtypePin>> dtype;  // by SideId; `rule` still by name
  std::vector<std::string> in;
  bool linear = false;  // has `in` and is no bias
  bool is_bias = false;
  Span span;
};

// A further copy of a rule's parts (`same`), linked.
struct Copy {
  RuleId of = 0;  // the rule at every site of that name has one Copy each
  SideId side = 0;
  SideForm form;  // addresses complete: where the layout was left out, it is the rule's
  std::vector<Expr> when;
  std::vector<Range> loops;
  Stage stage = Stage::every;
  bool optional = false;
  bool own_ops = false;  // its value operations are not its rule's: written, not compared
  Span span;
};

struct RuleSet {
  RuleFile file;
  std::vector<Rule> rules;  // in order of the model
  std::vector<Copy> copies;
  std::vector<Dialect> dialects;  // all that could be found for its sides
  std::vector<Dialect> packings;
};

// One part of a rule under chosen alternatives: its axes in order, captured ones first (the residual rule).
struct PartOrder {
  std::string name;  // "" for the nameless part
  std::vector<std::string> axes;
  Span span;  // where it is spelled
};

// The part that an address without sums stands for: its label, or "" (the nameless part).
std::string whole_part(const Address& address);
// Axes in the name holes of an address, in order of the holes.
std::vector<std::string> captured_axes(const Address& address, const RuleFile& file);
// The parts of one choice of alternatives (one list of addresses for each side): each part's axes in order. Adds R03
// when the sides disagree. `loops` name axes that may be missing in an address.
std::optional<std::vector<PartOrder>> part_orders(const RuleFile& file, const std::vector<const Alternative*>& chosen,
                                                  const std::vector<Range>& loops, Diagnostics& diagnostics);

// file -> RuleSet: blocks at their sites, prefixes, bias rules, copies. R02 for unknown blocks, rules, sides.
std::optional<RuleSet> link(RuleFile file, std::vector<Dialect> dialects, std::vector<Dialect> packings,
                            Diagnostics& diagnostics);
// All static proofs R02-R07. False if any failed.
bool check(const RuleSet& set, Diagnostics& diagnostics);

// The longer text of a diagnostic id for `check --explain`; nullptr if there is none.
const char* explain_id(std::string_view id);

// exact, checked, lossy, or refused in one direction; with the reason of the weakest.
enum class Grade { exact, checked, lossy };
struct Verdict {
  Grade grade = Grade::exact;
  std::string reason;    // "tied copies", "norm | plus(1)"; empty if exact
  bool refused = false;  // this direction cannot be done
};
const char* grade_name(Grade grade);
// Over all conditions.
Verdict static_verdict(const RuleSet& set, SideId from, SideId to);

}  // namespace tessera
