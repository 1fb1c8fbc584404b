// Offsets, strides and shapes as JSON values.
#include "plan/box_json.h"

namespace tessera {

List number_list(const std::vector<int64_t>& values) { return List(values.begin(), values.end()); }

Map strided_json(const Strided& at) {
  Map json;
  json["offset"] = at.offset;
  json["strides"] = number_list(at.strides);
  return json;
}

}  // namespace tessera
