// A rule file in a text, taken through the front end: for the tests of link and check.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "rules/parse.h"
#include "rules/ruleset.h"

struct Linked {
  tessera::Sources sources;
  tessera::Diagnostics diagnostics;
  std::optional<tessera::RuleSet> set;

  // `dialects` are texts of dialect files.
  explicit Linked(const std::string& rules, const std::vector<std::string>& dialects = {}) {
    using namespace tessera;
    std::vector<Dialect> parsed;
    const auto text_of = [](const std::string& text) {
      return LoadText([text](const std::filesystem::path&) { return std::optional(text); });
    };
    auto file = parse_rule_file("rules.yaml", {{}, text_of(rules)}, sources, diagnostics);
    for (const std::string& text : dialects)
      if (auto dialect = parse_dialect("dialect.yaml", text_of(text), sources, diagnostics)) parsed.push_back(*dialect);
    if (file && !diagnostics.failed()) set = link(*std::move(file), parsed, {}, diagnostics);
  }

  // What check says, as an author sees it.
  std::string checked() {
    if (set) check(*set, diagnostics);
    return render(diagnostics, sources);
  }
};

inline std::string full_name(const tessera::Address& address) {
  std::vector<std::string> holes;
  for (const tessera::Expr& hole : address.holes) holes.push_back(tessera::to_text(hole));
  return tessera::to_text(address.name, holes);
}
inline std::string address_text(const tessera::Address& address) {
  const std::string layout = to_text(address.layout);
  return full_name(address) + (layout.empty() ? "" : "  " + layout);
}
