// Names to keys and back, by the patterns of one line.
#include "plan/packing_lines.h"

#include <algorithm>
#include <charconv>

namespace tessera {
namespace {

std::optional<HoleTexts> match(const Matcher& matcher, const Pattern& pattern, std::string_view name) {
  std::vector<std::string> texts;
  if (!matcher.match(name, texts)) return std::nullopt;
  HoleTexts out;
  size_t next = 0;
  for (const PatternPiece& piece : pattern)
    if (piece.hole) out[piece.name] = texts[next++];
  return out;
}

std::string fill(const Pattern& pattern, const HoleTexts& texts) {
  std::vector<std::string> holes;
  for (const PatternPiece& piece : pattern)
    if (piece.hole) holes.push_back(texts.at(piece.name));
  return render(pattern, holes);
}

}  // namespace

PackingLine::PackingLine(const RenameLine& line) : text_(&line), left_(line.left), right_(line.right) {
  const auto on_right = [&](const PatternPiece& hole) {
    return std::any_of(line.right.begin(), line.right.end(),
                       [&](const PatternPiece& other) { return other.hole && other.name == hole.name; });
  };
  for (const PatternPiece& piece : line.left)
    if (piece.hole && !on_right(piece)) axes_.push_back(piece.name);
}

std::optional<PackingLine::Packed> PackingLine::pack(std::string_view name) const {
  const auto texts = match(left_, text_->left, name);
  if (!texts) return std::nullopt;
  Packed out{fill(text_->right, *texts), {}};
  for (const std::string& axis : axes_) {
    const std::string& digits = texts->find(axis)->second;
    int64_t& index = out.at.emplace_back();
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (end.ec != std::errc() || index == INT64_MAX) return std::nullopt;
  }
  return out;
}

std::optional<HoleTexts> PackingLine::unpack(std::string_view key) const {
  return left_.match(key) ? std::nullopt : match(right_, text_->right, key);
}

std::string PackingLine::name(HoleTexts texts, const std::vector<int64_t>& at) const {
  for (size_t i = 0; i < axes_.size(); ++i) texts[axes_[i]] = std::to_string(at[i]);
  return fill(text_->left, texts);
}

Packer::Packer(const Dialect& packing) {
  for (const RenameLine& line : packing.rename) lines_.emplace_back(line);
}

const PackingLine* Packer::pack(std::string_view name, PackingLine::Packed& out) const {
  for (const PackingLine& line : lines_)
    if (auto packed = line.pack(name)) return out = *std::move(packed), &line;
  return nullptr;
}

const PackingLine* Packer::unpack(std::string_view key, HoleTexts& out) const {
  for (const PackingLine& line : lines_) {
    auto texts = line.unpack(key);
    if (!texts) continue;
    PackingLine::Packed again;
    const bool ours = pack(line.name(*texts, std::vector<int64_t>(line.axes())), again) == &line && again.key == key;
    if (ours) return out = *std::move(texts), &line;
  }
  return nullptr;
}

Packings::Packings(const RuleSet& rules, SideId side) {
  for (const Dialect& packing : rules.packings)
    if (packing.side == rules.file.sides[side].s) list_.emplace_back(&packing, Packer(packing));
}

const PackingLine* Packings::line_of(std::string_view key, HoleTexts& texts) const {
  for (const auto& [packing, packer] : list_)
    if (const PackingLine* line = packer.unpack(key, texts)) return line;
  return nullptr;
}

}  // namespace tessera
