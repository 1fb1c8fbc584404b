// Moments and master weights lie as their weight does; what they hold follows from what is done to the weight's values.
#include "rules/companions.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace tessera {
namespace {

using Kind = CompanionDecl::Kind;

bool is_lora(Kind kind) { return kind == Kind::lora_a || kind == Kind::lora_b; }

// A stored weight c w has the first moment m / c and the second v / c^2; what is added to it changes neither.
bool follow_ops(Address& address, const CompanionDecl& kind, Diagnostics& diagnostics) {
  std::vector<ValueOp> ops;
  for (ValueOp op : address.ops) {
    if (op.kind == ValueOp::Kind::neg_exp) {
      diagnostics.error("V01", op.span, format("`{}` does not follow a weight that is stored as -exp(x)", kind.name.s),
                        "convert the weights without it");
      return false;
    }
    if (op.kind == ValueOp::Kind::plus) continue;
    if (op.kind == ValueOp::Kind::times) {
      op.kind = ValueOp::Kind::divide;
      op.power = kind.kind == Kind::exp_avg ? 1 : 2;
    }
    ops.push_back(std::move(op));
  }
  address.ops = std::move(ops);
  return true;
}

// Nothing moves where there is no tensor: a moment that must be something else there is told.
void follow_value(Address& address) {
  if (address.value) address.value = literal(Value(int64_t{0}), address.value->span());
}

}  // namespace

Rule companion_base(const Rule& weight, const CompanionDecl& kind) {
  Rule rule = weight;
  rule.name += "." + kind.name.s;
  rule.dtype.assign(weight.sides.size(), std::nullopt);
  rule.in.clear();
  rule.linear = false;
  for (SideId side = 0; side < rule.sides.size(); ++side)
    for (Alternative& alternative : rule.sides[side])
      for (Address& address : alternative.addresses)
        if (address.kind == Address::Kind::tensor && kind.templates[side]) address.form = kind.templates[side]->s;
  return rule;
}

std::optional<Rule> moment_of(const Rule& weight, const CompanionDecl& kind, Diagnostics& diagnostics) {
  Rule rule = companion_base(weight, kind);
  rule.dtype.assign(weight.sides.size(), DtypePin{DType::f32, {}, kind.name.span});
  if (kind.kind == Kind::master) return rule;
  for (SideForm& side : rule.sides)
    for (Alternative& alternative : side)
      for (Address& address : alternative.addresses) {
        if (!follow_ops(address, kind, diagnostics)) return std::nullopt;
        follow_value(address);
      }
  return rule;
}

void carry_kinds(RuleSet& set, const Kinds& kinds, SideId to, Diagnostics& diagnostics) {
  if (kinds.weights && kinds.companions.empty()) return;
  const std::vector<Rule> weights = std::move(set.rules);
  const std::vector<Copy> copies = std::move(set.copies);
  set.rules.clear();
  set.copies.clear();
  if (kinds.weights) {
    set.rules = weights;
    set.copies = copies;
  }
  for (const size_t index : kinds.companions) {
    const CompanionDecl& kind = set.file.companions[index];
    if (!kind.templates[to]) {
      diagnostics.error(
          "V01", kind.name.span,
          format("`{}` is in the source, and has no name on the {} side", kind.name.s, set.file.sides[to].s),
          "say it here, or convert the weights without it");
      return;
    }
    std::map<RuleId, RuleId> derived;
    for (RuleId id = 0; id < weights.size(); ++id) {
      auto rule = is_lora(kind.kind) ? lora_of(set.file, weights[id], kind, diagnostics)
                                     : moment_of(weights[id], kind, diagnostics);
      if (!rule) continue;
      derived[id] = static_cast<RuleId>(set.rules.size());
      set.rules.push_back(*std::move(rule));
    }
    if (is_lora(kind.kind)) continue;  // a layer stands once
    for (Copy copy : copies) {
      if (!derived.contains(copy.of)) continue;
      copy.of = derived.at(copy.of);
      for (Alternative& alternative : copy.form)
        for (Address& address : alternative.addresses) {
          if (kind.templates[copy.side]) address.form = kind.templates[copy.side]->s;
          if (kind.kind != Kind::master && !follow_ops(address, kind, diagnostics)) return;
        }
      set.copies.push_back(std::move(copy));
    }
  }
}

}  // namespace tessera
