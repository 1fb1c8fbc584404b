// Axes get one letter out of their key's words where one is free.
#include "plan/draft_axes.h"

#include <algorithm>

#include "base/text.h"
#include "rules/expr_lex.h"

namespace tessera {
namespace {

// Letters to try for an axis of this size: first letters of its words, those that say little last, then all letters.
std::vector<std::string> letters_of(const std::string& expression) {
  std::vector<std::string> first, late, rest;
  std::string word;
  const auto end_word = [&] {
    if (word.empty()) return;
    const bool says_little = word == "num" || word == "size" || word == "max" || word == "n";
    (says_little ? late : first).push_back(word.substr(0, 1));
    for (char c : word) rest.emplace_back(1, c);
    word.clear();
  };
  for (char c : expression) {
    const char low = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
    if (low >= 'a' && low <= 'z')
      word += low;
    else
      end_word();
  }
  end_word();
  first.insert(first.end(), late.begin(), late.end());
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

std::string guess_comment(const std::string& guess, const std::vector<std::string>& ties) {
  std::vector<std::string> said{guess};
  for (const std::string& tie : ties)
    if (tie != guess) said.push_back(tie);
  return "guess" + (said.size() > 1 ? ": " + join(said, " or ") : std::string());
}

std::vector<std::string> texts(const std::vector<SizeGuess>& ways) {
  std::vector<std::string> out;
  for (const SizeGuess& way : ways) out.push_back(way.text());
  return out;
}

// The words of a trunk's last segment: "model.layers." -> "layer".
std::string last_segment(const std::string& trunk) {
  std::string text = trunk;
  while (!text.empty() && text.back() == '.') text.pop_back();
  text = text.substr(text.find_last_of('.') + 1);
  if (text.size() > 2 && text.back() == 's') text.pop_back();
  return text;
}

}  // namespace

DraftAxes::DraftAxes(const SizeGuesser& guesser, const Known* known, std::set<std::string> taken)
    : guesser_(guesser), known_(known), taken_(std::move(taken)) {
  if (known_) taken_.insert(known_->words.begin(), known_->words.end());
}

std::string DraftAxes::fresh_name(const std::vector<std::string>& wishes) {
  const auto free = [&](const std::string& name) {
    return is_word(name) && !is_reserved(name) && taken_.insert(name).second;
  };
  for (const std::string& wish : wishes)
    if (free(wish)) return wish;
  for (char c = 'a'; c <= 'z'; ++c)
    if (free(std::string(1, c))) return std::string(1, c);
  for (size_t i = 1;; ++i)
    if (std::string name = format("a{}", i); free(name)) return name;
}

void DraftAxes::speak(const std::string& expression) {
  std::string word;
  for (char c : expression + " ") {
    const bool part =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    if (part) {
      word += c;
    } else {
      if (is_path(word)) keys_.insert(word);
      word.clear();
    }
  }
}

std::string DraftAxes::add(const std::vector<std::string>& wishes, const std::string& size, const std::string& split,
                           std::string comment) {
  std::string name = fresh_name(wishes);
  lines_.push_back({name, split.empty() ? size : format("{{ size: {}, split: {} }}", size, split), std::move(comment)});
  size_texts_[name] = size;
  speak(size);
  return name;
}

std::string DraftAxes::index_axis(const IndexAxis& place, const std::string& known_name) {
  if (!known_name.empty()) return known_name;
  std::vector<std::string> keys = guesser_.keys_of(place.size);
  const std::string what = last_segment(place.trunk);
  std::stable_partition(keys.begin(), keys.end(),
                        [&](const std::string& key) { return what.size() > 1 && key.find(what) != key.npos; });
  std::vector<std::string> wishes{place.parent ? "e" : "l"};
  for (const std::string& letter : letters_of(what)) wishes.push_back(letter);
  const std::string comment = format("numbers behind {}", place.trunk.empty() ? "nothing" : place.trunk);
  if (keys.empty()) return add(wishes, std::to_string(place.size), place.parent ? "" : "pp", comment);
  return add(wishes, keys[0], place.parent ? "" : "pp", guess_comment(keys[0], keys) + "; " + comment);
}

// An axis of the parent file of this size, one that nothing splits before others.
const KnownAxis* DraftAxes::known_axis(int64_t size) const {
  const KnownAxis* found = nullptr;
  if (known_)
    for (const KnownAxis& axis : known_->axes)
      if (!axis.index && axis.size == size && (!found || (found->split && !axis.split))) found = &axis;
  return found;
}

std::vector<std::string> DraftAxes::dimension(int64_t size) {
  if (size == 1) return {};
  if (const KnownAxis* axis = known_axis(size)) return {axis->name};
  const auto& ways = guesser_.guess(size);
  const SizeGuess way = ways.empty() ? SizeGuess{{std::to_string(size)}, {size}} : ways.front();
  std::vector<std::string> axes;
  for (size_t i = 0; i < way.factors.size(); ++i) {
    const KnownAxis* axis = way.factors.size() > 1 ? known_axis(way.sizes[i]) : nullptr;
    std::string& name = by_size_[way.factors[i]];
    if (axis) name = axis->name;
    if (name.empty()) {
      const auto ties = way.factors.size() == 1 ? texts(ways) : texts(guesser_.guess(way.sizes[i]));
      name =
          add(letters_of(way.factors[i]), way.factors[i], "", ways.empty() ? "" : guess_comment(way.factors[i], ties));
    }
    axes.push_back(name);
  }
  const std::set<std::string> distinct(axes.begin(), axes.end());
  return distinct.size() == axes.size() ? axes : std::vector{one_axis(size)};
}

std::string DraftAxes::one_axis(int64_t size) {
  if (const KnownAxis* axis = known_axis(size)) return axis->name;
  const auto& ways = guesser_.guess(size);
  const std::string text = ways.empty() ? std::to_string(size) : ways.front().text();
  std::string& name = by_size_[text];
  if (name.empty()) name = add(letters_of(text), text, "", ways.empty() ? "" : guess_comment(text, texts(ways)));
  return name;
}

std::string DraftAxes::another(const std::string& axis, size_t turn) {
  std::string& name = others_[{axis, turn}];
  if (!name.empty()) return name;
  std::string size = size_texts_.contains(axis) ? size_texts_.at(axis) : "";
  if (size.empty() && known_)
    for (const KnownAxis& one : known_->axes)
      if (one.name == axis) size = one.text;
  return name = add({format("{}{}", axis, turn)}, size, "", format("guess: as large as {}, another dimension", axis));
}

}  // namespace tessera
