// One end alone: its names and shapes need no other end.
#include "plan/plan.h"
#include "plan/sites.h"
#include "rules/expr_budget.h"

namespace tessera {
namespace {

class Declarer {
 public:
  Declarer(const Model& model, const EndSpec& end, Diagnostics& diagnostics)
      : rules_(*model.rules),
        end_(model, end, diagnostics),
        walk_(model, {&end_}, diagnostics),
        diagnostics_(diagnostics) {}

  bool run() {
    const EvalBudget budget(most_model_work);
    bool good = true;
    for (RuleId rule = 0; rule < rules_.rules.size() && !end_.tensors.full(); ++rule)
      good &= walk_.rule(
          rule, [&](const RuleSites& sites) { good &= declare(sites, sites.addresses[0]); }, nullptr);
    for (const Copy& copy : rules_.copies)
      if (copy.side == end_.spec.side)
        good &= walk_.copy(copy, 0, [&](const RuleSites& sites) { good &= declare(sites, sites.copy_addresses); });
    return good;
  }

  std::vector<Declared> take() const {
    std::vector<Declared> out;
    for (const EndTensor& tensor : end_.tensors.tensors())
      out.push_back(
          {end_.tensors.name(tensor), tensor.shape, tensor.place, tensor.standing.optional, tensor.standing.rule});
    return out;
  }

 private:
  bool declare(const RuleSites& sites, const std::vector<EndAddress*>& addresses) {
    const Rule& rule = rules_.rules[sites.rule];
    bool good = true;
    for (uint32_t i = 0; i < addresses.size(); ++i) {
      if (!addresses[i]->is_tensor()) continue;
      Standing at{sites.rule,
                  rule.entry,
                  0,
                  i,
                  sites.copy ? sites.copy->stage : rule.stage,
                  sites.copy && sites.copy->optional};
      good &=
          walk_tuples(sites, addresses[i]->captured(), end_.axes, diagnostics_, [&](const auto& fixed, uint32_t turn) {
            at.turn = turn;
            return end_.tensors.find(*addresses[i], at, captured_of(*addresses[i], fixed)) != nullptr;
          });
    }
    return good;
  }

  const RuleSet& rules_;
  EndState end_;
  SiteWalk walk_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<std::vector<Declared>> declared_tensors(const Model& model, const EndSpec& end,
                                                      Diagnostics& diagnostics) {
  Declarer declarer(model, end, diagnostics);
  if (!declarer.run()) return std::nullopt;
  return declarer.take();
}

}  // namespace tessera
