// What rules take in memory, roughly, in bytes: counted before they are copied to the places of a model.
#pragma once
#include "rules/ruleset.h"

namespace tessera {

size_t weight(const Expr& expr);
size_t weight(const Range& loop);
size_t weight(const Address& address);
size_t weight(const SideForm& form);
size_t weight(const Rule& rule);
template <class T>
size_t weight(const std::vector<T>& list) {
  size_t sum = 0;
  for (const T& one : list) sum += weight(one);
  return sum;
}
template <class T>
size_t weight(const std::optional<T>& one) {
  return one ? weight(*one) : 0;
}

size_t address_count(const SideForm& form);

}  // namespace tessera
