// The table of globals. A name with `*` stands for all that begin (or end) with the rest.
#include "store/pickle_globals.h"

#include <array>

namespace tessera {
namespace {

struct Known {
  std::string_view module, name;
  GlobalUse use;
};

constexpr std::array known = {
    Known{"torch._utils", "_rebuild_tensor", GlobalUse::rebuild_tensor},
    Known{"torch._utils", "_rebuild_tensor_v2", GlobalUse::rebuild_tensor_v2},
    Known{"torch._utils", "_rebuild_tensor_v3", GlobalUse::rebuild_tensor_v3},
    Known{"torch._utils", "_rebuild_parameter", GlobalUse::rebuild_parameter},
    Known{"torch._utils", "_rebuild_parameter_with_state", GlobalUse::rebuild_parameter_with_state},
    Known{"torch._tensor", "_rebuild_from_type_v2", GlobalUse::rebuild_from_type},
    Known{"torch", "Size", GlobalUse::size},
    Known{"torch", "device", GlobalUse::opaque},
    Known{"torch.serialization", "_get_layout", GlobalUse::opaque},
    Known{"torch.distributed.checkpoint.metadata", "*", GlobalUse::package},
    Known{"torch.distributed.checkpoint.filesystem", "_StorageInfo", GlobalUse::opaque},
    Known{"torch.distributed.checkpoint.planner", "*", GlobalUse::package},
    Known{"torch.distributed._shard.sharded_tensor.metadata", "*", GlobalUse::package},
    Known{"collections", "OrderedDict", GlobalUse::ordered_dict},
    Known{"collections", "defaultdict", GlobalUse::default_dict},
    Known{"collections", "Counter", GlobalUse::counter},
    Known{"argparse", "Namespace", GlobalUse::attributes},
    Known{"types", "SimpleNamespace", GlobalUse::attributes},
    Known{"builtins", "set", GlobalUse::set},
    Known{"builtins", "frozenset", GlobalUse::frozenset},
    Known{"builtins", "bytes", GlobalUse::bytes},
    Known{"builtins", "bytearray", GlobalUse::bytearray},
    Known{"builtins", "list", GlobalUse::list},
    Known{"builtins", "dict", GlobalUse::dict},
    Known{"builtins", "tuple", GlobalUse::tuple},
    Known{"builtins", "object", GlobalUse::opaque},
    Known{"builtins", "complex", GlobalUse::opaque},
    Known{"builtins", "getattr", GlobalUse::getattr},
    Known{"_codecs", "encode", GlobalUse::encode},
    Known{"copyreg", "_reconstructor", GlobalUse::reconstructor},
    Known{"pathlib", "*Path", GlobalUse::opaque},
    Known{"pathlib._local", "*Path", GlobalUse::opaque},
    Known{"signal", "Signals", GlobalUse::opaque},
    Known{"signal", "SIG*", GlobalUse::inert},
    Known{"datetime", "*", GlobalUse::opaque},
    Known{"functools", "partial", GlobalUse::opaque},
    Known{"_io", "BytesIO", GlobalUse::opaque},
    Known{"numpy.core.multiarray", "_reconstruct", GlobalUse::opaque},
    Known{"numpy.core.multiarray", "scalar", GlobalUse::opaque},
    Known{"numpy._core.multiarray", "_reconstruct", GlobalUse::opaque},
    Known{"numpy._core.multiarray", "scalar", GlobalUse::opaque},
    Known{"numpy", "dtype", GlobalUse::numpy_dtype},
    Known{"numpy", "ndarray", GlobalUse::opaque},
};

constexpr std::array unsupported = {
    std::pair<std::string_view, std::string_view>{"_rebuild_sparse_tensor", "a sparse tensor"},
    std::pair<std::string_view, std::string_view>{"_rebuild_sparse_csr_tensor", "a sparse tensor"},
    std::pair<std::string_view, std::string_view>{"_rebuild_qtensor", "a quantised tensor"},
    std::pair<std::string_view, std::string_view>{"_rebuild_nested_tensor", "a nested tensor"},
    std::pair<std::string_view, std::string_view>{"_rebuild_meta_tensor_no_storage",
                                                  "a meta tensor, which has no data"},
};

bool matches(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  return name.starts_with(pattern.substr(0, star)) && name.ends_with(pattern.substr(star + 1));
}

bool is_dotted_identifier(std::string_view module) {
  for (size_t dot = module.find('.'); dot != std::string_view::npos; dot = module.find('.')) {
    if (!is_identifier(module.substr(0, dot))) return false;
    module.remove_prefix(dot + 1);
  }
  return is_identifier(module);
}

}  // namespace

std::string_view module_today(std::string_view module) {
  if (module == "__builtin__") return "builtins";
  if (module == "copy_reg") return "copyreg";
  return module;
}

bool is_function(GlobalUse use) {
  switch (use) {
    case GlobalUse::rebuild_tensor:
    case GlobalUse::rebuild_tensor_v2:
    case GlobalUse::rebuild_tensor_v3:
    case GlobalUse::rebuild_parameter:
    case GlobalUse::rebuild_parameter_with_state:
    case GlobalUse::rebuild_from_type:
    case GlobalUse::encode:
    case GlobalUse::getattr:
    case GlobalUse::reconstructor:
      return true;
    default:
      return false;
  }
}

bool is_filled_by_init(GlobalUse use) {
  switch (use) {
    case GlobalUse::attributes:
    case GlobalUse::ordered_dict:
    case GlobalUse::default_dict:
    case GlobalUse::counter:
    case GlobalUse::dict:
    case GlobalUse::list:
    case GlobalUse::set:
    case GlobalUse::bytearray:
      return true;
    default:
      return false;
  }
}

bool is_identifier(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (text.empty() || !letter(text[0])) return false;
  for (char c : text)
    if (!letter(c) && !(c >= '0' && c <= '9')) return false;
  return true;
}

std::optional<GlobalUse> use_of_global(std::string_view module, std::string_view name) {
  if (!is_dotted_identifier(module) || !is_identifier(name)) return std::nullopt;
  for (const Known& entry : known)
    if (entry.module == module_today(module) && matches(entry.name, name)) return entry.use;
  const std::string_view top = module.substr(0, module.find('.'));
  if (top == "torch" || top == "numpy") return GlobalUse::inert;
  if (is_python_module(top)) return std::nullopt;
  return GlobalUse::package;
}

std::string_view unsupported_kind(std::string_view name) {
  for (const auto& [function, kind] : unsupported)
    if (function == name) return kind;
  return {};
}

}  // namespace tessera
