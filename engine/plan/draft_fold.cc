// Place by place from the left: where the numbers of one trunk count 0, 1, ... they are a capture, else text.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "base/text_hash.h"
#include "plan/draft.h"
#include "plan/folded.h"

namespace tessera {
namespace {

constexpr size_t most_captures = 4;  // further numbers of a name stay text
constexpr size_t most_places = 16;   // places of numbers that are looked at
constexpr int64_t largest_index = 1'000'000;
constexpr size_t fewest_segments =
    3;  // a segment's numbers that begin elsewhere, or have gaps, are a capture from here on

struct Name {
  const TensorInfo* tensor;
  NumberedName pieces;
  std::vector<std::pair<size_t, uint32_t>> captured;  // place of the number, axis
  std::string trunk;                                  // what was read so far, captures as <>
};

bool is_speakable(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./$").find(c) != std::string_view::npos;
  });
}

// All that is known of one trunk's numbers.
struct Trunk {
  std::set<int64_t> numbers;
  bool segment = true;            // between dots
  bool repeats = false;           // one thing has two numbers
  TextMap<int64_t> first_of;      // by what stands behind the number, shape and dtype
  std::optional<size_t> same_as;  // index into `captured`: always that number again
  std::optional<uint32_t> axis;
};

bool counts_from_zero(const std::set<int64_t>& numbers) {
  return numbers.size() > 1 && *numbers.begin() == 0 && *numbers.rbegin() == int64_t(numbers.size()) - 1;
}

bool is_capture(const Trunk& trunk) {
  return trunk.repeats && *trunk.numbers.rbegin() <= largest_index &&
         (counts_from_zero(trunk.numbers) || (trunk.segment && trunk.numbers.size() >= fewest_segments));
}

class Folder {
 public:
  explicit Folder(const std::vector<TensorInfo>& tensors) {
    for (const TensorInfo& tensor : tensors) {
      if (!is_speakable(tensor.name)) {
        out_.unspeakable.push_back(tensor.name);
        continue;
      }
      names_.push_back({&tensor, split_numbers(tensor.name), {}, {}});
      names_.back().trunk = names_.back().pieces.texts[0];
    }
  }

  Folds run(const TextSet& skip) {
    for (size_t place = 0; place < most_places; ++place) look_at(place);
    gather(skip);
    return std::move(out_);
  }

 private:
  // What stands behind a number; the same number again as a mark.
  static std::string rest_of(const Name& name, size_t place) {
    const auto& [texts, numbers] = name.pieces;
    std::string rest = texts[place + 1];
    for (size_t i = place + 1; i < numbers.size(); ++i)
      rest += (numbers[i] == numbers[place] ? "=" : std::to_string(numbers[i])) + texts[i + 1];
    return rest + format("|{}|{}", fmt::join(name.tensor->shape, ","), int(name.tensor->dtype));
  }

  void look_at(size_t place) {
    TextMap<Trunk> trunks;
    std::vector<Name*> here;
    for (Name& name : names_)
      if (place < name.pieces.numbers.size()) here.push_back(&name);
    for (Name* name : here) note(trunks, *name, place);
    for (Name* name : here) settle(trunks.at(name->trunk), *name, place);
  }

  void note(TextMap<Trunk>& trunks, const Name& name, size_t place) {
    const auto [at, fresh] = trunks.try_emplace(name.trunk);
    Trunk& trunk = at->second;
    const int64_t number = name.pieces.numbers[place];
    const std::string& behind = name.pieces.texts[place + 1];
    trunk.numbers.insert(number);
    trunk.segment =
        trunk.segment && (name.trunk.empty() || name.trunk.back() == '.') && (behind.empty() || behind.front() == '.');
    const auto known = trunk.first_of.try_emplace(rest_of(name, place), number).first;
    trunk.repeats = trunk.repeats || known->second != number;
    const auto equals = [&](size_t i) { return name.pieces.numbers[name.captured[i].first] == number; };
    if (fresh)
      for (size_t i = 0; i < name.captured.size() && !trunk.same_as; ++i)
        if (equals(i)) trunk.same_as = i;
    if (trunk.same_as && !equals(*trunk.same_as)) trunk.same_as.reset();
  }

  void settle(Trunk& trunk, Name& name, size_t place) {
    const bool again = trunk.same_as && trunk.numbers.size() > 1;
    if (name.captured.size() < most_captures && (again || is_capture(trunk))) {
      if (!trunk.axis) trunk.axis = again ? name.captured[*trunk.same_as].second : new_axis(trunk, name);
      name.captured.emplace_back(place, *trunk.axis);
      name.trunk += "<>";
    } else {
      name.trunk += std::to_string(name.pieces.numbers[place]);
    }
    name.trunk += name.pieces.texts[place + 1];
  }

