// Which globals a pickle may name, and what a call of one means here. An
// allow-list: what is not listed is refused if it is Python's own, inert if it is torch's or numpy's, opaque otherwise.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tessera {

enum class GlobalUse : uint8_t {
  inert,    // a value; a call of it is refused
  opaque,   // a call gives an opaque record
  package,  // of another package: as opaque, and its attributes have names
  rebuild_tensor,
  rebuild_tensor_v2,
  rebuild_tensor_v3,
  rebuild_parameter,
  rebuild_parameter_with_state,
  rebuild_from_type,
  size,
  attributes,
  ordered_dict,
  default_dict,
  counter,
  set,
  frozenset,
  bytes,
  bytearray,
  list,
  dict,
  tuple,
  encode,
  getattr,
  reconstructor,
  numpy_dtype
};

bool is_function(GlobalUse use);
bool is_filled_by_init(GlobalUse use);  // a type whose __new__ does nothing with arguments
// The module's name in Python 3: protocol 2 writes some as Python 2 had them.
std::string_view module_today(std::string_view module);
// nullopt: refused by name.
std::optional<GlobalUse> use_of_global(std::string_view module, std::string_view name);
bool is_python_module(std::string_view top_level);  // of the standard library, of Python 2 too
bool is_identifier(std::string_view text);          // ASCII
// "a sparse tensor", ... for what torch writes and we do not read; empty if not known.
std::string_view unsupported_kind(std::string_view name);

}  // namespace tessera
