#include "verdicts.h"

#include "base/text.h"

namespace tessera {
namespace {

const char* word_of(const Verdict& verdict) { return verdict.refused ? "refused" : grade_name(verdict.grade); }

std::string text_of(const Verdict& verdict) {
  return word_of(verdict) + (verdict.reason.empty() ? "" : " (" + verdict.reason + ")");
}

Value value_of(const RuleSet& set, SideId from, SideId to) {
  const Verdict verdict = static_verdict(set, from, to);
  Map map;
  map["from"] = set.file.sides[from].s;
  map["to"] = set.file.sides[to].s;
  map["verdict"] = word_of(verdict);
  map["reason"] = verdict.reason;
  return map;
}

std::string line_of(const RuleSet& set, SideId a, SideId b) {
  const std::string there = text_of(static_verdict(set, a, b)), back = text_of(static_verdict(set, b, a));
  const std::string &x = set.file.sides[a].s, &y = set.file.sides[b].s;
  return there == back ? format("{} <-> {} {}", x, y, there) : format("{} -> {} {}, back {}", x, y, there, back);
}

}  // namespace

std::vector<std::string> verdict_lines(const RuleSet& set) {
  std::vector<std::string> lines;
  for (SideId a = 0; a < set.file.sides.size(); ++a)
    for (SideId b = a + 1; b < set.file.sides.size(); ++b) lines.push_back(line_of(set, a, b));
  return lines;
}

List verdict_values(const RuleSet& set) {
  List list;
  for (SideId a = 0; a < set.file.sides.size(); ++a)
    for (SideId b = a + 1; b < set.file.sides.size(); ++b) {
      list.push_back(value_of(set, a, b));
      list.push_back(value_of(set, b, a));
    }
  return list;
}

std::vector<std::string> note_lines(const RuleSet& set) {
  std::vector<std::string> lines;
  for (const Stated& note : set.file.notes) {
    const std::string when = to_text(note.condition);
    lines.push_back(when == "true" ? note.text : format("if {}: {}", when, note.text));
  }
  return lines;
}

List note_values(const RuleSet& set) {
  List list;
  for (const Stated& note : set.file.notes) {
    Map one;
    one["when"] = to_text(note.condition);
    one["text"] = note.text;
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace tessera
