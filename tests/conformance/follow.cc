// The target end is walked back to the source, the source end forward.
#include "conformance/follow.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/text.h"
#include "plan/explain.h"
#include "plan/trace.h"

namespace tessera {
namespace {

using Indices = std::map<std::string, std::optional<int64_t>>;

class Follower {
 public:
  Follower(const Plan& plan, const MemoryCheckpoint& source, const MemoryCheckpoint& made)
      : plan_(plan), graph_(plan.graph), source_(source), made_(made) {
    std::vector<TensorId> ids(graph_.tensors.size());
    for (TensorId id = 0; id < ids.size(); ++id) ids[id] = id;
    layings_ = layings(plan.model, graph_, ids);
  }

  std::string run() {
    for (TensorId id = 0; id < graph_.tensors.size() && fault_.empty(); ++id) {
      const int64_t total = volume(graph_.tensors[id].shape), step = std::max<int64_t>(1, total / 300 | 1);
      if (layings_[id].empty()) fail({id, 0}, "no address names it");
      for (int64_t element = 0; element < total && fault_.empty(); element += step)
        graph_.tensors[id].output ? back({id, element}) : forward({id, element});
    }
    return fault_;
  }

 private:
  void fail(const ElementAt& site, const std::string& what) {
    if (!fault_.empty()) return;
    const Tensor& tensor = graph_.tensors[site.tensor];
    fault_ = format("`{}`{} of place {}: {}", tensor.name, show_shape(coordinates_of(site.element, tensor.shape)),
                    tensor.place, what);
  }

  static bool has(const std::vector<ElementAt>& sites, const ElementAt& site) {
    return std::ranges::any_of(
        sites, [&](const ElementAt& one) { return one.tensor == site.tensor && one.element == site.element; });
  }

  void back(const ElementAt& target) {
    const Trace story = trace(graph_, target.tensor, target.element);
    if (!has(story.written, target)) return fail(target, "is not told to be written");
    if (!story.read) {
      if (!story.value) fail(target, "has neither source nor value");
      return;
    }
    const Trace other = trace(graph_, story.read->tensor, story.read->element);
    if (!has(other.written, target)) return fail(target, "is not told of its source element");
    const auto at = std::ranges::find_if(story.written, [&](const ElementAt& one) {
      return one.tensor == target.tensor && one.element == target.element;
    });
    const Move& move = graph_.moves[at->move];
    if (move.pad) return;
    same_indices(target, *story.read);
    if (move.program == none_id) same_bits(target, *story.read);
  }

  void forward(const ElementAt& site) {
    const Trace story = trace(graph_, site.tensor, site.element);
    if (story.read)
      for (const ElementAt& one : story.compared) same_indices(one, *story.read);
    if (!story.read && !story.constant && !story.omission) fail(site, "is not accounted for");
  }

  Indices indices(const ElementAt& site) {
    const auto found = part_at(layings_[site.tensor], graph_.tensors[site.tensor].shape, site.element);
    Indices all;
    if (!found) fail(site, "is in no part");
    if (!found) return all;
    all["part " + found->part->name];
    for (const PartElement::Index& one : found->indices)
      if (!one.star) all[one.axis] = one.index;
    return all;
  }

  // Axes of the part; a loop of one element may be missing on one end.
  void same_indices(const ElementAt& a, const ElementAt& b) {
    if (!graph_.tensors[a.tensor].weight.empty()) return;  // a field's numbers stand for many elements
    const Indices of_a = indices(a), of_b = indices(b);
    if (!fault_.empty()) return;
    for (const auto& [axis, index] : of_a)
      if (const auto other = of_b.find(axis); other != of_b.end() && other->second != index)
        return fail(
            a, format("axis {} is {} here and {} at its source", axis, index.value_or(-1), other->second.value_or(-1)));
    const auto part = [](const Indices& all) {
      return std::ranges::find_if(all, [](const auto& one) { return one.first.starts_with("part "); })->first;
    };
    if (part(of_a) != part(of_b)) fail(a, format("is {} here and {} at its source", part(of_a), part(of_b)));
  }

  void same_bits(const ElementAt& target, const ElementAt& read) {
    const Tensor &to = graph_.tensors[target.tensor], &from = graph_.tensors[read.tensor];
    if (to.dtype != from.dtype || from.stored != none_id) return;
    const size_t size = byte_size(to.dtype);
    const auto a = made_.bytes(to.index).subspan(static_cast<size_t>(target.element) * size, size);
    const auto b = source_.bytes(from.index).subspan(static_cast<size_t>(read.element) * size, size);
    if (std::memcmp(a.data(), b.data(), size) != 0) fail(target, "does not hold its source's bits");
  }

  const Plan& plan_;
  const Graph& graph_;
  const MemoryCheckpoint &source_, &made_;
  std::vector<std::vector<Laying>> layings_;
  std::string fault_;
};

}  // namespace

std::string follow(const Plan& plan, const MemoryCheckpoint& source, const MemoryCheckpoint& made) {
  return Follower(plan, source, made).run();
}

}  // namespace tessera
