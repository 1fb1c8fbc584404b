// Which tensor of one checkpoint is which of the other: first where only one shape fits, then what is joined or stacked
// by the numbers of elements, then by the names. Weights are not read, so whatever could be otherwise is told.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "base/text.h"
#include "plan/draft.h"

namespace tessera {
namespace {

constexpr size_t most_scored = 200'000;  // pairs of names that are compared in one class
constexpr size_t most_parts = 24;        // tensors among which joined ones are looked for
constexpr int64_t most_stacked = 65536;  // tensors in one

using Indices = std::vector<std::vector<int64_t>>;
using Shape = std::vector<int64_t>;

Indices indices_of(const Folded& tensor) {
  Indices out;
  for (const Capture& capture : tensor.captures) out.push_back(capture.indices);
  return out;
}

std::set<std::string> trigrams(const Folded& tensor) {
  std::string name;
  for (const std::string& text : tensor.texts) name += text;
  std::set<std::string> out;
  for (size_t i = 0; i + 3 <= name.size(); ++i) out.insert(name.substr(i, 3));
  return out;
}

// 0 to 1: how many of the names' triples of letters are the same.
double likeness(const std::set<std::string>& a, const std::set<std::string>& b) {
  size_t common = 0;
  for (const std::string& three : a) common += b.contains(three);
  return a.empty() || b.empty() ? 0 : 2.0 * double(common) / double(a.size() + b.size());
}

// order[k]: the dimension of `part` that is dimension k of `one`; dimensions of one size keep their order.
std::optional<std::vector<uint32_t>> permutation(const Shape& part, const Shape& one) {
  if (part.size() != one.size()) return std::nullopt;
  if (part == one) {
    std::vector<uint32_t> same(part.size());
    std::iota(same.begin(), same.end(), 0U);
    return same;
  }
  std::vector<uint32_t> order;
  std::vector<bool> used(part.size());
  for (int64_t size : one) {
    size_t at = 0;
    while (at < part.size() && (used[at] || part[at] != size)) ++at;
    if (at == part.size()) return std::nullopt;
    used[at] = true;
    order.push_back(uint32_t(at));
  }
  return order;
}

bool has_equal_sizes(const Shape& shape) {
  const std::set<int64_t> sizes(shape.begin(), shape.end());
  return sizes.size() < shape.size();
}

Shape sorted(Shape shape) {
  std::sort(shape.begin(), shape.end());
  return shape;
}

// The last segment that is neither `weight` nor `bias`.
std::string last_word(const Folded& tensor) {
  std::string name;
  for (const std::string& text : tensor.texts) name += text;
  std::vector<std::string> words = split(name, '.');
  while (words.size() > 1 && (words.back() == "weight" || words.back() == "bias" || words.back().empty()))
    words.pop_back();
  return words.back();
}

class Pairing {
 public:
  Pairing(const Folds& canonical, const Folds& other) : folds_{&canonical, &other} {
    for (size_t side = 0; side < 2; ++side) {
      open_[side].assign(folds_[side]->tensors.size(), true);
      for (const Folded& tensor : folds_[side]->tensors) grams_[side].push_back(trigrams(tensor));
    }
  }

  Pairs run() {
    renames(true);
    for (size_t apart = 0; apart < 2; ++apart) joined(apart);
    for (size_t apart = 0; apart < 2; ++apart) stacked(apart);
    renames(false);
    for (size_t side = 0; side < 2; ++side)
      for (uint32_t i = 0; i < open_[side].size(); ++i)
        if (open_[side][i]) out_.alone[side].push_back(i);
    std::stable_sort(out_.matches.begin(), out_.matches.end(),
                     [](const Match& a, const Match& b) { return first(a) < first(b); });
    return std::move(out_);
  }

 private:
  static uint32_t first(const Match& match) { return match.apart == 0 ? match.many.front() : match.one; }
  const Folded& tensor(size_t side, uint32_t i) const { return folds_[side]->tensors[i]; }

  void take(Match match) {
    for (uint32_t i : match.many) open_[match.apart][i] = false;
    open_[1 - match.apart][match.one] = false;
    out_.matches.push_back(std::move(match));
  }

