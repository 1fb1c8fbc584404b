// What no part of a layout fills.
#pragma once
#include <vector>

#include "plan/slab.h"

namespace tessera {

// The complement of all parts (pads count as filled) in what the place holds, as boxes. Parts are products of sets of
// coordinates, so each dimension is cut where any part begins or ends.
std::vector<Image> unfilled(EndAddress& address, const Ranks& ranks, EndAxes& axes);

}  // namespace tessera
