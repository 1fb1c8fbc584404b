// What a direction costs, by the rules alone: the weakest over all conditions, with its reason.
#include <cmath>

#include "base/text.h"
#include "rules/parts.h"
#include "rules/ruleset.h"

namespace tessera {
namespace {

bool is_power_of_two(double value) {
  int exponent = 0;
  return std::isfinite(value) && std::frexp(std::fabs(value), &exponent) == 0.5;
}

// `times` of a power of two changes no digit; of what the configuration decides, who knows.
bool is_exact(const ValueOp& op) {
  if (op.kind == ValueOp::Kind::rest) return true;
  if (op.kind != ValueOp::Kind::times || !op.operand) return false;
  const auto value = evaluate(
      *op.operand, [](std::string_view) { return nullptr; }, nullptr);
  if (!value) return false;
  if (value->as_int()) return is_power_of_two(static_cast<double>(*value->as_int()));
  return value->as_float() && is_power_of_two(*value->as_float());
}

std::string op_text(const ValueOp& op) {
  const std::string operand = op.operand ? "(" + to_text(*op.operand) + ")" : "";
  switch (op.kind) {
    case ValueOp::Kind::plus:
      return "plus" + operand;
    case ValueOp::Kind::times:
      return "times" + operand;
    case ValueOp::Kind::neg_exp:
      return "neg_exp";
    case ValueOp::Kind::divide:
      return "divide" + operand;
    case ValueOp::Kind::rest:
      break;
  }
  return "rest" + operand;
}

bool has_star(const std::vector<Factor>& factors) {
  for (const Factor& factor : factors) {
    if (factor.starred) return true;
    for (const Term& term : factor.terms)
      if (has_star(term.factors)) return true;
  }
  return false;
}

bool has_star(const Layout& layout) {
  for (const Dimension& dimension : layout.dimensions)
    if (has_star(dimension.factors)) return true;
  return false;
}

class Weighing {
 public:
  Weighing(const RuleSet& set, SideId from, SideId to) : set_(set), from_(from), to_(to) {}

  Verdict run() {
    for (const Rule& rule : set_.rules) weigh(rule);
    for (const Copy& copy : set_.copies)
      if (copy.side == from_ && !copy.optional && !copy.own_ops) lower(Grade::checked, "tied copies");
    for (const EncodingDecl& encoding : set_.file.encodings) weigh(encoding);
    weigh_companions();
    return verdict_;
  }

 private:
  void weigh(const Rule& rule) {
    for (SideId side = 0; side < rule.sides.size(); ++side) {
      if (side != from_ && side != to_) continue;
      for (const Alternative& alternative : rule.sides[side])
        for (const Address& address : alternative.addresses) {
          conditions_ = condition_text(rule, alternative);
          name_ = rest_of_name(rule.name) + (address.label.empty() ? "" : "." + address.label.s);
          weigh(address, side);
        }
    }
    conditions_.clear();
  }

  void weigh(const Address& address, SideId side) {
    for (const ValueOp& op : address.ops) {
      if (!is_exact(op)) lower(Grade::lossy, name_ + " | " + op_text(op));
      if (op.kind == ValueOp::Kind::rest && side == from_) lower(Grade::checked, name_ + " | " + op_text(op));
    }
    if (side == to_ && address.kind == Address::Kind::unused) lower(Grade::lossy, name_ + " is unused");
    if (side == to_ && address.kind == Address::Kind::constant) lower(Grade::checked, name_ + " is constant");
    if (side == from_ && has_star(address.layout)) lower(Grade::checked, name_ + " is held in copies");
  }

  // Encoded on the reading side alone: decoded; on the writing side alone: encoded, if it may be.
  void weigh(const EncodingDecl& encoding) {
    const bool read = has(encoding, from_), written = has(encoding, to_);
    if (read && !written) lower(Grade::lossy, encoding.name.s + " decoded");
    if (!written || read || encoding.write_never) return;
    verdict_.refused = true;
    verdict_.reason = format("values are not encoded as {}: `write: never` writes them plain", encoding.name.s);
  }
  static bool has(const EncodingDecl& encoding, SideId side) {
    return side < encoding.on.size() && !encoding.on[side].empty();
  }

  // Where a side fuses parts, its lora_B is block-diagonal, with zeros between that are checked.
  void weigh_companions() {
    for (const CompanionDecl& companion : set_.file.companions) {
      if (companion.kind != CompanionDecl::Kind::lora_b) continue;
      for (const Rule& rule : set_.rules)
        if (rule.linear && parts_at_once(rule, from_) > parts_at_once(rule, to_))
          lower(Grade::checked, "zeros of " + companion.name.s);
    }
  }

  static size_t parts_at_once(const Rule& rule, SideId side) {
    size_t most = 0;
    for (const Alternative& alternative : rule.sides[side])
      for (const Address& address : alternative.addresses) most = std::max(most, parts_of(address.layout).size());
    return most;
  }

  static std::string condition_text(const Rule& rule, const Alternative& alternative) {
    std::vector<std::string> texts;
    for (const Expr& when : rule.when) texts.push_back(to_text(when));
    if (alternative.when) texts.push_back(to_text(*alternative.when));
    return join(texts, " and ");
  }

  void lower(Grade grade, const std::string& reason) {
    if (verdict_.refused || grade <= verdict_.grade) return;
    verdict_.grade = grade;
    verdict_.reason = conditions_.empty() ? reason : format("if {}: {}", conditions_, reason);
  }

  const RuleSet& set_;
  const SideId from_, to_;
  std::string conditions_, name_;  // of the address in hand
  Verdict verdict_;
};

}  // namespace

const char* grade_name(Grade grade) {
  switch (grade) {
    case Grade::exact:
      return "exact";
    case Grade::checked:
      return "checked";
    case Grade::lossy:
      break;
  }
  return "lossy";
}

Verdict static_verdict(const RuleSet& set, SideId from, SideId to) { return Weighing(set, from, to).run(); }

}  // namespace tessera
