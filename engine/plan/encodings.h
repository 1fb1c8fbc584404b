// How encoded weights lie in files: which fields there are beside a weight [..., out, in], and how much of it one
// granule of each field speaks of. docs/language.md "Companions and encodings".
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "layout/box.h"
#include "rules/ruleset.h"

namespace tessera {

struct FieldSpec {
  std::string name;                            // "values", "scales", ...
  int64_t out = 1, in = 1;                     // elements of the weight that one granule spans
  bool packed_out = false, packed_in = false;  // a granule holds its elements one by one, in order
  bool transposed = false;                     // stored [..., in, out]
  int64_t tail = 0;                            // a last dimension of so many numbers for each granule; 0: none
  bool numbers_groups = false;                 // [in] alone: the number of each input's group (of `in` inputs)
  std::vector<DType> dtypes;                   // what it may be stored as
};

// The fields of an encoding, in the order of field_names.
std::vector<FieldSpec> fields_of(const EncodingDecl& encoding);
// What a side calls them for a weight of this name (in the files' spelling); empty if the side does not encode.
std::vector<std::string> field_names(const EncodingDecl& encoding, SideId side, const std::string& weight);
// Can this program turn the fields into values? (It turns no values into fields.)
bool can_decode(const EncodingDecl& encoding);

// The shape of a field; nullopt if a weight of this shape cannot be encoded so (fewer than two dimensions; packed
// granules that do not come out even).
std::optional<Extents> field_shape(const FieldSpec& field, const Extents& weight);

}  // namespace tessera
