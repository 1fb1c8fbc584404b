// A pickle's tree as a whole: no loops, bounded depth, bounded size with shared values counted each time they stand
// somewhere, no key twice in a dict, nothing twice in a set. One walk with a stack of its own, each value once.
#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_set>

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
    for (PickleId id = 0; id < tree_.nodes.size(); ++id) most_ += 4 * parts(id).size();
    for (PickleId id = 0; id < tree_.nodes.size(); ++id)
      if (depth_[id] == 0) enter(id);
  }

 private:
  struct Step {
    PickleId id;
    size_t next;
  };

  const std::vector<PickleId>& parts(PickleId id) const {
    static const std::vector<PickleId> none;
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

  void enter(PickleId first) {
    steps_.assign(1, {first, 0});
    depth_[first] = open;
    while (!steps_.empty()) {
      Step& step = steps_.back();
      const std::vector<PickleId>& items = parts(step.id);
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

  void leave(PickleId id, const std::vector<PickleId>& items) {
    uint16_t depth = 0;
    uint64_t weight = 1;
    for (PickleId item : items) {
      depth = std::max(depth, depth_[item]);
      weight = std::min(weight + weight_[item], most_ + 1);
    }
    if (depth >= limits::pickle_depth)
      fail_world(format("{}: values nested more than {} deep", file_, limits::pickle_depth));
    if (weight > most_) fail_world(format("{}: shared values unfold to more than {}", file_, most_));
    depth_[id] = static_cast<uint16_t>(depth + 1);
    weight_[id] = static_cast<uint32_t>(weight);
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
  uint64_t likeness(PickleId id, const std::vector<PickleId>& items) const {
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
  static uint64_t real(double value) {
    constexpr double whole_below = 0x1p63;
    const bool whole = std::abs(value) < whole_below && std::trunc(value) == value;
    return whole ? number(static_cast<int64_t>(value)) : mix(2, std::bit_cast<uint64_t>(value));
  }

  void check_once(const std::vector<PickleId>& items, size_t step, const char* what, const char* where) const {
    std::unordered_set<uint64_t> seen;
    for (size_t i = 0; i < items.size(); i += step) {
      if (seen.insert(likeness_[items[i]]).second) continue;
      const bool text = tree_.is(items[i], PickleKind::text);
      const std::string shown = text ? format(" `{}`", escape(tree_.text(items[i]))) : "";
      fail_world(format("{}: {}{} stands twice in {}", file_, what, shown, where));
    }
  }

  const PickleTree& tree_;
  const std::string& file_;
  std::vector<uint16_t> depth_;   // 0: not seen yet; else 1 + that of the deepest part
  std::vector<uint32_t> weight_;  // values below, shared ones each time
  std::vector<uint64_t> likeness_;  // of what may be a key: equal for what is one
  uint64_t most_ = 1'000'000;     // and four times what an unshared tree of as many references would weigh
  std::vector<Step> steps_;
};

}  // namespace

void check_tree(const PickleTree& tree, const std::string& file) { Walk(tree, file).run(); }

}  // namespace tessera
