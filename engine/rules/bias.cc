// `bias: true`: the bias of a layer stands beside its weight, with the dimensions that the layer does not sum over.
#include <algorithm>

#include "base/text.h"
#include "rules/link.h"
#include "rules/parts.h"

namespace tessera {
namespace {

constexpr std::string_view weight_word = "weight";

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_only_ones(const Dimension& dimension) {
  const auto& factors = dimension.factors;
  return std::all_of(factors.begin(), factors.end(),
                     [](const Factor& factor) { return factor.kind == Factor::Kind::one; });
}

class Derivation {
 public:
  Derivation(const RuleFile& file, const RuleDecl& decl, const Rule& weight, Diagnostics& diagnostics)
      : file_(file), decl_(decl), weight_(weight), diagnostics_(diagnostics) {}

  std::optional<Rule> run() {
    const size_t errors = diagnostics_.error_count();
    Rule bias = weight_;
    bias.name += ".bias";
    bias.is_bias = true;
    bias.linear = false;
    bias.in.clear();
    if (decl_.bias) bias.when.push_back(*decl_.bias);
    // What is wrong with `in`, `bias` or the names is wrong on every side: the first tells.
    for (SideId side = 0; side < bias.sides.size() && diagnostics_.error_count() == errors; ++side)
      for (size_t i = 0; i < bias.sides[side].size(); ++i)
        if (!reduce(side, i, bias.sides[side][i])) return std::nullopt;
    return diagnostics_.error_count() == errors ? std::optional(std::move(bias)) : std::nullopt;
  }

 private:
  // The parts' axes, for this alternative beside the first of each other side.
  std::optional<std::vector<PartOrder>> orders_for(SideId side, size_t index) const {
    std::vector<const Alternative*> chosen;
    for (SideId s = 0; s < weight_.sides.size(); ++s) {
      if (weight_.sides[s].empty()) return std::nullopt;
      chosen.push_back(&weight_.sides[s][s == side ? index : 0]);
    }
    Diagnostics unheard;  // check tells what is wrong with the weight
    return part_orders(file_, chosen, weight_.loops, unheard);
  }

  bool reduce(SideId side, size_t index, Alternative& alternative) {
    const auto orders = orders_for(side, index);
    if (!orders) return false;
    const Alternative& before = weight_.sides[side][index];
    Diagnostics unheard;
    const std::vector<PartView> views = part_views(before, file_, unheard);
    for (size_t i = 0; i < alternative.addresses.size(); ++i) {
      rename(alternative.addresses[i]);
      check_ops(alternative.addresses[i]);
      alternative.addresses[i].layout = kept(before.addresses[i], *orders, views);
    }
    return true;
  }

  // The last `weight` in the name becomes `bias`.
  void rename(Address& address) {
    if (address.kind != Address::Kind::tensor) return;
    for (auto piece = address.name.rbegin(); piece != address.name.rend(); ++piece) {
      const size_t at = piece->hole < 0 ? piece->text.rfind(weight_word) : std::string::npos;
      if (at == std::string::npos) continue;
      piece->text.replace(at, weight_word.size(), "bias");
      return;
    }
    diagnostics_.error("R03", address.name_span, "the bias has no name: there is no `weight` in this one",
                       "write the bias as a rule of its own");
  }

  void check_ops(const Address& address) {
    for (const ValueOp& op : address.ops)
      if (op.kind != ValueOp::Kind::rest)
        diagnostics_.error("R03", op.span, "a bias does not follow from a weight that is stored as another value",
                           "write the bias as a rule of its own");
  }

  Layout kept(const Address& address, const std::vector<PartOrder>& orders, const std::vector<PartView>& views) {
    Layout layout, ones;
    for (const Dimension& dimension : address.layout.dimensions) {
      if (is_summed(axes_in(dimension, address, orders, views))) continue;
      (is_only_ones(dimension) ? ones : layout).dimensions.push_back(dimension);
    }
    if (layout.dimensions.size() > 1 && !decl_.has_in)
      diagnostics_.error("R03", address.kind == Address::Kind::tensor ? address.name_span : address.text.span,
                         "a bias of a matrix: which axes does the layer sum over?", "say it with `in: AXES`");
    if (layout.dimensions.empty() && !ones.dimensions.empty()) layout.dimensions.push_back(ones.dimensions[0]);
    return layout;
  }

  // Does the layer sum over this dimension? R03 if only over a part of it.
  bool is_summed(const std::vector<Laid>& axes) {
    const auto named = [&](const Laid& laid) { return contains(weight_.in, laid.axis); };
    if (std::none_of(axes.begin(), axes.end(), named)) return false;
    const auto other = std::find_if_not(axes.begin(), axes.end(), named);
    if (other != axes.end() && file_.axis(other->axis))
      diagnostics_.error("R03", other->span, format("`in` names a part of this dimension, but not `{}`", other->axis),
                         "a layer sums over a whole dimension or not at all");
    return true;
  }

  const RuleFile& file_;
  const RuleDecl& decl_;
  const Rule& weight_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<Rule> bias_of(const RuleFile& file, const RuleDecl& decl, const Rule& weight, Diagnostics& diagnostics) {
  return Derivation(file, decl, weight, diagnostics).run();
}

}  // namespace tessera
