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
  entries_.push_back({std::move(name), std::move(text), std::move(starts)});
  return static_cast<SourceId>(entries_.size() - 1);
}

const std::string& Sources::name(SourceId id) const { return entries_.at(id).name; }
const std::string& Sources::text(SourceId id) const { return entries_.at(id).text; }

Position Sources::position(Span span) const {
  if (!span.known()) return {};
  const Entry& entry = entries_.at(span.source);
  const auto after = std::upper_bound(entry.line_starts.begin(), entry.line_starts.end(), span.begin);
  const uint32_t start = *(after - 1);
  const size_t column = characters(std::string_view(entry.text).substr(start, span.begin - start)) + 1;
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

}  // namespace tessera
