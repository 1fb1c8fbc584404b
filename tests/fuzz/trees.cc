#include "fuzz/trees.h"

#include "base/json.h"
#include "base/text.h"
#include "fuzz/target.h"

namespace tessera::fuzz {
namespace {

void check_items(const PickleTree& tree, const std::vector<PickleId>& items) {
  for (const PickleId id : items) require(id < tree.nodes.size(), "a value that is there");
}

size_t table_of(const PickleTree& tree, PickleKind kind) {
  switch (kind) {
    case PickleKind::big:
    case PickleKind::text:
    case PickleKind::bytes:
      return tree.texts.size();
    case PickleKind::symbol:
      return tree.symbols.size();
    case PickleKind::tensor:
      return tree.tensors.size();
    case PickleKind::storage:
      return tree.storages.size();
    case PickleKind::opaque:
      return tree.opaques.size();
    case PickleKind::list:
    case PickleKind::tuple:
    case PickleKind::dict:
    case PickleKind::set:
      return tree.lists.size();
    default:
      return SIZE_MAX;
  }
}

// offset + sum of (size - 1) x stride lies inside the storage.
void check_view(const PickleTree& tree, const PickleTensor& tensor) {
  require(tensor.storage < tree.storages.size(), "a tensor has a storage");
  require(tensor.shape.size() == tensor.strides.size() && tensor.offset >= 0, "sizes and strides of one length");
  Count last = static_cast<Count>(tensor.offset), count = 1;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    require(tensor.shape[i] >= 0 && tensor.strides[i] >= 0, "nothing negative");
    count *= static_cast<Count>(tensor.shape[i]);
    if (tensor.shape[i] > 0) last += static_cast<Count>(tensor.shape[i] - 1) * static_cast<Count>(tensor.strides[i]);
  }
  const Count bytes = tree.storages[tensor.storage].bytes(), width = byte_size(tensor.dtype);
  const Count end = count == 0 ? static_cast<Count>(tensor.offset) : last + 1;  // of an empty view its offset alone
  require(end * width <= bytes, "a view lies inside its storage");
}

}  // namespace

void check_pickle(const PickleTree& tree) {
  require(tree.root < tree.nodes.size(), "there is a value");
  for (const PickleNode& node : tree.nodes)
    require(table_of(tree, node.kind) == SIZE_MAX || node.index < table_of(tree, node.kind), "a node has its content");
  for (const auto& items : tree.lists) check_items(tree, items);
  for (const PickleOpaque& opaque : tree.opaques) check_items(tree, opaque.items);
  for (const PickleTensor& tensor : tree.tensors) check_view(tree, tensor);
  for (PickleId id = 0; id < tree.nodes.size(); ++id) {
    require(!tree.is(id, PickleKind::dict) || tree.items(id).size() % 2 == 0, "a dict has pairs");
    require(!tree.is(id, PickleKind::text) || is_utf8(tree.text(id)), "text is UTF-8");
  }
  to_json(to_value(tree, tree.root));
}

}  // namespace tessera::fuzz
