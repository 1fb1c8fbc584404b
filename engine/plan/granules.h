// Boxes between two encoded weights become boxes between one of their fields. A granule of the target takes that of the
// source which its elements come from.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "layout/box.h"
#include "plan/encodings.h"

namespace tessera {

// One copy between weights of these shapes. nullopt if some granule of the target would need several of the source (or,
// packed, a part of one, or another order): then `why` says so.
std::optional<std::vector<Box>> field_boxes(const FieldSpec& field, const Box& box, const Extents& from,
                                            const Extents& to, std::string& why);

// The granules that an image of a weight touches.
std::vector<Image> field_images(const FieldSpec& field, const Image& image, const Extents& weight);

// Pairs (to, from) as few boxes: runs, then runs of runs.
std::vector<Box> compress(std::vector<std::pair<int64_t, int64_t>> pairs);

}  // namespace tessera
