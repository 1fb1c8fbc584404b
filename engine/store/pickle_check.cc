// A pickle's tree as a whole: no loops, bounded depth, bounded size with shared values counted each time they stand
// somewhere, no key twice in a dict, nothing twice in a set. One walk with a stack of its own, each value once.
#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "store/limits.h"
#include "store/pickle_build.h"

namespace tessera {
namespace {

constexpr uint16_t open = UINT16_MAX;  // depth of a value whose parts are being looked at

class Walk {
 public:
  Walk(const PickleTree& tree, const std::string& file)
      : tree_(tree),
        file_(file),
        depth_(tree.nodes.size(), 0),
        weight_(tree.nodes.size(), 1),
        likeness_(tree.nodes.size(), 0) {}

  void run() {
    for (PickleId id = 0; id < tree_.nodes.size(); ++id)
      most_ += 4 * ((tree_.is(id, PickleKind::opaque) ? 1 : own(id)) + parts(id).size());
    for (PickleId id = 0; id < tree_.nodes.size(); ++id)
      if (depth_[id] == 0) enter(id);
  }

 private:
  using Items = std::vector<PickleId>;
  struct Step {
    PickleId id;
    size_t next;
  };

  const Items& parts(PickleId id) const {
    static const Items none;
    switch (tree_.at(id).kind) {
      case PickleKind::list:
      case PickleKind::tuple:
      case PickleKind::dict:
      case PickleKind::set:
        return tree_.items(id);
      case PickleKind::opaque:
        return tree_.opaques[tree_.at(id).index].items;
      default:
        return none;
    }
  }

  static uint64_t size(const PickleSymbol& name) { return 1 + (name.module.size() + name.name.size()) / 16; }

  // What a value takes where it stands, in some 16 bytes. An object shows the name of its class, which the pickle has
  // once.
  uint64_t own(PickleId id) const {
    const PickleNode& node = tree_.at(id);
    switch (node.kind) {
      case PickleKind::text:
      case PickleKind::bytes:
      case PickleKind::big:
        return 1 + tree_.text(id).size() / 16;
      case PickleKind::symbol:
        return size(tree_.symbol(id));
      case PickleKind::opaque:
        return size(tree_.opaques[node.index].callee);
      case PickleKind::tensor:
        return 16 + 2 * tree_.tensors[node.index].shape.size();
      default:
        return 1;
    }
  }

  void enter(PickleId first) {
    steps_.assign(1, {first, 0});
    depth_[first] = open;
    while (!steps_.empty()) {
      Step& step = steps_.back();
      const Items& items = parts(step.id);
      if (step.next == items.size()) {
        leave(step.id, items);
        steps_.pop_back();
        continue;
      }
      const PickleId item = items[step.next++];
      if (depth_[item] == open) fail_world(format("{}: a value that contains itself", file_));
      if (depth_[item] != 0) continue;
      depth_[item] = open;
      steps_.push_back({item, 0});
    }
  }

  void leave(PickleId id, const Items& items) {
    uint16_t depth = 0;
    uint64_t weight = own(id);
    for (PickleId item : items) {
      depth = std::max(depth, depth_[item]);
      weight = std::min(weight + weight_[item], most_ + 1);
    }
    if (depth >= limits::pickle_depth)
      fail_world(format("{}: values nested more than {} deep", file_, limits::pickle_depth));
    if (weight > most_)
      fail_world(format("{}: shared values unfold to more than {}, counted where they stand", file_, most_));
    depth_[id] = static_cast<uint16_t>(depth + 1);
    weight_[id] = weight;
    likeness_[id] = likeness(id, items);
    if (tree_.is(id, PickleKind::dict)) check_once(items, 2, "the key", "a dict");
    if (tree_.is(id, PickleKind::set)) check_once(items, 1, "the value", "a set");
  }

  static uint64_t mix(uint64_t a, uint64_t b) {  // the end of splitmix64
    uint64_t x = a + 0x9E3779B97F4A7C15u * (b + 1);
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
  }

  // Equal for what Python takes for one key, where numbers are compared whatever their type is.
  uint64_t likeness(PickleId id, const Items& items) const {
    const PickleNode& node = tree_.at(id);
    const auto kind = static_cast<uint64_t>(node.kind) + kinds;
    uint64_t all = mix(kind, 0);
    switch (node.kind) {
      case PickleKind::boolean:
      case PickleKind::integer:
        return number(node.value);
      case PickleKind::real:
        return real(node.real());
      case PickleKind::big:
        return big(tree_.text(id));
      case PickleKind::text:
      case PickleKind::bytes:
        return mix(kind, text_hash(tree_.text(id)));
      case PickleKind::tuple:
        for (const PickleId item : items) all = mix(all, likeness_[item]);
        return all;
      case PickleKind::set:
        for (const PickleId item : items) all += mix(likeness_[item], kind);  // in any order
        return all;
      case PickleKind::none:
        return all;
      default:
        return mix(kind, id);
    }
  }
  static constexpr uint64_t kinds = 16;  // below: numbers, whole and others
  static uint64_t number(int64_t value) { return mix(1, static_cast<uint64_t>(value)); }
  static uint64_t big(std::string_view digits) { return mix(3, text_hash(digits)); }
  static uint64_t real(double value) {
    if (!std::isfinite(value) || std::trunc(value) != value) return mix(2, std::bit_cast<uint64_t>(value));
    if (value >= -0x1p63 && value < 0x1p63) return number(static_cast<int64_t>(value));
    return big(format("{:.0f}", value));
  }

  void check_once(const Items& items, size_t step, const char* what, const char* where) const {
    Items keys;
    for (size_t i = 0; i < items.size(); i += step) keys.push_back(items[i]);
    const auto likeness = [&](PickleId id) { return likeness_[id]; };
    std::ranges::sort(keys, {}, likeness);  // a hash table's places could be chosen by who wrote the file
    const auto twice = std::ranges::adjacent_find(keys, {}, likeness);
    if (twice == keys.end()) return;
    const std::string shown = tree_.is(*twice, PickleKind::text) ? format(" `{}`", escape(tree_.text(*twice))) : "";
    fail_world(format("{}: {}{} stands twice in {}", file_, what, shown, where));
  }

  const PickleTree& tree_;
  const std::string& file_;
  std::vector<uint16_t> depth_;     // 0: not seen yet; else 1 + that of the deepest part
  std::vector<uint64_t> weight_;    // of it and all below, shared ones each time
  std::vector<uint64_t> likeness_;  // of what may be a key: equal for what is one
  uint64_t most_ =
      limits::pickle_unfolded_free;  // and four times what an unshared tree of as many references would weigh
  std::vector<Step> steps_;
};

}  // namespace

void check_tree(const PickleTree& tree, const std::string& file) { Walk(tree, file).run(); }

}  // namespace tessera
