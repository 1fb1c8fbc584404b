// Diagnostics as an author sees them. A file of golden/ holds cases:
//
//   === what is wrong
//   >>> rules.yaml        a file; further ones may follow; rules.yaml (or what lies in dialects/, packings/) is parsed
//   ...
//   <<<                   what is printed, to the next case
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/text.h"
#include "rules/parse.h"

using namespace tessera;

namespace {

struct Case {
  std::string title, expected;
  std::map<std::string, std::string> files;
};

std::vector<Case> read_cases(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::vector<Case> cases;
  std::string* into = nullptr;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("=== ")) {
      cases.push_back({line.substr(4), {}, {}});
      into = nullptr;
    } else if (line.starts_with(">>> ")) {
      into = &cases.back().files[line.substr(4)];
    } else if (line == "<<<") {
      into = &cases.back().expected;
    } else if (into) {
      *into += line + "\n";
    }
  }
  return cases;
}

std::string diagnostics_of(const Case& one) {
  const LoadText load = [&](const std::filesystem::path& path) -> std::optional<std::string> {
    const auto found = one.files.find(path.string());
    return found == one.files.end() ? std::nullopt : std::optional(found->second);
  };
  Sources sources;
  Diagnostics diagnostics;
  if (one.files.contains("rules.yaml"))
    parse_rule_file("rules.yaml", {{"path"}, load}, sources, diagnostics);
  else
    parse_dialect(one.files.begin()->first, load, sources, diagnostics);
  return render(diagnostics, sources);
}

std::string without_blank_ends(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("golden diagnostics") {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(TESSERA_TESTS "/rules/golden"))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  REQUIRE(!files.empty());
  for (const auto& file : files) {
    const auto cases = read_cases(file);
    REQUIRE(!cases.empty());
    for (const Case& one : cases) {
      CAPTURE(file.filename().string());
      CAPTURE(one.title);
      CHECK(without_blank_ends(diagnostics_of(one)) == without_blank_ends(one.expected));
    }
  }
}