  // Open tensors by their captures' indices and their sizes in any order.
  using Classes = std::map<std::pair<Indices, Shape>, std::array<std::vector<uint32_t>, 2>>;
  Classes classes() const {
    Classes found;
    for (size_t side = 0; side < 2; ++side)
      for (uint32_t i = 0; i < open_[side].size(); ++i)
        if (open_[side][i]) {
          const Folded& t = tensor(side, i);
          found[{indices_of(t), sorted(t.shape)}][side].push_back(i);
        }
    return found;
  }

  void rename(uint32_t a, uint32_t b, bool unique) {
    const Folded& from = tensor(0, a);
    Match match{0, {a}, b, *permutation(from.shape, tensor(1, b).shape), {}, {}, {}};
    if (has_equal_sizes(from.shape)) match.doubts.push_back("dimensions of one size: or transposed");
    if (!unique) match.doubts.push_back("by the name: other tensors have this shape");
    take(std::move(match));
  }

  void renames(bool unique_only) {
    for (auto& [key, sides] : classes()) {
      auto& [as, bs] = sides;
      if (as.size() == 1 && bs.size() == 1) {
        rename(as[0], bs[0], true);
      } else if (!unique_only && !as.empty() && !bs.empty()) {
        by_likeness(as, bs);
      }
    }
  }

  void by_likeness(const std::vector<uint32_t>& as, const std::vector<uint32_t>& bs) {
    struct Scored {
      double score;
      uint32_t a, b;
    };
    std::vector<Scored> scored;
    if (as.size() > most_scored / bs.size()) return;
    for (uint32_t a : as)
      for (uint32_t b : bs) scored.push_back({likeness(grams_[0][a], grams_[1][b]), a, b});
    std::stable_sort(scored.begin(), scored.end(), [](const Scored& x, const Scored& y) { return x.score > y.score; });
    for (const Scored& s : scored)
      if (open_[0][s.a] && open_[1][s.b]) rename(s.a, s.b, false);
  }

  // Is some tensor of this side as large, so that a plain rename may be meant?
  bool has_class(const Classes& all, size_t side, const Folded& like) const {
    const auto found = all.find({indices_of(like), sorted(like.shape)});
    return found != all.end() && !found->second[side].empty();
  }

  // Two or three tensors of side `apart` behind one another in one dimension of one tensor of the other side.
  void joined(size_t apart) {
    const Classes all = classes();
    std::map<Indices, std::vector<uint32_t>> by_indices;
    for (uint32_t i = 0; i < open_[apart].size(); ++i)
      if (open_[apart][i]) by_indices[indices_of(tensor(apart, i))].push_back(i);
    for (uint32_t one = 0; one < open_[1 - apart].size(); ++one) {
      const Folded& whole = tensor(1 - apart, one);
      if (!open_[1 - apart][one] || has_class(all, apart, whole)) continue;
      const auto found = by_indices.find(indices_of(whole));
      if (found != by_indices.end()) join_into(apart, one, found->second);
    }
  }

  struct Choice {
    Match match;
    double score = 0;
  };

  void join_into(size_t apart, uint32_t one, const std::vector<uint32_t>& candidates) {
    std::vector<Choice> choices;
    const Shape& whole = tensor(1 - apart, one).shape;
    for (uint32_t dim = 0; dim < whole.size(); ++dim) {
      std::vector<uint32_t> fitting;
      for (uint32_t i : candidates)
        if (open_[apart][i] && other_dimensions_fit(tensor(apart, i).shape, whole, dim)) fitting.push_back(i);
      if (fitting.size() > most_parts) continue;
      choose_parts(apart, one, dim, fitting, choices);
    }
    if (choices.empty()) return;
    const auto best = std::max_element(choices.begin(), choices.end(),
                                       [](const Choice& a, const Choice& b) { return a.score < b.score; });
    Match match = best->match;
    match.doubts.push_back("which parts, their order, and whether one behind the other or interleaved");
    if (choices.size() > 1) match.doubts.push_back(format("{} choices have these sizes", choices.size()));
    take(std::move(match));
  }

  // Parts keep the order of the whole's dimensions.
  static bool other_dimensions_fit(const Shape& part, const Shape& whole, uint32_t dim) {
    if (part.size() != whole.size()) return false;
    for (uint32_t k = 0; k < whole.size(); ++k)
      if (k == dim ? part[k] >= whole[k] : part[k] != whole[k]) return false;
    return true;
  }

