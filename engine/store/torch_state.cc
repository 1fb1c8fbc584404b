// Names come from dicts with text keys and from nothing else; a tensor without such a name is never passed over
// silently.
#include "store/torch_state.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "store/limits.h"

namespace tessera {
namespace {

class Namer {
 public:
  Namer(const PickleTree& tree, bool strict, const std::string& file)
      : tree_(tree), strict_(strict), file_(file), holds_(tree.nodes.size(), unknown) {
    for (const std::string& bytes : tree.source) most_ += 2 * bytes.size();
  }

  // Nesting is bounded by limits::pickle_depth.
  void walk(PickleId dict, const std::string& prefix) {
    const std::vector<PickleId>& pairs = tree_.items(dict);
    for (size_t i = 0; i < pairs.size(); i += 2) {
      if (!tree_.is(pairs[i], PickleKind::text)) {
        other(pairs[i + 1], prefix);
        tell(pairs[i], prefix, "");
      } else if (!is_extra_state(tree_.text(pairs[i])) && !tree_.is(pairs[i + 1], PickleKind::none)) {
        value(pairs[i + 1], prefix, tree_.text(pairs[i]));
      }
    }
  }

  StateDict take() {
    for (const PickleId state : tree_.passed_over) tell(state, "", "");
    ViewSet seen;
    seen.reserve(out_.tensors.size());
    for (const StateTensor& tensor : out_.tensors)
      if (!seen.insert(tensor.name).second)
        fail_world(format("{}: two tensors are named `{}`", file_, escape(tensor.name)));
    return std::move(out_);
  }

 private:
  enum Holds : char { unknown, nothing, tensors };

  static bool is_extra_state(std::string_view key) { return key == "_extra_state" || key.ends_with("._extra_state"); }

  void value(PickleId id, const std::string& prefix, std::string_view key) {
    if (tree_.is(id, PickleKind::tensor)) return add(id, format("{}{}", prefix, key));
    if (!tree_.is(id, PickleKind::dict)) return other(id, prefix, key);
    if (prefix.size() + key.size() <= limits::name_bytes)
      walk(id, format("{}{}.", prefix, key));
    else if (strict_ || holds_tensors(id))
      refuse(format("{}{}.", prefix, key));
  }

  void add(PickleId id, std::string name) {
    bytes_ += name.size();
    if (name.empty() || name.size() > limits::name_bytes || name.find('\0') != std::string::npos) refuse(name);
    if (out_.tensors.size() == limits::tensors_per_file)
      fail_world(format("{}: more than {} tensors", file_, limits::tensors_per_file));
    if (bytes_ > most_) fail_world(format("{}: names of more than {}", file_, show_bytes(most_)));
    out_.tensors.push_back({std::move(name), tree_.at(id).index});
  }

  [[noreturn]] void refuse(const std::string& name) const {
    fail_world(
        format("{}: `{}` is no name for a tensor: 1 to {} bytes, no NUL", file_, escape(name), limits::name_bytes));
  }

  void other(PickleId id, std::string_view prefix, std::string_view key = {}) {
    if (strict_)
      fail_world(format("{}: `{}` is of kind {}, not a tensor", file_, escape(format("{}{}", prefix, key)),
                        name_of(tree_.at(id).kind)));
    tell(id, prefix, key);
  }

  // The first of many; the number of all.
  void tell(PickleId id, std::string_view prefix, std::string_view key) {
    constexpr size_t most_told = 5;
    if (!holds_tensors(id) || ++out_.unnamed_count > most_told) return;
    out_.unnamed.push_back(escape(format("{}{}", prefix, key)));
  }

  bool holds_tensors(PickleId id) {
    if (holds_[id] != unknown) return holds_[id] == tensors;
    const PickleNode& node = tree_.at(id);
    holds_[id] = node.kind == PickleKind::tensor || node.kind == PickleKind::storage ? tensors : nothing;
    const bool has_items = node.kind == PickleKind::list || node.kind == PickleKind::tuple ||
                           node.kind == PickleKind::dict || node.kind == PickleKind::set;
    const std::vector<PickleId>* items = has_items                         ? &tree_.items(id)
                                         : node.kind == PickleKind::opaque ? &tree_.opaques[node.index].items
                                                                           : nullptr;
    if (items && std::any_of(items->begin(), items->end(), [&](PickleId item) { return holds_tensors(item); }))
      holds_[id] = tensors;
    return holds_[id] == tensors;
  }

  const PickleTree& tree_;
  bool strict_;
  const std::string& file_;
  std::vector<Holds> holds_;  // by value: found out once
  uint64_t bytes_ = 0;        // of all names
  uint64_t most_ = limits::pickle_names_free;
  StateDict out_;
};

}  // namespace

StateDict state_dict(const PickleTree& tree, PickleId dict, bool strict, const std::string& file) {
  Namer namer(tree, strict, file);
  namer.walk(dict, "");
  return namer.take();
}

TorchReader::TorchReader(TorchArchive archive, Contents about)
    : archive_(std::move(archive)), contents_(std::move(about)) {
  contents_.files = {{archive_.file().path(), archive_.file().size()}};
  for (const TorchStorage& storage : archive_.storages())
    contents_.storages.push_back(
        {0, storage.offset, storage.bytes, storage.packed.has_value(), storage.crc.has_value()});
}

void TorchReader::add(const PickleTree& tree, StateTensor named, uint32_t place) {
  const PickleTensor& tensor = tree.tensors[named.tensor];
  TensorInfo info{std::move(named.name), tensor.dtype, tensor.shape, place, {}};
  info.chunks.push_back({{}, {}, tensor.storage, tensor.offset, tensor.strides});
  contents_.tensors.push_back(std::move(info));
}

void TorchReader::describe(Contents about) {
  about.storages = std::move(contents_.storages);
  about.files = std::move(contents_.files);
  about.tensors = std::move(contents_.tensors);
  about.warnings.insert(about.warnings.end(), contents_.warnings.begin(), contents_.warnings.end());
  contents_ = std::move(about);
}

void TorchReader::renumber(const std::vector<uint32_t>& places) {
  for (TensorInfo& tensor : contents_.tensors) tensor.place = places[tensor.place];
}

}  // namespace tessera
