// Sizes looked up in a configuration: which key, or which product, quotient or sum of keys, is this number?
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/value.h"

namespace tessera {

// One way to say a size: a product of expressions, each an axis of its own. {"num_heads", "head_dim"}; {"3 * hidden"}.
struct SizeGuess {
  std::vector<std::string> factors;
  std::vector<int64_t> sizes;  // of the factors
  std::string text() const;    // "num_heads * head_dim"
};

class SizeGuesser {
 public:
  // `config`: integers of it, nested ones by their path; ids of tokens are no sizes. `sizes`: all that will be asked.
  SizeGuesser(const Map& config, const std::set<int64_t>& sizes);
  // The shortest ways, best first; empty if nothing fits. The first is the guess, the others are ties.
  const std::vector<SizeGuess>& guess(int64_t size) const;
  // Keys alone that have this value.
  std::vector<std::string> keys_of(int64_t size) const;

 private:
  struct Number {
    int64_t value;
    std::vector<std::string> keys;
  };
  void read(const Map& config);
  void one();
  void two();
  void three();
  void add(int64_t size, int rank, std::vector<std::string> factors, std::vector<int64_t> sizes);
  void settle();  // what has a way is asked no more

  std::vector<Number> numbers_;  // distinct values, those that are sizes themselves first
  size_t whole_ = 0;             // how many of them are sizes themselves
  std::set<int64_t> open_;
  struct Ranked {
    int rank;
    SizeGuess guess;
  };
  std::map<int64_t, std::vector<Ranked>> found_;
  std::map<int64_t, std::vector<SizeGuess>> ways_;
};

bool is_speakable_key(const std::string& key);  // expressions may speak of it
bool is_size_key(const std::string& key);       // and it is no id of a token

}  // namespace tessera
