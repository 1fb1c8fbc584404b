// Rule files and configurations as text in a test: parsed, linked and ready to bind.
#pragma once
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "plan/plan.h"
#include "rules/parse.h"

namespace tessera {

// Not movable: spans and models point into it.
struct InlineRules {
  // `sections`: all of a rule file but its first two lines; without `blocks`, one weight "w" of 3 x 5 is added.
  // `dialects`: packings too.
  explicit InlineRules(const std::string& sections, const std::vector<std::string>& dialects = {}) {
    std::map<std::string, std::string> files;
    files["rules.yaml"] =
        "rules: 1\nfamily: t\n" + sections + (sections.find("blocks:") == std::string::npos ? one_weight : "");
    const LoadText load = [&](const std::filesystem::path& path) -> std::optional<std::string> {
      const auto at = files.find(path.string());
      return at == files.end() ? std::nullopt : std::optional(at->second);
    };
    std::vector<Dialect> parsed, packings;
    for (size_t i = 0; i < dialects.size(); ++i) {
      const std::string path = format("dialect{}.yaml", i);
      files[path] = dialects[i];
      if (auto dialect = parse_dialect(path, load, sources, diagnostics))
        (dialect->packing ? packings : parsed).push_back(*std::move(dialect));
    }
    auto file = parse_rule_file("rules.yaml", {{}, load}, sources, diagnostics);
    if (file) {
      if (auto linked = link(*std::move(file), std::move(parsed), std::move(packings), diagnostics))
        set = *std::move(linked);
    }
    INFO(render(diagnostics, sources));
    REQUIRE(!diagnostics.failed());
  }
  InlineRules(const InlineRules&) = delete;

  std::string text_at(Span span) const {
    return span.known() ? sources.text(span.source).substr(span.begin, span.end - span.begin) : "";
  }

  static constexpr const char* one_weight =
      "axes: { zf: 3, zh: 5 }\n"
      "blocks: { zb: { w: { hf: w  zf zh, mcore: w  zf zh } } }\n"
      "model: [{ use: zb }]\n";
  Sources sources;
  Diagnostics diagnostics;
  RuleSet set;
};

inline Map json_map(const std::string& text) {
  const Value value = parse_json(text, "test");
  REQUIRE(value.as_map());
  return *value.as_map();
}

inline EndSpec end_of(SideId side, std::vector<std::string> dialects = {}, Mesh mesh = single_place) {
  EndSpec end;
  end.side = side;
  end.mesh = mesh;
  end.dialects = std::move(dialects);
  return end;
}

// Each value of `wanted` is there (1 and 1.0 are the same); null: the key is not.
inline void check_has(const Map& map, const Map& wanted, const std::string& prefix = "") {
  for (const auto& entry : wanted) {
    const std::string path = prefix + entry.first;
    const Value& value = entry.second;
    if (const Map* inner = value.as_map()) {
      check_has(map, *inner, path + ".");
      continue;
    }
    const Value* found = find_path(map, path);
    INFO(path << ": " << (found ? show(*found) : "none") << ", wanted " << show(value));
    CHECK(same_value(found ? *found : Value(), value));
  }
}

}  // namespace tessera
