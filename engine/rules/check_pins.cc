// R01: a dtype that is another rule's must end at a dtype, or at a rule that has none.
#include <algorithm>

#include "base/suggest.h"
#include "base/text.h"
#include "rules/check.h"

namespace tessera {
namespace {

// Follows `dtype: RULE` from one rule on one side.
class PinWalk {
 public:
  PinWalk(const BlockDecl& block, Findings& findings) : block_(block), findings_(findings) {}

  void follow(const RuleDecl& first, SideId side) {
    std::vector<const RuleDecl*> passed{&first};
    for (const DtypePin* pin = pin_of(first, side); pin && !pin->rule.empty(); pin = pin_of(*passed.back(), side)) {
      const RuleDecl* next = find(pin->rule);
      if (!next) return unknown(*pin);
      if (next == &first) return ring(passed);
      if (std::find(passed.begin(), passed.end(), next) != passed.end()) return;  // a ring that another rule begins
      passed.push_back(next);
    }
  }

 private:
  static const DtypePin* pin_of(const RuleDecl& rule, SideId side) {
    return side < rule.dtype.size() && rule.dtype[side] ? &*rule.dtype[side] : nullptr;
  }

  const RuleDecl* find(const std::string& name) const {
    for (const RuleDecl& rule : block_.rules)
      if (rule.name.s == name) return &rule;
    return nullptr;
  }

  void unknown(const DtypePin& pin) {
    std::vector<std::string> names{"f32", "bf16", "f16", "float32", "bfloat16", "float16"};
    for (const RuleDecl& rule : block_.rules) names.push_back(rule.name.s);
    findings_.error("R01", pin.span, format("there is no dtype `{}`{}", pin.rule, did_you_mean(pin.rule, names)),
                    "a dtype (f32, bf16, ...), or another rule of the block");
  }

  void ring(const std::vector<const RuleDecl*>& passed) {
    std::vector<std::string> names;
    for (const RuleDecl* rule : passed) {
      names.push_back(rule->name.s);
      if (rule->name.span.begin < passed[0]->name.span.begin) return;  // told at its first rule
    }
    names.push_back(passed[0]->name.s);
    findings_.error("R01", passed[0]->name.span,
                    format("the dtypes of these rules go round in a ring: {}", join(names, " -> ")),
                    "one of them must be a dtype");
  }

  const BlockDecl& block_;
  Findings& findings_;
};

}  // namespace

void prove_pins(Proving& proving) {
  for (const BlockDecl& block : proving.file.blocks)
    for (const RuleDecl& rule : block.rules)
      for (SideId side = 0; side < proving.file.sides.size(); ++side)
        PinWalk(block, proving.findings).follow(rule, side);
}

}  // namespace tessera
