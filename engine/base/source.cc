// Line maps and the way from a value back to its bytes.
#include "base/source.h"

#include <algorithm>
#include <cassert>

#include "base/text.h"

namespace tessera {
namespace {

std::vector<uint32_t> find_line_starts(std::string_view text) {
  std::vector<uint32_t> starts = {0};
  for (size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1))
    starts.push_back(static_cast<uint32_t>(at + 1));
  return starts;
}

constexpr size_t block = 4096;  // bytes

// Characters before each block, so that a column of a long line is found without counting from its start.
std::vector<uint32_t> count_blocks(std::string_view text) {
  std::vector<uint32_t> counts = {0};
  for (size_t at = block; at <= text.size(); at += block)
    counts.push_back(counts.back() + static_cast<uint32_t>(characters(text.substr(at - block, block))));
  return counts;
}

bool is_inside_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

Span Text::at(size_t begin, size_t end) const {
  assert(begin <= end && end <= s.size());
  if (!span.known()) return span;
  if (!offsets.empty()) return {span.source, offsets[begin], offsets[end]};
  return {span.source, span.begin + static_cast<uint32_t>(begin), span.begin + static_cast<uint32_t>(end)};
}

Text Text::sub(size_t begin, size_t end) const {
  Text piece{s.substr(begin, end - begin), at(begin, end), {}};
  if (!offsets.empty())
    piece.offsets.assign(offsets.begin() + static_cast<std::ptrdiff_t>(begin),
                         offsets.begin() + static_cast<std::ptrdiff_t>(end) + 1);
  return piece;
}

SourceId Sources::add(std::string name, std::string text) {
  assert(text.size() < UINT32_MAX);
  std::vector<uint32_t> starts = find_line_starts(text);
  std::vector<uint32_t> counts = count_blocks(text);
  entries_.push_back({std::move(name), std::move(text), std::move(starts), std::move(counts)});
  return static_cast<SourceId>(entries_.size() - 1);
}

const std::string& Sources::name(SourceId id) const { return entries_.at(id).name; }
const std::string& Sources::text(SourceId id) const { return entries_.at(id).text; }

Position Sources::position(Span span) const {
  if (!span.known()) return {};
  const Entry& entry = entries_.at(span.source);
  const auto after = std::upper_bound(entry.line_starts.begin(), entry.line_starts.end(), span.begin);
  const uint32_t start = *(after - 1);
  const auto before = [&](uint32_t at) {
    return entry.counts[at / block] + characters(std::string_view(entry.text).substr(at - at % block, at % block));
  };
  const size_t column = before(span.begin) - before(start) + 1;
  return {static_cast<uint32_t>(after - entry.line_starts.begin()), static_cast<uint32_t>(column)};
}

std::string_view Sources::line(SourceId id, uint32_t number) const {
  const Entry& entry = entries_.at(id);
  if (number == 0 || number > entry.line_starts.size()) return {};
  std::string_view rest = std::string_view(entry.text).substr(entry.line_starts[number - 1]);
  rest = rest.substr(0, rest.find('\n'));
  if (rest.ends_with('\r')) rest.remove_suffix(1);
  return rest;
}

std::string Sources::line_around(Span span) const {
  constexpr size_t longest = 400, before = 100;  // bytes
  const std::string_view whole = line(span.source, position(span).line);
  if (whole.size() <= longest) return std::string(whole);
  const size_t at = std::min(static_cast<size_t>(text(span.source).data() + span.begin - whole.data()), whole.size());
  size_t begin = at - std::min(at, before), end = std::min(begin + longest, whole.size());
  while (begin > 0 && is_inside_character(whole[begin])) --begin;
  while (end < whole.size() && is_inside_character(whole[end])) ++end;
  return format("{}{}{}", begin > 0 ? "..." : "", whole.substr(begin, end - begin), end < whole.size() ? "..." : "");
}

}  // namespace tessera
