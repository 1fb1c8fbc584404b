// LoRA adds B A to the weight of a linear layer: A is (rank, input axes), B is (output axes, rank). Parts that every
// side keeps in one tensor have one pair between them. Where one side alone fuses, its A holds theirs one behind the
// other, its B has them on the diagonal, and zeros elsewhere:
//     q: q.weight  (g r d) h, k: k.weight  (g d) h      A  rank h               B  (g r d) rank
//     qkv.weight  (g q+k d) h                           A  q:rank+k:rank h      B  (g q+k d) q:rank+k:rank | rest(0)
#include <algorithm>
#include <map>

#include "base/text.h"
#include "rules/companions.h"
#include "rules/parts.h"

namespace tessera {
namespace {

// One address of a linear layer, taken apart.
struct Linear {
  Dimension input, output;
  std::vector<std::string> parts;  // in order of the layout
};

// Parts by the addresses that hold them, one on each side: those with equal keys have one pair of A and B.
using Key = std::vector<const Address*>;

class LoraDerivation {
 public:
  LoraDerivation(const RuleFile& file, const Rule& weight, const CompanionDecl& kind, Diagnostics& diagnostics)
      : file_(file),
        weight_(weight),
        kind_(kind),
        wants_a_(kind.kind == CompanionDecl::Kind::lora_a),
        diagnostics_(diagnostics) {}

  std::optional<Rule> run() {
    if (!weight_.linear) return std::nullopt;
    Rule rule = companion_base(weight_, kind_);
    for (SideId side = 0; side < rule.sides.size(); ++side)
      for (size_t i = 0; i < rule.sides[side].size(); ++i)
        if (!reduce(side, i, rule.sides[side][i])) return std::nullopt;
    return rule;
  }

 private:
  std::vector<const Alternative*> beside(SideId side, size_t index) const {
    std::vector<const Alternative*> chosen;
    for (SideId s = 0; s < weight_.sides.size(); ++s) chosen.push_back(&weight_.sides[s][s == side ? index : 0]);
    return chosen;
  }

  // False without an error: not a matrix, so no LoRA.
  bool reduce(SideId side, size_t index, Alternative& out) {
    const auto chosen = beside(side, index);
    Diagnostics unheard;  // check has told what is wrong with the weight
    const auto orders = part_orders(file_, chosen, weight_.loops, unheard);
    if (!orders) return false;
    std::map<std::string, Key> keys;
    for (const Alternative* alternative : chosen)
      for (const PartView& view : part_views(*alternative, file_, unheard)) keys[view.part].push_back(view.address);
    const std::vector<PartView> views = part_views(*chosen[side], file_, unheard);
    for (size_t i = 0; i < out.addresses.size(); ++i) {
      const auto linear = take_apart(chosen[side]->addresses[i], *orders, views);
      if (!linear || !rebuild(out.addresses[i], *linear, keys)) return false;
    }
    return true;
  }

  std::optional<Linear> take_apart(const Address& address, const std::vector<PartOrder>& orders,
                                   const std::vector<PartView>& views) const {
    const auto& dimensions = address.layout.dimensions;
    if (address.kind != Address::Kind::tensor || dimensions.size() != 2) return std::nullopt;
    const auto summed = [&](const Dimension& dimension) {
      const auto axes = axes_in(dimension, address, orders, views);
      return std::ranges::any_of(axes, [&](const Laid& laid) { return std::ranges::count(weight_.in, laid.axis) > 0; });
    };
    const bool first = summed(dimensions[0]);
    if (first == summed(dimensions[1])) return std::nullopt;
    Linear linear{dimensions[first ? 0 : 1], dimensions[first ? 1 : 0], {}};
    for (const Word& part : parts_of(address.layout))
      if (std::ranges::count(linear.parts, part.text) == 0) linear.parts.push_back(part.text);
    if (linear.parts.empty()) linear.parts.push_back(whole_part(address));
    return linear;
  }

  static bool has_sum(const Dimension& dimension) { return has_parts(Layout{{dimension}}); }

  // The first part, in the alphabet, of those that have one pair with this one.
  static const std::string& leader(const std::string& part, const std::map<std::string, Key>& keys) {
    const auto same = [&](const auto& entry) { return entry.second == keys.at(part); };
    return std::ranges::find_if(keys, same)->first;
  }

  bool rebuild(Address& address, const Linear& linear, const std::map<std::string, Key>& keys) {
    std::vector<std::string> pairs;
    for (const std::string& part : linear.parts)
      if (const std::string& first = leader(part, keys); std::ranges::count(pairs, first) == 0) pairs.push_back(first);
    const Dimension& kept = wants_a_ ? linear.input : linear.output;
    const bool fuses = pairs.size() > 1;
    if (fuses && (pairs.size() < linear.parts.size() || (has_sum(linear.input) && has_sum(linear.output))))
      return refuse(address);
    follow_ops(address);
    const Dimension rank = fuses ? ranks(linear, kept) : plain_rank(kept);
    address.layout.dimensions = wants_a_ ? std::vector{rank, kept} : std::vector{kept, rank};
    if (fuses && has_sum(kept)) add_zeros(address);
    if (!has_parts(address.layout)) address.label.s = pairs[0];
    return true;
  }

  static Word at(const Dimension& place, std::string text) { return {std::move(text), place.begin, place.end}; }

  static Dimension plain_rank(const Dimension& place) {
    Factor factor;
    factor.axis = at(place, "rank");
    factor.begin = place.begin;
    factor.end = place.end;
    return {{factor}, place.begin, place.end};
  }

  static Dimension ranks(const Linear& linear, const Dimension& place) {
    Factor sum;
    sum.kind = Factor::Kind::sum;
    sum.begin = place.begin;
    sum.end = place.end;
    for (const std::string& part : linear.parts)
      sum.terms.push_back({Term::Kind::spelled, at(place, part), {at(place, "rank")}, {}, place.begin, place.end});
    return {{sum}, place.begin, place.end};
  }

  static void add_zeros(Address& address) {
    ValueOp rest{ValueOp::Kind::rest, literal(Value(int64_t{0}), address.text.span), 1, address.text.span};
    address.ops.push_back(std::move(rest));
  }

  // c W + c B A: the scale is B's. What is added to a weight is not added to what LoRA adds.
  void follow_ops(Address& address) const {
    std::erase_if(address.ops, [&](const ValueOp& op) { return wants_a_ || op.kind != ValueOp::Kind::times; });
  }

  bool refuse(const Address& address) {
    diagnostics_.error(
        "V01", address.text.span,
        format("{} of `{}` does not follow from this: the sides group its parts differently, and not one by one",
               kind_.name.s, weight_.name),
        "convert the weights without it");
    return false;
  }

  const RuleFile& file_;
  const Rule& weight_;
  const CompanionDecl& kind_;
  const bool wants_a_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<Rule> lora_of(const RuleFile& file, const Rule& weight, const CompanionDecl& kind,
                            Diagnostics& diagnostics) {
  return LoraDerivation(file, weight, kind, diagnostics).run();
}

}  // namespace tessera
