// Which rule file a checkpoint is for, when nobody says: by its configuration, else by trying.
#include <algorithm>

#include "base/text.h"
#include "ends.h"
#include "plan/kinds.h"
#include "plan/packing.h"
#include "planning.h"

namespace tessera {

Map as_map(const std::map<std::string, Value>& settings) {
  Map map;
  for (const auto& [key, value] : settings) map[key] = value;
  return map;
}

// Files whose `match` fits config.json, and asks for the most; else those under which a plan can be made.
std::filesystem::path choose_rules(Session& session, const Request& request, const Contents& source,
                                   std::vector<std::string>& evidence) {
  const Map& config = source.side == "hf" ? source.config : source.companion_config;
  std::vector<std::filesystem::path> found;
  size_t most_keys = 0;
  for (const auto& path : rule_files(request.folders)) {
    Diagnostics quiet;
    const auto file = parse_rule_file(path, {request.folders.folders, load_rule_text}, session.sources, quiet);
    if (!file || config.empty() || !matches(*file, config)) continue;
    if (file->match.size() > most_keys) found.clear();
    if (file->match.size() >= most_keys) found.push_back(path);
    most_keys = std::max(most_keys, file->match.size());
  }
  if (!found.empty()) evidence.push_back("the rules by `match` against config.json");
  if (found.empty() && config.empty()) {
    for (const auto& path : rule_files(request.folders)) {
      Diagnostics quiet;
      auto rules = load_rules(session, path, request.folders, quiet);
      if (!rules || !source.side || !rules->set.file.side(*source.side)) continue;
      const SideId side = *rules->set.file.side(*source.side);
      std::optional<Contents> made;
      const Contents* contents = unpacked(source, rules->set, side, made, quiet);
      if (!contents) continue;
      carry_kinds(rules->set, kinds_of(rules->set.file, side, *contents), side, quiet);
      ConfigRequest trial{&rules->set,    source_end(side, source), source_end(side, source),
                          &source.config, as_map(request.settings), false};
      if (make_plan(trial, *contents, {}, quiet) && !quiet.failed()) found.push_back(path);
    }
    if (!found.empty()) evidence.push_back("the rules by names, shapes and arguments");
  }
  if (found.size() == 1) return found[0];
  std::vector<std::string> names;
  for (const auto& path : found) names.push_back(path.stem().string());
  if (found.empty())
    fail_usage(format("{}: no rule file fits; say one with --rules (`tessera families` lists them)",
                      escape(source.root.string())));
  fail_usage(
      format("{}: several rule files fit ({}); say one with --rules", escape(source.root.string()), join(names, ", ")));
}

}  // namespace tessera
