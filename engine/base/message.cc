#include "base/message.h"

#include "base/text.h"

namespace tessera {
namespace {

constexpr size_t name_at_most = 200, line_at_most = 1000;  // bytes

std::string cut_names(std::string_view line) {
  std::vector<std::string> pieces = split(line, '`');
  for (size_t i = 1; i + 1 < pieces.size(); i += 2) pieces[i] = cut(std::move(pieces[i]), name_at_most);
  return join(pieces, "`");
}

}  // namespace

std::string shown_line(std::string_view line) { return cut(cut_names(escape(line, std::string::npos)), line_at_most); }

std::vector<std::string> shown_lines(std::string_view message) {
  std::vector<std::string> lines = split(message, '\n');
  for (std::string& line : lines) line = shown_line(line);
  return lines;
}

}  // namespace tessera
