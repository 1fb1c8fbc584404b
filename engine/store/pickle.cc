// Whole pickles out of bytes or files: the machine is run, then the tree is looked at as a whole.
#include "store/pickle.h"

#include <algorithm>
#include <span>

#include "base/text.h"
#include "store/limits.h"
#include "store/pickle_machine.h"

namespace tessera {
namespace {

// The tree, which keeps the bytes that its texts point into.
PickleTree take_tree(PickleMachine& machine, std::deque<std::string> bytes, const PickleOptions& options) {
  PickleTree tree = std::move(machine.build.tree);
  tree.source = std::move(bytes);
  check_tree(tree, options.file);
  return tree;
}

}  // namespace

PickleTree read_pickle(std::string bytes, const PickleOptions& options) {
  std::deque<std::string> owner;
  const std::string_view view = owner.emplace_back(std::move(bytes));
  PickleMachine machine(view, true, options);
  const uint64_t used = machine.run();
  if (used != view.size()) machine.build.fail(format("{} bytes after STOP", view.size() - used));
  return take_tree(machine, std::move(owner), options);
}

std::pair<PickleTree, uint64_t> read_pickle_at(const InputFile& file, uint64_t offset, PickleOptions options,
                                               uint64_t limit) {
  options.base = offset;
  const uint64_t left = file.size() - std::min(offset, file.size()), most = std::min(left, limit);
  for (uint64_t size = std::min<uint64_t>(most, 64 * limits::kib);; size = std::min(most, size * 4)) {
    std::deque<std::string> owner;
    std::string& bytes = owner.emplace_back(size, '\0');
    file.read(offset, std::as_writable_bytes(std::span(bytes)));
    PickleMachine machine(bytes, size == left, options);
    try {
      const uint64_t used = machine.run();
      return {take_tree(machine, std::move(owner), options), offset + used};
    } catch (const PickleMachine::NeedMore&) {
      if (size == limit) machine.build.fail(format("a pickle of more than {}", show_bytes(limit)));
    }
  }
}

}  // namespace tessera
