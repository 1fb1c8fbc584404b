// A list in the configuration that marks just these; every n-th; else one range for each run.
#include "plan/draft_ranges.h"

#include <algorithm>

#include "base/text.h"
#include "plan/config.h"
#include "plan/draft_sizes.h"

namespace tessera {
namespace {

constexpr size_t few_runs = 2;           // that are said as they are, without a look for every n-th
constexpr size_t few_keys = 3;           // that are told for a bound
constexpr int64_t most_listed = 10'000;  // indices that are compared with the configuration's lists
constexpr int64_t longest_step = 64;

class LoopGuesser {
 public:
  LoopGuesser(const std::string& axis, const std::string& size_text, int64_t size, const std::vector<int64_t>& indices,
              const Map& config)
      : axis_(axis), size_text_(size_text), size_(size), indices_(indices), config_(config) {}

  LoopGuess run() {
    find_runs();
    if (runs_.size() == 1 && runs_[0].first == 0 && runs_[0].second == size_) {
      out_.all = true;
      out_.loops = {range(0, size_)};
      return out_;
    }
    out_.comment = "at " + cut(fold_numbers(indices_), 60);
    if (by_list() || (runs_.size() > few_runs && every_nth())) return out_;
    for (const auto& [lo, hi] : runs_) out_.loops.push_back(range(lo, hi));
    return out_;
  }

 private:
  std::string bound(int64_t at) {
    if (at == size_) return size_text_;
    std::vector<std::string> keys;
    for (const auto& [key, value] : config_)
      if (at > 0 && value.as_int() && *value.as_int() == at && is_size_key(key)) keys.push_back(key);
    if (!keys.empty() && keys.size() <= few_keys) out_.comment += format("; {} could be {}", at, join(keys, " or "));
    return std::to_string(at);
  }
  std::string range(int64_t lo, int64_t hi) {
    const std::string from = bound(lo);
    return format("{} in {}..{}", axis_, from, bound(hi));
  }
  void where(const std::string& condition) {
    out_.loops = {format("{} in 0..{} where {}", axis_, size_text_, condition)};
  }

  void find_runs() {
    for (int64_t index : indices_) {
      if (!runs_.empty() && runs_.back().second == index)
        ++runs_.back().second;
      else
        runs_.emplace_back(index, index + 1);
    }
  }

  template <class Holds>
  bool exactly(Holds holds) const {
    size_t at = 0;
    for (int64_t i = 0; i < size_; ++i) {
      const bool here = at < indices_.size() && indices_[at] == i;
      if (here) ++at;
      if (holds(i) != here) return false;
    }
    return true;
  }

  bool by_list() {
    if (size_ > most_listed) return false;
    for (const std::string& key : leaf_keys(config_)) {
      const Value* value = find_path(config_, key);
      const List* list = value ? value->as_list() : nullptr;
      if (!list || list->empty() || int64_t(list->size()) > most_listed || !is_speakable_key(key)) continue;
      if (!marks(key, *list) && !members(key, *list)) continue;
      out_.comment += "; guess";
      out_.keys.push_back(key);
      return true;
    }
    return false;
  }

  // layer_types[l] == "full"
  bool marks(const std::string& key, const List& list) {
    if (int64_t(list.size()) != size_) return false;
    const Value& mark = list[size_t(indices_[0])];
    const std::string* text = mark.as_string();
    if (text ? yaml_safe(*text) == false : !mark.as_int() && !mark.as_bool()) return false;
    if (!exactly([&](int64_t i) { return same_value(list[size_t(i)], mark); })) return false;
    where(format("{}[{}] == {}", key, axis_, show(mark)));
    return true;
  }
  static bool yaml_safe(const std::string& text) {
    return text.size() < 60 && std::all_of(text.begin(), text.end(), [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
           });
  }

  // l in dense_layers
  bool members(const std::string& key, const List& list) {
    std::vector<int64_t> numbers;
    for (const Value& value : list)
      if (value.as_int()) numbers.push_back(*value.as_int());
    if (numbers.size() != list.size()) return false;
    std::sort(numbers.begin(), numbers.end());
    const auto in = [&](int64_t i) { return std::binary_search(numbers.begin(), numbers.end(), i); };
    if (exactly(in))
      where(format("{} in {}", axis_, key));
    else if (exactly([&](int64_t i) { return !in(i); }))
      where(format("{} not in {}", axis_, key));
    else
      return false;
    return true;
  }

  // l % 4 == 3, or all but those
  bool every_nth() {
    for (int64_t step = 2; step <= std::min(size_ / 2, longest_step); ++step)
      for (const bool inside : {true, false}) {
        int64_t first = 0;
        while (first < step && std::binary_search(indices_.begin(), indices_.end(), first) != inside) ++first;
        if (first == step || !exactly([&](int64_t i) { return (i % step == first) == inside; })) continue;
        where(format("{} % {} {} {}", axis_, step, inside ? "==" : "!=", first));
        return true;
      }
    return false;
  }

  const std::string &axis_, &size_text_;
  int64_t size_;
  const std::vector<int64_t>& indices_;
  const Map& config_;
  std::vector<std::pair<int64_t, int64_t>> runs_;
  LoopGuess out_;
};

}  // namespace

LoopGuess guess_loops(const std::string& axis, const std::string& size_text, int64_t size,
                      const std::vector<int64_t>& indices, const Map& config) {
  return LoopGuesser(axis, size_text, size, indices, config).run();
}

}  // namespace tessera
