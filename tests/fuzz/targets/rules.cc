// A rule file: parsed (its parent may be `base`), linked and proved within the budget of work; what is wrong is shown.
// Its tree prints as YAML that reads as the same tree.
#include "base/text.h"
#include "fuzz/target.h"
#include "rules/parse.h"
#include "rules/ruleset.h"

namespace tessera::fuzz {
namespace {

constexpr const char* base =
    "rules: 1\nfamily: base\naxes: { f: 3, h: 5, l: num_layers }\n"
    "blocks: { b: { w: { hf: w  f h, mcore: v  h f } } }\nmodel: [{ use: b }]\n";

std::optional<std::string> tree_of(const std::string& text) {
  Sources sources;
  Diagnostics diagnostics;
  const SourceId source = sources.add("tree", text);
  const auto node = parse_yaml(sources, source, diagnostics);
  return node ? std::optional(to_yaml(*node)) : std::nullopt;
}

void check_print(const std::string& text) {
  const auto printed = tree_of(text);
  require(!printed || tree_of(*printed) == printed, "a tree prints as what it is");
}

void run(std::string_view input) {
  const std::string text(input);
  const LoadText load = [&](const std::filesystem::path& path) -> std::optional<std::string> {
    return path == "rules.yaml"  ? std::optional(text)
           : path == "base.yaml" ? std::optional<std::string>(base)
                                 : std::nullopt;
  };
  check_print(text);
  Sources sources;
  Diagnostics diagnostics;
  auto file = parse_rule_file("rules.yaml", {{}, load}, sources, diagnostics);
  require(file || diagnostics.failed(), "what is not read is told");
  if (file && !diagnostics.failed()) {
    const auto set = link(*std::move(file), {}, {}, diagnostics);
    require(set || diagnostics.failed(), "what is not linked is told");
    const bool right = set && check(*set, diagnostics);
    require(right != diagnostics.failed(), "check says what its messages say");
    if (right && set->file.sides.size() > 1) static_verdict(*set, 0, 1);
  }
  const std::string shown = render(diagnostics, sources);
  require(is_utf8(shown), "messages are text");
}

const Registered registered({"rules", run, 10});

}  // namespace
}  // namespace tessera::fuzz
