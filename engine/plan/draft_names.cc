#include "plan/draft_names.h"

#include "base/text.h"
#include "plan/draft.h"
#include "rules/expr_lex.h"

namespace tessera {

std::string word_from(const std::string& text) {
  std::string word;
  for (char c : text) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    word += good ? c : '_';
  }
  if (word.empty() || (word[0] >= '0' && word[0] <= '9')) word = "_" + word;
  return is_reserved(word) || yaml_text(word) != word ? word + "_" : word;
}

std::string short_name(const std::string& name) {
  std::vector<std::string> words;
  for (const std::string& segment : split(name, '.')) {
    const std::string plain = segment.substr(0, segment.find('<'));
    if (!plain.empty()) words.push_back(plain);
  }
  if (words.empty()) return "tensor";
  const std::string last = words.back();
  if (words.size() == 1) return word_from(last);
  const std::string before = words[words.size() - 2];
  return word_from(last == "weight" ? before : before + "_" + last);
}

std::string Names::take(const std::string& wish) {
  std::string name = wish;
  for (size_t& next = next_.try_emplace(wish, 2).first->second; !taken_.insert(name).second; ++next)
    name = format("{}_{}", wish, next);
  return name;
}

}  // namespace tessera
