// The proof that nothing is lost or doubled (V03), on the moves themselves: it knows nothing of rules. Tensors with the
// same pattern of boxes are proved once.
#include <algorithm>
#include <numeric>
#include <span>
#include <unordered_set>

#include "base/number_hash.h"
#include "base/text.h"
#include "plan/plan.h"

namespace tessera {
namespace {

using Pattern = std::vector<int64_t>;

void add_numbers(Pattern& pattern, const Image& image) {
  pattern.push_back(static_cast<int64_t>(image.shape.size()));
  pattern.insert(pattern.end(), image.shape.begin(), image.shape.end());
  pattern.insert(pattern.end(), image.at.strides.begin(), image.at.strides.end());
  pattern.push_back(image.at.offset);
}

// What stands together by tensor: `at(id)` are the indices given to it, in order.
class ByTensor {
 public:
  template <class Each>  // calls its argument with (tensor, index), twice alike
  ByTensor(size_t tensors, const Each& each) : first_(tensors + 1) {
    each([&](TensorId id, uint32_t) { ++first_[id + 1]; });
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    indices_.resize(first_.back());
    std::vector<uint32_t> next(first_.begin(), first_.end() - 1);
    each([&](TensorId id, uint32_t index) { indices_[next[id]++] = index; });
  }
  std::span<const uint32_t> at(TensorId id) const {
    return std::span(indices_).subspan(first_[id], first_[id + 1] - first_[id]);
  }

 private:
  std::vector<uint32_t> first_, indices_;
};

// The same numbers without axes that repeat them.
Image image_of(const Extents& shape, const Strided& at) {
  Image image{{}, {at.offset, {}}};
  for (size_t i = 0; i < shape.size(); ++i) {
    if (at.strides[i] == 0 || shape[i] == 1) continue;
    image.shape.push_back(shape[i]);
    image.at.strides.push_back(at.strides[i]);
  }
  return image;
}

bool same(const Image& a, const Image& b) { return a.shape == b.shape && a.at == b.at; }

// Do images that may overlap reach everything? Counted in blocks that no image cuts; nullopt if there are too many.
std::optional<bool> reaches_all(const std::vector<Image>& images, int64_t total) {
  int64_t unit = total;
  for (const Image& image : images) {
    const Box box = merge({image.shape, image.at, image.at});
    const bool dense = !box.shape.empty() && box.to.strides.back() == 1;
    unit = std::gcd(unit, box.to.offset);
    for (size_t i = 0; i < box.shape.size(); ++i)
      unit = std::gcd(unit, dense && i + 1 == box.shape.size() ? box.shape[i] : box.to.strides[i]);
    if (!dense) unit = 1;
  }
  constexpr int64_t most_blocks = int64_t{1} << 27;
  if (total / unit > most_blocks) return std::nullopt;
  std::vector<bool> seen(static_cast<size_t>(total / unit));
  for (const Image& image : images) {
    std::vector<int64_t> index(image.shape.size(), 0);
    for (bool more = volume(image.shape) > 0; more;) {
      int64_t at = image.at.offset;
      for (size_t i = 0; i < index.size(); ++i) at += index[i] * image.at.strides[i];
      seen[static_cast<size_t>(at / unit)] = true;
      more = false;
      for (size_t i = index.size(); i-- > 0 && !more;) {
        const int64_t hop = std::max<int64_t>(1, unit / image.at.strides[i]);
        more = (index[i] += hop) < image.shape[i];
        if (!more) index[i] = 0;
      }
    }
  }
  return std::ranges::count(seen, false) == 0;
}

class Cover {
 public:
  Cover(const Graph& graph, const RuleSet& rules, Diagnostics& diagnostics)
      : graph_(graph),
        rules_(rules),
        diagnostics_(diagnostics),
        touched_(graph.tensors.size(), [&](const auto& add) { each_touch(graph, add); }),
        omitted_(graph.tensors.size(), [&](const auto& add) {
          for (uint32_t i = 0; i < graph.omissions.size(); ++i) add(graph.omissions[i].tensor, i);
        }) {}

  bool run(bool partial) {
    for (TensorId id = 0; id < graph_.tensors.size(); ++id)
      if (graph_.tensors[id].output) check(id);
    for (TensorId id = 0; id < graph_.tensors.size() && !partial; ++id)
      if (!graph_.tensors[id].output) check(id);
    return good_;
  }

