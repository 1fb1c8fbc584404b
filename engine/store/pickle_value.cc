// What the rest of the program sees of pickled configuration: plain values; all else by name only.
#include "base/text.h"
#include "store/pickle.h"

namespace tessera {
namespace {

// The tree is at most limits::pickle_depth deep, so these may call each other.
List to_list(const PickleTree& tree, PickleId id) {
  List out;
  for (PickleId item : tree.items(id)) out.push_back(to_value(tree, item));
  return out;
}

Value to_map(const PickleTree& tree, PickleId id) {
  Map out;
  const std::vector<PickleId>& items = tree.items(id);
  for (size_t i = 0; i < items.size(); i += 2) {
    if (!tree.is(items[i], PickleKind::text)) return Opaque{"object", "dict"};
    out.insert(std::string(tree.text(items[i])), to_value(tree, items[i + 1]));
  }
  return out;
}

Opaque to_opaque(const PickleSymbol& symbol) {
  const bool dtype = symbol.module == "torch" && dtype_by_torch(symbol.name);
  return {dtype ? "dtype" : "object", format("{}.{}", symbol.module, symbol.name)};
}

std::string show_call(const PickleTree& tree, const PickleOpaque& opaque) {
  const std::string name = format("{}.{}", opaque.callee.module, opaque.callee.name);
  if (opaque.items.size() == 1 && tree.is(opaque.items[0], PickleKind::integer))
    return format("{}({})", name, tree.at(opaque.items[0]).value);
  return name;
}

}  // namespace

const char* name_of(PickleKind kind) {
  static constexpr const char* names[] = {"none", "bool",   "integer", "big integer", "float",
                                          "text", "bytes",  "list",    "tuple",       "dict",
                                          "set",  "symbol", "tensor",  "storage",     "object"};
  return names[static_cast<size_t>(kind)];
}

std::optional<PickleId> PickleTree::find(PickleId dict, std::string_view key) const {
  const std::vector<PickleId>& pairs = items(dict);
  for (size_t i = 0; i < pairs.size(); i += 2)
    if (is(pairs[i], PickleKind::text) && text(pairs[i]) == key) return pairs[i + 1];
  return std::nullopt;
}

std::optional<PickleId> PickleTree::state(PickleId opaque) const {
  const std::vector<PickleId>& parts = opaques[nodes[opaque].index].items;
  return parts.empty() ? std::nullopt : std::optional(parts.back());
}

Value to_value(const PickleTree& tree, PickleId id) {
  const PickleNode& node = tree.at(id);
  switch (node.kind) {
    case PickleKind::none:
      return {};
    case PickleKind::boolean:
      return node.value != 0;
    case PickleKind::integer:
      return node.value;
    case PickleKind::real:
      return node.real();
    case PickleKind::text:
      return std::string(tree.text(id));
    case PickleKind::big:
      return Opaque{"number", std::string(tree.text(id))};
    case PickleKind::list:
    case PickleKind::tuple:
    case PickleKind::set:
      return to_list(tree, id);
    case PickleKind::dict:
      return to_map(tree, id);
    case PickleKind::symbol:
      return to_opaque(tree.symbol(id));
    case PickleKind::opaque:
      return Opaque{"object", show_call(tree, tree.opaques[node.index])};
    case PickleKind::bytes:
    case PickleKind::tensor:
    case PickleKind::storage:
      return Opaque{"object", name_of(node.kind)};
  }
  return {};
}

}  // namespace tessera
