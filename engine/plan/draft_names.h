// Names of rules, blocks and parts out of the names of tensors.
#pragma once
#include <map>
#include <set>
#include <string>

namespace tessera {

// A text as a word that may be a name: other characters as _, reserved words with a _ behind.
std::string word_from(const std::string& text);
// The last words of a tensor's name, holes and a `weight` at the end left out: "self_attn.q_proj.weight" -> "q_proj".
std::string short_name(const std::string& name);

// Names of which each is given once.
class Names {
 public:
  Names() = default;
  explicit Names(std::set<std::string> taken) : taken_(std::move(taken)) {}
  std::string take(const std::string& wish);  // `wish`, or `wish_2`, ...

 private:
  std::set<std::string> taken_;
  std::map<std::string, size_t> next_;
};

}  // namespace tessera