 private:
  template <class Add>
  static void each_touch(const Graph& graph, const Add& add) {
    for (uint32_t i = 0; i < graph.moves.size(); ++i) {
      const Move& move = graph.moves[i];
      if (op_writes(move.op)) add(move.to, i);
      if (move.from != none_id && !move.pad) add(move.from, i);
    }
  }

  // Boxes are few and shared, so which ones they are says all that their numbers would.
  Pattern pattern_of(TensorId id) const {
    const Tensor& tensor = graph_.tensors[id];
    Pattern pattern = {volume(tensor.shape), tensor.output};
    for (const uint32_t i : touched_.at(id)) pattern.push_back(reinterpret_cast<intptr_t>(&*graph_.moves[i].box));
    pattern.push_back(0);
    for (const uint32_t i : omitted_.at(id)) add_numbers(pattern, graph_.omissions[i].region);
    return pattern;
  }

  void gather(TensorId id) {
    images_.clear();
    rules_of_.clear();
    const bool output = graph_.tensors[id].output;
    const auto add = [&](Image image, RuleId why) {
      if (!output && std::ranges::any_of(images_, [&](const Image& known) { return same(known, image); })) return;
      images_.push_back(std::move(image));
      rules_of_.push_back(why);
    };
    for (const uint32_t i : touched_.at(id)) {
      const Move& move = graph_.moves[i];
      add(output ? Image{move.box->shape, move.box->to} : image_of(move.box->shape, move.box->from), move.why);
    }
    for (const uint32_t i : omitted_.at(id)) {
      const Omission& omission = graph_.omissions[i];
      add(image_of(omission.region.shape, omission.region.at), omission.why);
    }
  }

  void check(TensorId id) {
    Pattern pattern = pattern_of(id);
    if (proved_.contains(pattern)) return;
    const Tensor& tensor = graph_.tensors[id];
    const int64_t total = volume(tensor.shape);
    gather(id);
    const auto fault = tile(images_, total);
    const bool overlaps = fault && fault->kind == Untiled::Kind::twice && !tensor.output;
    if (!fault || (overlaps && reaches_all(images_, total) == true)) {
      proved_.insert(std::move(pattern));
      return;
    }
    good_ = false;
    if (std::ranges::find(told_, tensor.why) != told_.end()) return;
    told_.push_back(tensor.why);
    diagnostics_.error("V03", tensor.why, describe(tensor, *fault), help(tensor, *fault));
  }

  std::string describe(const Tensor& tensor, const Untiled& fault) const {
    const std::string name = escape(tensor.name);
    const std::string at = show_shape(coordinates_of(std::max<int64_t>(fault.element, 0), tensor.shape));
    switch (fault.kind) {
      case Untiled::Kind::hole:
        return format("element {} of `{}` {} is {}", at, name, show_shape(tensor.shape),
                      tensor.output ? "filled by nothing" : "read by nothing");
      case Untiled::Kind::twice:
        return tensor.output ? format("element {} of `{}` is filled twice, by `{}` and by `{}`", at, name,
                                      rule(fault.first), rule(fault.second))
                             : format("not every element of `{}` is read", name);
      case Untiled::Kind::outside:
        return format("a box of `{}` lies outside of it", name);
      case Untiled::Kind::undecided:
        return format("it could not be decided whether `{}` is filled exactly once", name);
    }
    return name;
  }
  static std::string help(const Tensor& tensor, const Untiled& fault) {
    if (fault.kind != Untiled::Kind::hole) return "";
    return tensor.output ? "what no part fills can be said with `| rest(0)`"
                         : "what is not wanted can be said with `unused(v)`";
  }
  const std::string& rule(size_t image) const { return rules_.rules[rules_of_[image]].name; }

  const Graph& graph_;
  const RuleSet& rules_;
  Diagnostics& diagnostics_;
  ByTensor touched_;           // moves
  ByTensor omitted_;           // omissions
  std::vector<Image> images_;  // of the tensor in work
  std::vector<RuleId> rules_of_;
  std::unordered_set<Pattern, NumbersHash> proved_;
  std::vector<Span> told_;
  bool good_ = true;
};

}  // namespace

bool cover(const Graph& graph, const RuleSet& rules, Diagnostics& diagnostics, bool partial) {
  return Cover(graph, rules, diagnostics).run(partial);
}

}  // namespace tessera