  // Inner numbers of one size under one capture are one axis: experts.<e>.a and experts.<e>.b, weight<e> of two layers.
  uint32_t new_axis(const Trunk& trunk, const Name& name) {
    IndexAxis axis{name.trunk, *trunk.numbers.rbegin() + 1, std::nullopt};
    if (!name.captured.empty()) axis.parent = name.captured.back().second;
    for (uint32_t i = 0; axis.parent && i < out_.axes.size(); ++i)
      if (out_.axes[i].parent == axis.parent && out_.axes[i].size == axis.size) return i;
    out_.axes.push_back(std::move(axis));
    return uint32_t(out_.axes.size() - 1);
  }

  struct Group {
    Folded folded;
    std::vector<std::vector<int64_t>> tuples;
  };

  void gather(const TextSet& skip) {
    TextMap<size_t> known;
    std::vector<Group> groups;
    for (const Name& name : names_) {
      if (skip.contains(name.tensor->name)) continue;
      const std::string key =
          format("{}|{}|{}", name.trunk, fmt::join(name.tensor->shape, ","), int(name.tensor->dtype));
      const auto [at, added] = known.try_emplace(key, groups.size());
      if (added) groups.push_back({empty_fold(name), {}});
      groups[at->second].tuples.push_back(tuple_of(name, groups[at->second].folded));
    }
    for (Group& group : groups) {
      std::sort(group.tuples.begin(), group.tuples.end());
      split(std::move(group.folded), group.tuples, 0);
    }
  }

  static Folded empty_fold(const Name& name) {
    Folded out;
    out.shape = name.tensor->shape;
    out.dtype = name.tensor->dtype;
    out.texts.emplace_back(name.pieces.texts[0]);
    for (size_t place = 0, next = 0; place < name.pieces.numbers.size(); ++place) {
      if (next < name.captured.size() && name.captured[next].first == place) {
        const uint32_t axis = name.captured[next++].second;
        const auto at = std::find_if(out.captures.begin(), out.captures.end(),
                                     [&](const Capture& capture) { return capture.axis == axis; });
        out.holes.push_back(uint32_t(at - out.captures.begin()));
        if (at == out.captures.end()) out.captures.push_back({axis, {}});
        out.texts.emplace_back();
      } else {
        out.texts.back() += std::to_string(name.pieces.numbers[place]);
      }
      out.texts.back() += name.pieces.texts[place + 1];
    }
    return out;
  }

  static std::vector<int64_t> tuple_of(const Name& name, const Folded& folded) {
    std::vector<int64_t> tuple(folded.captures.size());
    for (size_t i = 0; i < name.captured.size(); ++i)
      tuple[folded.holes[i]] = name.pieces.numbers[name.captured[i].first];
    return tuple;
  }

  // Tuples whose first numbers have the same others behind them belong together: each such set is a product.
  void split(Folded folded, const std::vector<std::vector<int64_t>>& tuples, size_t depth) {
    if (depth == folded.captures.size()) {
      out_.tensors.push_back(std::move(folded));
      return;
    }
    std::map<std::vector<std::vector<int64_t>>, std::vector<int64_t>> by_rest;
    for (size_t i = 0; i < tuples.size();) {
      const int64_t first = tuples[i].front();
      std::vector<std::vector<int64_t>> rests;
      for (; i < tuples.size() && tuples[i].front() == first; ++i)
        rests.emplace_back(tuples[i].begin() + 1, tuples[i].end());
      by_rest[std::move(rests)].push_back(first);
    }
    std::vector<std::pair<std::vector<int64_t>, const std::vector<std::vector<int64_t>>*>> sets;
    for (const auto& [rests, firsts] : by_rest) sets.emplace_back(firsts, &rests);
    std::sort(sets.begin(), sets.end());
    for (auto& [firsts, rests] : sets) {
      Folded one = folded;
      one.captures[depth].indices = firsts;
      split(std::move(one), *rests, depth + 1);
    }
  }

  std::vector<Name> names_;
  Folds out_;
};

}  // namespace

Folds fold_tensors(const std::vector<TensorInfo>& tensors, const TextSet& skip) { return Folder(tensors).run(skip); }

std::string folded_name(const Folded& tensor, const std::vector<std::string>& words) {
  std::string name = tensor.texts[0];
  for (size_t i = 0; i < tensor.holes.size(); ++i) name += format("<{}>", words[tensor.holes[i]]) + tensor.texts[i + 1];
  return name;
}

std::string shown_name(const Folded& tensor) {
  std::vector<std::string> words;
  for (const Capture& capture : tensor.captures) words.push_back(fold_numbers(capture.indices));
  return folded_name(tensor, words);
}

}  // namespace tessera
