// Finds ids by what they stand for. Keys are not kept here: whoever owns the things behind the ids compares. Eight
// bytes for each id, in one piece, where a hash map would have a node for each key.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tessera {

class IdTable {
 public:
  static constexpr uint32_t none = UINT32_MAX;

  // The id with this hash for which same(id) holds; none if there is none.
  template <class Same>
  uint32_t find(uint64_t hash, const Same& same) const {
    return slots_.empty() ? none : slots_[place(mark_of(hash), same)].id;
  }
  // The same, or `fresh`, which is in the table from then on.
  template <class Same>
  uint32_t find_or_add(uint64_t hash, uint32_t fresh, const Same& same) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[place(mark_of(hash), same)];
    if (slot.id != none) return slot.id;
    slot = {mark_of(hash), fresh};
    ++count_;
    return fresh;
  }

 private:
  struct Slot {
    uint32_t mark = 0, id = none;
  };
  static uint32_t mark_of(uint64_t hash) { return static_cast<uint32_t>((hash * 0x9E3779B97F4A7C15u) >> 32); }

  // Where the id stands, or would.
  template <class Same>
  size_t place(uint32_t mark, const Same& same) const {
    const size_t mask = slots_.size() - 1;
    size_t at = mark & mask;
    while (slots_[at].id != none && !(slots_[at].mark == mark && same(slots_[at].id))) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.id != none) slots_[place(slot.mark, [](uint32_t) { return false; })] = slot;
  }

  std::vector<Slot> slots_;  // open addressing; a power of two
  size_t count_ = 0;
};

}  // namespace tessera
