// Configuration keys that are the format's own: what the tensors and the mesh say, not what a rule file maps.
#pragma once
#include <string>
#include <string_view>

#include "store/checkpoint.h"

namespace tessera {

// Sets the keys of spec.config that follow from spec.tensors, spec.mesh and spec.iteration: `dtype` of a config.json;
// `params_dtype`, `tensor_model_parallel_size`, ... of Megatron's arguments. Of mixed tensors the dtype that most
// elements have.
void add_format_keys(OutputSpec& spec);
// Is this key of a source's configuration one of those (of any format)? They are never "lost".
bool is_format_key(std::string_view key);

}  // namespace tessera
