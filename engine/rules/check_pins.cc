// R01: a dtype that is another rule's must end at a dtype, or at a rule that has none.
#include <algorithm>
#include <set>

#include "base/suggest.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "rules/check.h"

namespace tessera {
namespace {

using RulesByName = ViewMap<const RuleDecl*>;

// Follows `dtype: RULE` on one side of a block, each rule once.
class PinWalk {
 public:
  PinWalk(const BlockDecl& block, const RulesByName& rules, SideId side, Findings& findings)
      : block_(block), rules_(rules), side_(side), findings_(findings) {}

  void follow(const RuleDecl& first) {
    std::vector<const RuleDecl*> passed;
    const RuleDecl* at = &first;
    for (; at && settled_.insert(at).second; at = next(*at)) passed.push_back(at);
    const auto again = std::find(passed.begin(), passed.end(), at);
    if (again != passed.end()) ring({again, passed.end()});
  }

 private:
  // nullptr: the way ends here.
  const RuleDecl* next(const RuleDecl& rule) {
    const auto& pin = side_ < rule.dtype.size() ? rule.dtype[side_] : std::nullopt;
    if (!pin || pin->rule.empty()) return nullptr;
    const auto found = rules_.find(pin->rule);
    if (found != rules_.end()) return found->second;
    unknown(*pin);
    return nullptr;
  }

  void unknown(const DtypePin& pin) {
    std::vector<std::string> names{"f32", "bf16", "f16", "float32", "bfloat16", "float16"};
    if (!findings_.full())
      for (const RuleDecl& rule : block_.rules) names.push_back(rule.name.s);
    findings_.error("R01", pin.span, format("there is no dtype `{}`{}", pin.rule, did_you_mean(pin.rule, names)),
                    "a dtype (f32, bf16, ...), or another rule of the block");
  }

  // Told from its first rule on.
  void ring(std::vector<const RuleDecl*> rules) {
    const auto begin = [](const RuleDecl* rule) { return rule->name.span.begin; };
    std::rotate(rules.begin(), std::ranges::min_element(rules, {}, begin), rules.end());
    std::vector<std::string> names;
    for (const RuleDecl* rule : rules) names.push_back(rule->name.s);
    names.push_back(names[0]);
    findings_.error("R01", rules[0]->name.span,
                    format("the dtypes of these rules go round in a ring: {}", join(names, " -> ")),
                    "one of them must be a dtype");
  }

  const BlockDecl& block_;
  const RulesByName& rules_;
  SideId side_;
  Findings& findings_;
  std::set<const RuleDecl*> settled_;
};

}  // namespace

void prove_pins(Proving& proving) {
  for (const BlockDecl& block : proving.file.blocks) {
    RulesByName rules;
    for (const RuleDecl& rule : block.rules) rules.emplace(rule.name.s, &rule);
    for (SideId side = 0; side < proving.file.sides.size(); ++side) {
      PinWalk walk(block, rules, side, proving.findings);
      for (const RuleDecl& rule : block.rules) walk.follow(rule);
    }
  }
}

}  // namespace tessera
