// Moves between fields, number by number: for what boxes alone do not settle. Memory is proportional to the field.
#pragma once
#include <vector>

#include "plan/graph.h"

namespace tessera {

// Makes moves[begin, ...), copies into one field of `total` numbers, anew, so that each number is copied once. False if
// two of them bring different ones, or one is no copy.
bool join_moves(std::vector<Move>& moves, size_t begin, int64_t total);
// What of a field of `total` numbers none of these reaches.
std::vector<Image> untouched(const std::vector<Image>& images, int64_t total);

}  // namespace tessera
