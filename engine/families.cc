// The rule files of the rule folders, with what they promise.
#include "base/text.h"
#include "rule_book.h"
#include "verdicts.h"

namespace tessera {

Report families(Session& session, const RuleFolders& folders) {
  Report report;
  List list;
  for (const auto& path : rule_files(folders)) {
    Diagnostics diagnostics;
    const auto rules = load_rules(session, path, folders, diagnostics);
    Map one;
    one["file"] = path.string();
    one["ok"] = rules.has_value();
    if (!rules) {
      report.lines.push_back(
          format("{:<16} {}: wrong; `tessera check {}` says why", path.stem().string(), path.string(), path.string()));
    } else {
      one["family"] = rules->set.file.family.s;
      one["verdicts"] = verdict_values(rules->set);
      one["notes"] = note_values(rules->set);
      report.lines.push_back(format("{:<16} {}", rules->set.file.family.s, join(verdict_lines(rules->set), "; ")));
      for (const std::string& note : note_lines(rules->set)) report.lines.push_back(format("{:<16}   {}", "", note));
    }
    list.push_back(std::move(one));
  }
  report.json["families"] = std::move(list);
  return report;
}

}  // namespace tessera
