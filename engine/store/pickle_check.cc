// A pickle's tree as a whole: no loops, bounded depth, bounded size with shared values counted each time they stand
// somewhere, no text key twice. One walk with a stack of its own, each value once.
#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "store/limits.h"
#include "store/pickle_build.h"

namespace tessera {
namespace {

constexpr uint16_t open = UINT16_MAX;  // depth of a value whose parts are being looked at

class Walk {
 public:
  Walk(const PickleTree& tree, const std::string& file)
      : tree_(tree), file_(file), depth_(tree.nodes.size(), 0), weight_(tree.nodes.size(), 1) {}

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
    if (tree_.is(id, PickleKind::dict)) check_keys(items);
  }

  void check_keys(const std::vector<PickleId>& pairs) const {
    std::unordered_set<std::string_view> seen;
    for (size_t i = 0; i < pairs.size(); i += 2)
      if (tree_.is(pairs[i], PickleKind::text) && !seen.insert(tree_.text(pairs[i])).second)
        fail_world(format("{}: the key `{}` stands twice in a dict", file_, escape(tree_.text(pairs[i]))));
  }

  const PickleTree& tree_;
  const std::string& file_;
  std::vector<uint16_t> depth_;   // 0: not seen yet; else 1 + that of the deepest part
  std::vector<uint32_t> weight_;  // values below, shared ones each time
  uint64_t most_ = 1'000'000;     // and four times what an unshared tree of as many references would weigh
  std::vector<Step> steps_;
};

}  // namespace

void check_tree(const PickleTree& tree, const std::string& file) { Walk(tree, file).run(); }

}  // namespace tessera
