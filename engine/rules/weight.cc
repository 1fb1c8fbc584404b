// Sizes of what vectors hold, with the texts in it.
#include "rules/weight.h"

namespace tessera {
namespace {

size_t weight(const Text& text) { return text.s.size() + text.offsets.size() * sizeof(uint32_t); }

size_t weight(const ValueOp& op) { return sizeof op + weight(op.operand); }

size_t weight(const Layout& layout) {
  const size_t words = axes_of(layout).size() + parts_of(layout).size();
  return layout.dimensions.size() * sizeof(Dimension) + words * (sizeof(Factor) + sizeof(Term)) / 2;
}

}  // namespace

size_t weight(const Expr& expr) {
  return sizeof expr + weight(expr.text) + expr.nodes.size() * (sizeof(ExprNode) + 2 * sizeof(uint32_t));
}

size_t weight(const Range& loop) { return sizeof loop + weight(loop.lo) + weight(loop.hi) + weight(loop.where); }

size_t weight(const Address& address) {
  size_t sum = sizeof address + weight(address.text) + weight(address.layout) + weight(address.value);
  for (const NamePiece& piece : address.name) sum += sizeof piece + piece.text.size();
  for (const ValueOp& op : address.ops) sum += weight(op);
  return sum + weight(address.holes);
}

size_t weight(const SideForm& form) {
  size_t sum = 0;
  for (const Alternative& alternative : form)
    sum += sizeof alternative + weight(alternative.when) + weight(alternative.addresses);
  return sum;
}

size_t weight(const Rule& rule) { return sizeof rule + weight(rule.sides) + weight(rule.when) + weight(rule.loops); }

size_t address_count(const SideForm& form) {
  size_t count = 0;
  for (const Alternative& alternative : form) count += alternative.addresses.size();
  return count;
}

}  // namespace tessera
