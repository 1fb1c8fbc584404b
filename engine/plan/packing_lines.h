// The lines of a side's packings, both ways. The way to a key is a function: the first line that matches. The way back
// tries every line, and is kept only where the way to the key agrees.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "layout/name.h"
#include "rules/ruleset.h"

namespace tessera {

using HoleTexts = std::map<std::string, std::string, std::less<>>;  // by name of the hole

class PackingLine {
 public:
  explicit PackingLine(const RenameLine& line);

  struct Packed {
    std::string key;
    std::vector<int64_t> at;  // the indices that become leading axes
  };
  std::optional<Packed> pack(std::string_view name) const;
  // The holes of a key that this line may have made; a key that its left side matches is a name as it stands.
  std::optional<HoleTexts> unpack(std::string_view key) const;
  std::string name(HoleTexts texts, const std::vector<int64_t>& at) const;
  size_t axes() const { return axes_.size(); }
  Span span() const { return text_->left_text.span; }

 private:
  const RenameLine* text_;
  Matcher left_, right_;
  std::vector<std::string> axes_;  // holes of the left side that the right one lacks, first slowest
};

// One packing.
class Packer {
 public:
  explicit Packer(const Dialect& packing);
  // The line that acts on a name, and what it makes of it; nullptr: the name stays.
  const PackingLine* pack(std::string_view name, PackingLine::Packed& out) const;
  // The line that has made a key, and the key's holes; nullptr: the key is a name.
  const PackingLine* unpack(std::string_view key, HoleTexts& out) const;

 private:
  std::vector<PackingLine> lines_;
};

// All packings of a side: each may have made a key that is read.
class Packings {
 public:
  Packings(const RuleSet& rules, SideId side);
  const PackingLine* line_of(std::string_view key, HoleTexts& texts) const;
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  std::vector<std::pair<const Dialect*, Packer>> list_;
};

}  // namespace tessera
