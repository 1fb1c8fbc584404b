// Names with holes filled in, and names matched against patterns. RE2 comes in here.
#include "layout/name.h"

#include <re2/re2.h>

#include <cassert>
#include <utility>

#include "base/text.h"

namespace tessera {
namespace {

constexpr int64_t matcher_memory = int64_t{8} << 20;

const char* hole_expression(HoleKind kind) {
  switch (kind) {
    case HoleKind::number:
      return "(0|[1-9][0-9]*)";
    case HoleKind::word:
      return "([^.]+)";
    case HoleKind::rest:
      return "(.+)";
  }
  return "";
}

std::string expression(const Pattern& pattern) {
  std::string text;
  for (const PatternPiece& piece : pattern)
    text += piece.hole ? hole_expression(*piece.hole) : RE2::QuoteMeta(piece.text);
  return text;
}

// Names are matched byte by byte; what is in them is for others to judge.
RE2::Options options() {
  RE2::Options options(RE2::Latin1);
  options.set_max_mem(matcher_memory);
  options.set_dot_nl(true);
  options.set_log_errors(false);
  return options;
}

}  // namespace

std::string render(const NameTemplate& name, const std::vector<int64_t>& holes) {
  std::string text;
  for (const NamePiece& piece : name)
    text += piece.hole < 0 ? piece.text : std::to_string(holes.at(static_cast<size_t>(piece.hole)));
  return text;
}

std::string to_text(const NameTemplate& name, const std::vector<std::string>& holes) {
  std::string text;
  for (const NamePiece& piece : name)
    text += piece.hole < 0 ? piece.text : format("<{}>", holes.at(static_cast<size_t>(piece.hole)));
  return text;
}

std::string render(const Pattern& pattern, const std::vector<std::string>& holes) {
  std::string text;
  size_t next = 0;
  for (const PatternPiece& piece : pattern) text += piece.hole ? holes.at(next++) : piece.text;
  return text;
}

Pattern pattern_of(const NameTemplate& name) {
  Pattern pattern;
  for (const NamePiece& piece : name)
    pattern.push_back({piece.text, piece.hole >= 0 ? std::optional(HoleKind::number) : std::nullopt, ""});
  return pattern;
}

// Most names fail at the text before the first hole or behind the last: that is looked at first.
struct Matcher::Impl {
  explicit Impl(const Pattern& pattern) : expression(tessera::expression(pattern), options()) {
    if (!pattern.empty() && !pattern.front().hole) head = pattern.front().text;
    if (!pattern.empty() && !pattern.back().hole) tail = pattern.back().text;
  }
  bool may_match(std::string_view name) const { return name.starts_with(head) && name.ends_with(tail); }
  std::string head, tail;
  RE2 expression;
};

Matcher::Matcher(const Pattern& pattern) : impl_(std::make_unique<Impl>(pattern)) {
  assert(impl_->expression.ok());  // parse_pattern bounds the length, far below the memory given
}
Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;

bool Matcher::match(std::string_view name) const {
  return impl_->may_match(name) &&
         impl_->expression.Match({name.data(), name.size()}, 0, name.size(), RE2::ANCHOR_BOTH, nullptr, 0);
}

bool Matcher::match(std::string_view name, std::vector<std::string>& holes) const {
  if (!impl_->may_match(name)) return false;
  std::vector<re2::StringPiece> groups(static_cast<size_t>(impl_->expression.NumberOfCapturingGroups()) + 1);
  if (!impl_->expression.Match({name.data(), name.size()}, 0, name.size(), RE2::ANCHOR_BOTH, groups.data(),
                               static_cast<int>(groups.size())))
    return false;
  holes.clear();
  for (size_t i = 1; i < groups.size(); ++i) holes.emplace_back(groups[i].data(), groups[i].size());
  return true;
}

}  // namespace tessera
