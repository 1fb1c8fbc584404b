// Tensors that say how others are stored: scales of blocks of fp8 weights, known by their shapes.
#pragma once
#include <set>
#include <string>

#include "plan/draft.h"

namespace tessera {

// Adds an encoding to the draft, and to `encoded` the tensors that are its fields. Other tensors of less than a byte,
// or of fp8 without scales, get a comment.
void find_encodings(const Folds& folds, const std::string& side, std::set<uint32_t>& encoded, Draft& draft);

}  // namespace tessera
