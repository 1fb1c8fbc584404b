// Keys first. Then two or three of them: those that share a word are more likely meant (`num_heads * head_dim`) than
// numbers that only happen to fit.
#include "plan/draft_sizes.h"

#include <algorithm>
#include <span>

#include "base/checked.h"
#include "base/text.h"
#include "plan/config.h"
#include "rules/expr_lex.h"

namespace tessera {
namespace {

constexpr size_t most_numbers = 64;  // distinct values that are combined
constexpr size_t most_ways = 4;      // told for one size
constexpr int64_t largest = int64_t{1} << 40;

bool is_id(const std::string& key) { return key.ends_with("_id") || key.ends_with("_ids") || key.ends_with("_idx"); }

// Words of a key without those that every size has.
std::set<std::string> words_of(const std::string& key) {
  std::set<std::string> words;
  std::string path = key;
  std::replace(path.begin(), path.end(), '.', '_');
  for (std::string word : split(path, '_')) {
    if (word.size() > 2 && word.back() == 's') word.pop_back();
    if (word.size() > 2 && word != "num" && word != "size" && word != "dim" && word != "max") words.insert(word);
  }
  return words;
}

bool share_a_word(const std::string& a, const std::string& b) {
  const auto in_b = words_of(b);
  const auto in_a = words_of(a);
  return std::any_of(in_a.begin(), in_a.end(), [&](const std::string& word) { return in_b.contains(word); });
}

bool is_count(const std::string& key) { return key.starts_with("num_") || key.starts_with("n_"); }

std::string bracketed(const std::string& expression) {
  const bool sum = expression.find(" + ") != std::string::npos || expression.find(" // ") != std::string::npos;
  return sum ? "(" + expression + ")" : expression;
}

}  // namespace

std::string SizeGuess::text() const {
  if (factors.size() == 1) return factors[0];
  std::vector<std::string> words;
  for (const std::string& factor : factors) words.push_back(bracketed(factor));
  return join(words, " * ");
}

bool is_speakable_key(const std::string& key) {
  if (!is_path(key)) return false;
  const auto words = split(key, '.');
  return std::none_of(words.begin(), words.end(), [](const std::string& word) { return is_reserved(word); });
}

bool is_size_key(const std::string& key) { return is_speakable_key(key) && !is_id(key); }

SizeGuesser::SizeGuesser(const Map& config, const std::set<int64_t>& sizes) : open_(sizes) {
  read(config);
  whole_ = size_t(std::stable_partition(numbers_.begin(), numbers_.end(),
                                        [&](const Number& n) { return sizes.contains(n.value); }) -
                  numbers_.begin());
  one();
  two();
  three();
  settle();
}

const std::vector<SizeGuess>& SizeGuesser::guess(int64_t size) const {
  static const std::vector<SizeGuess> none;
  const auto found = ways_.find(size);
  return found == ways_.end() ? none : found->second;
}

std::vector<std::string> SizeGuesser::keys_of(int64_t size) const {
  std::vector<std::string> keys;
  for (const Number& number : numbers_)
    if (number.value == size) keys = number.keys;
  return keys;
}

void SizeGuesser::read(const Map& config) {
  std::map<int64_t, size_t> known;
  for (const std::string& key : leaf_keys(config)) {
    const Value* value = find_path(config, key);
    const int64_t* number = value ? value->as_int() : nullptr;
    if (!number || *number < 2 || *number > largest || !is_size_key(key)) continue;
    const auto [at, added] = known.try_emplace(*number, numbers_.size());
    if (added) numbers_.push_back({*number, {}});
    numbers_[at->second].keys.push_back(key);
  }
}

void SizeGuesser::add(int64_t size, int rank, std::vector<std::string> factors, std::vector<int64_t> sizes) {
  if (open_.contains(size)) found_[size].push_back({rank, {std::move(factors), std::move(sizes)}});
}

void SizeGuesser::settle() {
  for (auto& [size, found] : found_) {
    std::stable_sort(found.begin(), found.end(), [](const Ranked& a, const Ranked& b) { return a.rank < b.rank; });
    for (Ranked& ranked : found)
      if (ways_[size].size() < most_ways) ways_[size].push_back(std::move(ranked.guess));
    open_.erase(size);
  }
  found_.clear();
}

void SizeGuesser::one() {
  for (const Number& a : numbers_)
    for (const std::string& key : a.keys) add(a.value, 0, {key}, {a.value});
  settle();
}

// Ranks: a small multiple of what is a dimension; a product of keys that share a word; three keys (from 8 on); a sum of
// keys that share a word; others.
void SizeGuesser::two() {
  const size_t count = std::min(numbers_.size(), most_numbers);
  for (size_t i = 0; i < std::min(count, whole_); ++i)
    for (int64_t times : {2, 3, 4})
      add(numbers_[i].value * times, int(times) - 2, {format("{} * {}", times, numbers_[i].keys[0])},
          {numbers_[i].value * times});
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < count; ++j) {
      const Number &a = numbers_[i], &b = numbers_[j];
      const std::string &x = a.keys[0], &y = i == j && a.keys.size() > 1 ? a.keys[1] : b.keys[0];
      const bool alike = share_a_word(x, y);
      const auto product = checked_mul(a.value, b.value);
      if (product && (i < j || (i == j && a.keys.size() > 1))) {
        const bool swap = is_count(y) && !is_count(x);  // the count is the outer one
        add(*product, alike ? 3 : 30, swap ? std::vector{y, x} : std::vector{x, y},
            swap ? std::vector{b.value, a.value} : std::vector{a.value, b.value});
      }
      if (i < j) add(a.value + b.value, alike ? 20 : 31, {x + " + " + y}, {a.value + b.value});
      if (i != j && a.value % b.value == 0) add(a.value / b.value, 32, {x + " // " + y}, {a.value / b.value});
    }
  }
}

// c * (a // b), (a + b) * c, (a + 2 * b) * c.
void SizeGuesser::three() {
  if (open_.empty()) return;
  const std::span<const Number> numbers(numbers_.data(), std::min(numbers_.size(), most_numbers));
  for (const Number& a : numbers) {
    for (const Number& b : numbers) {
      if (&a == &b) continue;
      const std::string &x = a.keys[0], &y = b.keys[0];
      const bool divides = a.value % b.value == 0 && a.value / b.value > 1;
      for (const Number& c : numbers) {
        const std::string& z = c.keys[0];
        const auto product = [&](int64_t width, int rank, std::string said) {
          const auto size = checked_mul(c.value, width);
          if (!size || !open_.contains(*size)) return;
          const int strange = (share_a_word(y, z) ? 0 : 40) + (share_a_word(x, y) ? 0 : 2);
          add(*size, rank + strange, {z, std::move(said)}, {c.value, width});
        };
        if (divides && &c != &b) product(a.value / b.value, 8, x + " // " + y);
        if (&a < &b) product(a.value + b.value, 12, x + " + " + y);
        product(a.value + 2 * b.value, 12, format("{} + 2 * {}", x, y));
      }
    }
  }
}

}  // namespace tessera
