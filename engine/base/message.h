// The words of a message as they are shown, whoever put a file's names into them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

// Each line with what escape() lets through; what stands in backticks cut like any name, and the line at 1000 bytes.
std::vector<std::string> shown_lines(std::string_view message);
std::string shown_line(std::string_view line);

}  // namespace tessera