  void choose_parts(size_t apart, uint32_t one, uint32_t dim, const std::vector<uint32_t>& fitting,
                    std::vector<Choice>& choices) {
    const int64_t size = tensor(1 - apart, one).shape[dim];
    const auto width = [&](size_t i) { return tensor(apart, fitting[i]).shape[dim]; };
    for (size_t i = 0; i < fitting.size(); ++i)
      for (size_t j = i + 1; j < fitting.size(); ++j) {
        if (width(i) + width(j) == size) add_choice(apart, one, dim, {fitting[i], fitting[j]}, choices);
        for (size_t k = j + 1; k < fitting.size(); ++k)
          if (width(i) + width(j) + width(k) == size)
            add_choice(apart, one, dim, {fitting[i], fitting[j], fitting[k]}, choices);
      }
  }

  // Best are parts whose first letters stand together in the whole's name (q, k, v: qkv), in that order; else those
  // that are most alike.
  void add_choice(size_t apart, uint32_t one, uint32_t dim, std::vector<uint32_t> parts, std::vector<Choice>& choices) {
    Choice choice;
    std::string name = last_word(tensor(1 - apart, one));
    std::vector<uint32_t> order = parts;
    std::sort(order.begin(), order.end());
    do {
      std::string initials;
      for (uint32_t i : order) initials += last_word(tensor(apart, i)).substr(0, 1);
      if (name.find(initials) == name.npos) continue;
      choice.score += 10;
      parts = order;
      break;
    } while (std::next_permutation(order.begin(), order.end()));
    for (size_t i = 0; i < parts.size(); ++i)
      choice.score += likeness(grams_[apart][parts[i]], grams_[apart][parts[(i + 1) % parts.size()]]) +
                      likeness(grams_[apart][parts[i]], grams_[1 - apart][one]);
    choice.score /= double(parts.size());
    choice.match = {apart, std::move(parts), one, {}, dim, {}, {}};
    for (uint32_t k = 0; k < tensor(1 - apart, one).shape.size(); ++k) choice.match.order.push_back(k);
    choices.push_back(std::move(choice));
  }

  // A capture on one side, the first dimension on the other: one tensor of all experts, of all layers.
  void stacked(size_t apart) {
    const Classes all = classes();
    for (uint32_t one = 0; one < open_[1 - apart].size(); ++one) {
      const Folded& whole = tensor(1 - apart, one);
      if (!open_[1 - apart][one] || whole.shape.empty() || whole.shape[0] > most_stacked) continue;
      Indices indices = indices_of(whole);
      std::vector<int64_t> counted(size_t(whole.shape[0]));
      std::iota(counted.begin(), counted.end(), 0);
      indices.push_back(std::move(counted));
      const Shape rest(whole.shape.begin() + 1, whole.shape.end());
      const auto found = all.find({indices, sorted(rest)});
      if (found == all.end()) continue;
      stack_into(apart, one, rest, found->second[apart]);
    }
  }

  void stack_into(size_t apart, uint32_t one, const Shape& rest, const std::vector<uint32_t>& candidates) {
    std::optional<uint32_t> best;
    double score = -1;
    for (uint32_t i : candidates) {
      const double like = likeness(grams_[apart][i], grams_[1 - apart][one]);
      if (open_[apart][i] && like > score) best = i, score = like;
    }
    if (!best) return;
    Match match{apart, {*best}, one, *permutation(tensor(apart, *best).shape, rest), {}, 0U, {}};
    if (has_equal_sizes(rest)) match.doubts.push_back("dimensions of one size: or transposed");
    if (candidates.size() > 1) match.doubts.push_back("by the name: other tensors have this shape");
    take(std::move(match));
  }

  std::array<const Folds*, 2> folds_;
  std::array<std::vector<bool>, 2> open_;
  std::array<std::vector<std::set<std::string>>, 2> grams_;
  Pairs out_;
};

}  // namespace

Pairs pair_tensors(const Folds& canonical, const Folds& other) { return Pairing(canonical, other).run(); }

Pairs pair_with_itself(const Folds& canonical) {
  Pairs out;
  for (uint32_t i = 0; i < canonical.tensors.size(); ++i) {
    const Folded& tensor = canonical.tensors[i];
    out.matches.push_back({0, {i}, i, *permutation(tensor.shape, tensor.shape), {}, {}, {}});
  }
  return out;
}

}  // namespace tessera
