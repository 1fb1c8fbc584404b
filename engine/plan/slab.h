// The elements of one part in one place as an index space with strides, and what two of them have in common.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/shared.h"
#include "plan/address.h"

namespace tessera {

struct SlabAxis {
  std::string name;
  const Slots* slots = nullptr;
  int64_t step = 0;  // in coordinates of its dimension
  uint32_t dimension = 0;
  int64_t stride = 0;  // in elements
  bool star = false;   // copies: not an axis of the part
  int64_t size = 0;    // global indices
};

struct Slab {
  const LocalTensor* tensor = nullptr;
  std::vector<int64_t> coordinate;  // of the first slots, before the cut
  int64_t offset = 0;               // of the same, in elements of what the place holds (may lie outside)
  std::vector<SlabAxis> axes;       // in the part's order, stars last
};

// An index that a loop or a name gives.
struct FixedIndex {
  std::string axis;
  int64_t index = 0;
};

// The slab of `part` in the place with these ranks; nullopt if a fixed index does not stand there. Axes in `fixed` that
// the layout does not place are no business of the slab.
std::optional<Slab> slab_of(EndAddress& address, const std::string& part, const Ranks& ranks, EndAxes& axes,
                            const std::vector<FixedIndex>& fixed);

// Which of the copies along starred axes take part.
enum class Copies { all, first };

struct PairBox {
  Shared<Box> box;    // axes as in `to`
  bool pad = false;   // fills empty slots with the last index
  bool first = true;  // of all copies in `from`, the first
};
// Maximal boxes of equal indices, clipped to the cuts of both ends. `repeat`: empty slots of `to` hold the last index.
std::vector<PairBox> pair(const Slab& from, Copies from_copies, const Slab& to, Copies to_copies, bool repeat);

// A box of one slab alone: index i of axis a is the global index first[a] + i (0 for empty slots).
struct SlabBox {
  Image image;
  std::vector<int64_t> first;  // for each axis of the slab
};
std::vector<SlabBox> held_boxes(const Slab& slab);   // everything but empty slots, all copies
std::vector<SlabBox> empty_boxes(const Slab& slab);  // every element with an empty slot on some axis
// Every element with an empty slot on an axis in `fixed`: no tuple of indices leads there.
std::vector<SlabBox> unreached_boxes(EndAddress& address, const std::string& part, const Ranks& ranks, EndAxes& axes,
                                     const std::vector<FixedIndex>& fixed);

}  // namespace tessera
