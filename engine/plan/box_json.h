// What every JSON of boxes shares.
#pragma once
#include <vector>

#include "base/value.h"
#include "layout/box.h"

namespace tessera {

List number_list(const std::vector<int64_t>& values);
Map strided_json(const Strided& at);  // {offset, strides}, in elements

}  // namespace tessera
