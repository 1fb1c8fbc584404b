// Storages and tensors. Every view is held to its storage here, before any file is looked at: sums and products
// checked, empty views too, and no view much larger than what it looks at.
#include <algorithm>

#include "base/checked.h"
#include "base/text.h"
#include "store/limits.h"
#include "store/pickle_build.h"

namespace tessera {
namespace {

bool is_storage_module(std::string_view module) {
  return module == "torch" || module == "torch.storage" || module == "torch.cuda";
}

}  // namespace

uint64_t PickleStorage::bytes() const { return dtype ? count * byte_size(*dtype) : count; }

std::string PickleBuilder::name_of_storage(const PickleStorage& storage) const {
  return format("storage {}{}", options_.storage_folder, escape(storage.key));
}

// ('storage', class, key, location, numel); in the legacy stream also a view: None or (key, offset, numel).
PickleId PickleBuilder::storage(PickleId persistent_id) {
  if (!tree.is(persistent_id, PickleKind::tuple)) fail("a persistent id that is no tuple");
  const Items items = tree.items(persistent_id);
  if (items.size() != (options_.legacy_storages ? 6 : 5)) fail(format("a persistent id of {} parts", items.size()));
  const auto is = [&](size_t i, PickleKind kind) { return tree.is(items[i], kind); };
  if (!is(0, PickleKind::text) || tree.text(items[0]) != "storage")
    fail("a persistent id of something else than a storage");
  if (!is(1, PickleKind::symbol)) fail(format("a storage whose class is {}", describe(items[1])));
  if (!is(2, PickleKind::text) || tree.text(items[2]).empty()) fail("a storage without a key");
  if (const size_t bytes = tree.text(items[2]).size(); bytes > limits::name_bytes)
    fail(format("a storage whose key has {} bytes (limit {})", bytes, limits::name_bytes));
  if (!is(3, PickleKind::text)) fail("a storage whose location is no text");

  PickleStorage made;
  made.key = tree.text(items[2]);
  if (!is(4, PickleKind::integer) || tree.at(items[4]).value < 0)
    fail(format("{}: its size is no count", name_of_storage(made)));
  const PickleSymbol type = tree.symbol(items[1]);
  made.dtype = dtype_by_storage(type.name);
  const bool untyped = type.name == "UntypedStorage" || type.name == "_UntypedStorage";
  if (!is_storage_module(type.module) || (!made.dtype && !untyped))
    fail(format("{} is not a storage class that is read{}", full_name(type),
                type.name.starts_with("Q") ? " (quantised)" : ""));
  made.count = made.window_count = static_cast<uint64_t>(tree.at(items[4]).value);
  if (made.dtype && !checked_mul<uint64_t>(made.count, byte_size(*made.dtype)))
    fail(format("{}: too large", name_of_storage(made)));
  require_one(made);
  if (options_.legacy_storages) set_window(made, items[5]);

  const std::string identity = format("{}/{}/{}", made.window, made.window_count, made.key);
  const auto [known, fresh] = storages_.try_emplace(identity, static_cast<uint32_t>(tree.storages.size()));
  if (fresh) tree.storages.push_back(std::move(made));
  return add(PickleKind::storage, size_t{known->second} + 1);
}

// One key is one storage: no second class, no second size, and no view has its key.
void PickleBuilder::require_one(const PickleStorage& storage) {
  const auto [known, fresh] = by_key_.try_emplace(storage.key, static_cast<uint32_t>(tree.storages.size()));
  if (fresh && windows_.contains(storage.key)) fail(format("{} has the key of a view", name_of_storage(storage)));
  if (fresh) return;
  const PickleStorage& first = tree.storages[known->second];
  if (first.dtype != storage.dtype || first.count != storage.count)
    fail(format("{} stands there with two classes or sizes", name_of_storage(storage)));
}

// None, or (key of the view, first element, number of elements). The key is one for one window.
void PickleBuilder::set_window(PickleStorage& storage, PickleId view) {
  if (tree.is(view, PickleKind::none)) return;
  const bool is_view = tree.is(view, PickleKind::tuple) && tree.items(view).size() == 3 &&
                       tree.is(tree.items(view)[0], PickleKind::text) &&
                       tree.is(tree.items(view)[1], PickleKind::integer) &&
                       tree.is(tree.items(view)[2], PickleKind::integer);
  const int64_t first = is_view ? tree.at(tree.items(view)[1]).value : -1;
  const int64_t count = is_view ? tree.at(tree.items(view)[2]).value : -1;
  const std::optional<int64_t> end = checked_add(first, count);
  if (first < 0 || count < 0 || !end || static_cast<uint64_t>(*end) > storage.count)
    fail(format("a view outside of {}", name_of_storage(storage)));
  if (!storage.dtype) fail(format("a view of untyped {}", name_of_storage(storage)));
  const std::string_view key = tree.text(tree.items(view)[0]);
  if (key.size() > limits::name_bytes || by_key_.contains(key))
    fail(format("a view of {} with the key of a storage, or too long a key", name_of_storage(storage)));
  const std::string window = format("{}/{}/{}", first, count, storage.key);
  if (windows_.try_emplace(std::string(key), window).first->second != window)
    fail(format("the view {} of {} stands there with two windows", escape(key), name_of_storage(storage)));
  storage.window = static_cast<uint64_t>(first);
  storage.window_count = static_cast<uint64_t>(count);
}

// (storage, offset, size, stride[, requires_grad, hooks[, dtype][, metadata]])
PickleId PickleBuilder::rebuild_tensor(PickleId callee, const Items& arguments) {
  check_rebuild(callee, arguments);
  PickleTensor made;
  made.storage = tree.at(arguments[0]).index;
  made.dtype = dtype_of(callee, arguments);
  made.offset = tree.at(arguments[1]).value;
  const PickleStorage& storage = tree.storages[made.storage];
  made.shape = extents(arguments[2], storage);
  made.strides = extents(arguments[3], storage);
  check_view(made, storage);
  made.offset += static_cast<int64_t>(storage.window);
  tree.tensors.push_back(std::move(made));
  return add(PickleKind::tensor, tree.tensors.size());
}

void PickleBuilder::check_rebuild(PickleId callee, const Items& arguments) {
  const GlobalUse use = use_of(callee);
  const size_t wanted = use == GlobalUse::rebuild_tensor ? 4 : use == GlobalUse::rebuild_tensor_v2 ? 6 : 7;
  const bool has_metadata = wanted > 4 && arguments.size() == wanted + 1;
  if (arguments.size() != wanted && !has_metadata)
    fail(format("{} with {} arguments", describe(callee), arguments.size()));
  if (!tree.is(arguments[0], PickleKind::storage)) fail(format("a tensor over {}", describe(arguments[0])));
  if (!tree.is(arguments[1], PickleKind::integer))
    fail(format("a tensor of {} whose offset is {}", name_of_storage(tree.storages[tree.at(arguments[0]).index]),
                describe(arguments[1])));
  if (wanted > 4 && (!tree.is(arguments[4], PickleKind::boolean) ||
                     !(tree.is(arguments[5], PickleKind::dict) || tree.is(arguments[5], PickleKind::none))))
    wrong_arguments(callee);
  if (!has_metadata) return;
  if (!tree.is(arguments[wanted], PickleKind::dict)) wrong_arguments(callee);
  charge(tree.items(arguments[wanted]).size());
  for (const char* lazy : {"conj", "neg"})
    if (const auto flag = tree.find(arguments[wanted], lazy);
        flag && (!tree.is(*flag, PickleKind::boolean) || tree.at(*flag).value != 0))
      fail(format("a tensor with a pending `{}`: its bytes are not its values", lazy));
}

DType PickleBuilder::dtype_of(PickleId callee, const Items& arguments) const {
  const PickleStorage& storage = tree.storages[tree.at(arguments[0]).index];
  if (use_of(callee) != GlobalUse::rebuild_tensor_v3) {
    if (!storage.dtype) fail(format("a tensor without a dtype over untyped {}", name_of_storage(storage)));
    return *storage.dtype;
  }
  const PickleId word = arguments[6];
  const bool named = tree.is(word, PickleKind::symbol) && tree.symbol(word).module == "torch";
  const std::optional<DType> dtype = named ? dtype_by_torch(tree.symbol(word).name) : std::nullopt;
  if (!dtype || !is_whole_bytes(*dtype)) fail(format("a tensor whose dtype is {}", describe(word)));
  if (storage.dtype && storage.dtype != dtype)
    fail(format("{} has another dtype than its tensor", name_of_storage(storage)));
  return *dtype;
}

// A size or stride.
std::vector<int64_t> PickleBuilder::extents(PickleId tuple, const PickleStorage& storage) const {
  const auto refuse = [&](const std::string& what) {
    fail(format("a tensor of {} {}", name_of_storage(storage), what));
  };
  if (!tree.is(tuple, PickleKind::tuple)) refuse(format("whose size or stride is {}", describe(tuple)));
  const Items& items = tree.items(tuple);
  if (items.size() > limits::rank) refuse(format("of rank {} (limit {})", items.size(), limits::rank));
  std::vector<int64_t> out;
  for (PickleId item : items) {
    if (!tree.is(item, PickleKind::integer)) refuse(format("whose size or stride holds {}", describe(item)));
    if (tree.at(item).value < 0) refuse(format("whose size or stride holds {}", tree.at(item).value));
    out.push_back(tree.at(item).value);
  }
  return out;
}

void PickleBuilder::check_view(const PickleTensor& tensor, const PickleStorage& storage) const {
  const auto outside = [&] {
    fail(format("a tensor of shape {}, strides {}, offset {} does not lie in {}", show_shape(tensor.shape),
                show_shape(tensor.strides), tensor.offset, name_of_storage(storage)));
  };
  if (tensor.shape.size() != tensor.strides.size())
    fail(format("a tensor with {} sizes and {} strides over {}", tensor.shape.size(), tensor.strides.size(),
                name_of_storage(storage)));
  const uint64_t width = byte_size(tensor.dtype);
  const uint64_t count = storage.dtype ? storage.window_count : storage.window_count / width;
  if (tensor.offset < 0 || static_cast<uint64_t>(tensor.offset) > count) outside();
  const std::optional<int64_t> elements = checked_product<int64_t>(tensor.shape);
  if (!elements) outside();
  if (*elements == 0) return;
  std::optional<int64_t> last = tensor.offset;
  for (size_t i = 0; i < tensor.shape.size() && last; ++i) {
    const std::optional<int64_t> way = checked_mul(tensor.shape[i] - 1, tensor.strides[i]);
    last = way ? checked_add(*last, *way) : std::nullopt;
  }
  if (!last || static_cast<uint64_t>(*last) >= count) outside();
  const std::optional<uint64_t> bytes = checked_mul(static_cast<uint64_t>(*elements), width);
  const uint64_t limit =
      std::max(limits::view_free,
               storage.bytes() > UINT64_MAX / limits::view_ratio ? UINT64_MAX : storage.bytes() * limits::view_ratio);
  if (!bytes || *bytes > limit)
    fail(format("a tensor of shape {} names more than {} over {}", show_shape(tensor.shape), show_bytes(limit),
                name_of_storage(storage)));
}

PickleId PickleBuilder::rebuild_parameter(PickleId callee, const Items& arguments) {
  if (arguments.size() != (use_of(callee) == GlobalUse::rebuild_parameter ? 3 : 4)) wrong_arguments(callee);
  if (!tree.is(arguments[0], PickleKind::tensor) && !tree.is(arguments[0], PickleKind::opaque)) wrong_arguments(callee);
  return arguments[0];
}

// (function, type, arguments, state): a plain tensor with attributes, or a subclass, which is more than its tensor.
PickleId PickleBuilder::rebuild_from_type(PickleId callee, const Items& arguments) {
  const bool formed = arguments.size() == 4 && tree.is(arguments[0], PickleKind::symbol) &&
                      tree.is(arguments[1], PickleKind::symbol) && tree.is(arguments[2], PickleKind::tuple);
  if (!formed) wrong_arguments(callee);
  const GlobalUse function = use_of(arguments[0]);
  const bool known = function == GlobalUse::rebuild_tensor || function == GlobalUse::rebuild_tensor_v2 ||
                     function == GlobalUse::rebuild_tensor_v3 || function == GlobalUse::rebuild_parameter ||
                     function == GlobalUse::rebuild_parameter_with_state;
  if (!known) fail(format("a tensor made by {}", describe(arguments[0])));
  const PickleId tensor = apply(arguments[0], Items(tree.items(arguments[2])));
  const PickleSymbol type = tree.symbol(arguments[1]);
  const bool plain = type.name == "Tensor" || type.name == "Parameter" || type.name == "Buffer";
  if (type.module.substr(0, type.module.find('.')) == "torch" && plain) return tensor;
  return opaque(type, {tensor, arguments[3]});
}

}  // namespace tessera
