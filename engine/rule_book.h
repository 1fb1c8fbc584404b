// Rule files found, read, linked and checked: what every verb begins with. Internal to the engine's face.
#pragma once
#include <memory>

#include "engine.h"
#include "plan/plan.h"
#include "rules/parse.h"
#include "rules/ruleset.h"
#include "store/checkpoint.h"

namespace tessera {

struct LoadedRules {
  std::filesystem::path path;
  RuleSet set;
};

// All *.yaml files of the rule folders, by stem; an earlier folder hides a later one.
std::vector<std::filesystem::path> rule_files(const RuleFolders& folders);
// A file, or a family's name looked up in the folders. Error(usage) with the nearest name.
std::filesystem::path find_rule_file(const std::string& rules, const RuleFolders& folders);
// A packing; or a dialect, proved with the parents that lie beside it. nullopt with errors in `diagnostics`.
std::optional<Dialect> load_renaming(Session& session, const std::filesystem::path& path, Diagnostics& diagnostics);
// A rule file's text (of a longer one, so much that parsing refuses its size); nullopt if there is none.
std::optional<std::string> load_rule_text(const std::filesystem::path& path);
// Parsed, linked with the dialects beside it and in the folders, and checked. nullopt with errors in `diagnostics`.
std::optional<LoadedRules> load_rules(Session& session, const std::filesystem::path& path, const RuleFolders& folders,
                                      Diagnostics& diagnostics, const LoadText& load = load_rule_text);
// `check` of a rule file whose text `load` gives, with a checkpoint's headers.
Checked check_rules_with(Session& session, const std::filesystem::path& file, const RuleFolders& folders,
                         const LoadText& load, const Contents& source);

}  // namespace tessera
