// A dialect or a packing of rule files.
#include "fuzz/target.h"
#include "rules/parse.h"

namespace tessera::fuzz {
namespace {

void run(std::string_view input) {
  const std::string text(input);
  const LoadText load = [&](const std::filesystem::path&) { return std::optional(text); };
  is_renaming("dialect.yaml", text);
  Sources sources;
  Diagnostics diagnostics;
  const auto dialect = parse_dialect("dialect.yaml", load, sources, diagnostics);
  require(dialect || diagnostics.failed(), "what is not read is told");
  render(diagnostics, sources);
}

const Registered registered({"dialect", run});

}  // namespace
}  // namespace tessera::fuzz
