// `same`: further tensors with the parts of a rule. A copy that says no layout has the one its rule has on that side.
#include <algorithm>

#include "base/suggest.h"
#include "base/text.h"
#include "rules/link.h"
#include "rules/weight.h"

namespace tessera {
namespace {

bool says_layout(const Address& address) { return !address.layout.dimensions.empty(); }

// The rule's address that a copy's address repeats: of the same key, or the only one.
const Address* repeated(const Alternative& of, const Address& copy) {
  for (const Address& address : of.addresses)
    if (address.label.s == copy.label.s) return &address;
  return of.addresses.size() == 1 && copy.label.empty() ? &of.addresses[0] : nullptr;
}

// The layout's words stand in the text of the address that spelled it, so text and label come along.
void take_layout(const Address& from, Address& copy) {
  copy.layout = from.layout;
  copy.text = from.text;
  copy.label = from.label;
}

class CopyForm {
 public:
  CopyForm(const CopyDecl& decl, const SideForm& of, Diagnostics& diagnostics)
      : decl_(decl), of_(of), diagnostics_(diagnostics) {}

  SideForm complete() {
    SideForm form;
    for (const Alternative& alternative : decl_.form) {
      const auto& addresses = alternative.addresses;
      if (std::all_of(addresses.begin(), addresses.end(), says_layout))
        form.push_back(alternative);
      else
        add_completed(alternative, form);
    }
    return form;
  }

 private:
  void add_completed(const Alternative& alternative, SideForm& form) {
    if (alternative.when && of_.size() > 1)
      return refuse(alternative.addresses[0], "both the copy and its rule have alternatives on this side");
    for (const Alternative& of : of_) {
      Alternative completed = alternative;
      if (!completed.when) completed.when = of.when;
      for (Address& address : completed.addresses) {
        if (says_layout(address)) continue;
        const Address* repeats = repeated(of, address);
        if (!repeats) return refuse(address, "its rule has several addresses on this side");
        take_layout(*repeats, address);
      }
      form.push_back(std::move(completed));
    }
  }

  void refuse(const Address& address, const char* why) {
    diagnostics_.error("R03", address.name_span, format("the layout of this copy must be written: {}", why));
  }

  const CopyDecl& decl_;
  const SideForm& of_;
  Diagnostics& diagnostics_;
};

bool same_ops(const std::vector<ValueOp>& a, const std::vector<ValueOp>& b) {
  const auto same = [](const ValueOp& x, const ValueOp& y) {
    return x.kind == y.kind && (!x.operand || to_text(*x.operand) == to_text(*y.operand));
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool has_own_ops(const SideForm& copy, const SideForm& of) {
  for (const Alternative& alternative : copy)
    for (const Address& address : alternative.addresses) {
      const auto same_as = [&](const Alternative& other) {
        const Address* repeats = repeated(other, address);
        return repeats ? same_ops(address.ops, repeats->ops) : address.ops.empty();
      };
      if (std::none_of(of.begin(), of.end(), same_as)) return true;
    }
  return false;
}

Copy copy_of(const CopyDecl& decl, const Rule& rule, RuleId id, Diagnostics& diagnostics) {
  Copy copy;
  copy.of = id;
  copy.side = decl.side;
  copy.form = CopyForm(decl, rule.sides[decl.side], diagnostics).complete();
  copy.when = rule.when;
  if (decl.when) copy.when.push_back(*decl.when);
  copy.loops = rule.loops;
  copy.loops.insert(copy.loops.end(), decl.loops.begin(), decl.loops.end());
  copy.stage = decl.stage;
  copy.optional = decl.optional;
  copy.own_ops = has_own_ops(copy.form, rule.sides[decl.side]);
  copy.span = decl.span;
  return copy;
}

// Each address of the copy meets each of its rule's, and each alternative of the rule may be one of the copy too.
size_t copy_weight(const CopyDecl& decl, const Rule& rule) {
  const SideForm& of = rule.sides[decl.side];
  const size_t own = weight(of) + weight(rule.when) + weight(rule.loops);
  return sizeof(Copy) + own + weight(decl.form) * (1 + address_count(of));
}

void tell_unknown(const Text& of, const RuleSet& set, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const Rule& rule : set.rules) names.push_back(rule.name);
  diagnostics.error("R02", of.span, format("there is no rule `{}`{}", of.s, did_you_mean(of.s, names)),
                    "`of` names a block of the model and one of its rules: embed.words");
}

}  // namespace

void link_copies(RuleSet& set, Room& room, Diagnostics& diagnostics) {
  ViewMap<std::vector<RuleId>> rules;
  for (RuleId id = 0; id < set.rules.size(); ++id) rules[set.rules[id].name].push_back(id);
  for (const CopyDecl& decl : set.file.same) {
    if (diagnostics.full()) return;
    const auto of = rules.find(decl.of.s);
    if (of == rules.end()) {
      tell_unknown(decl.of, set, diagnostics);
      continue;
    }
    for (const RuleId id : of->second) {
      if (!room.take(copy_weight(decl, set.rules[id]), decl.of.span)) return;
      set.copies.push_back(copy_of(decl, set.rules[id], id, diagnostics));
    }
  }
}

}  // namespace tessera
