// The schema-check: rule files proved right by themselves, with a configuration, with a checkpoint's headers.
#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "ends.h"
#include "parallel_lists.h"
#include "plan/packing.h"
#include "planning.h"
#include "store/file.h"
#include "store/formats.h"

namespace tessera {
namespace {

std::string verdict_text(const Verdict& verdict) {
  if (verdict.refused) return "refused";
  return std::string(grade_name(verdict.grade)) + (verdict.reason.empty() ? "" : " (" + verdict.reason + ")");
}

// "hf <-> mcore checked (tied copies)", or both directions where they differ.
std::vector<std::string> verdict_lines(const RuleSet& set, List& json) {
  std::vector<std::string> lines;
  const auto& sides = set.file.sides;
  for (SideId a = 0; a < sides.size(); ++a) {
    for (SideId b = a + 1; b < sides.size(); ++b) {
      const Verdict forward = static_verdict(set, a, b), back = static_verdict(set, b, a);
      for (const auto& [from, to, v] : {std::tuple{a, b, &forward}, std::tuple{b, a, &back}}) {
        Map one;
        one["from"] = sides[from].s;
        one["to"] = sides[to].s;
        one["verdict"] = v->refused ? "refused" : grade_name(v->grade);
        one["reason"] = v->reason;
        json.push_back(std::move(one));
      }
      const std::string there = verdict_text(forward), here = verdict_text(back);
      if (there == here) {
        lines.push_back(format("{} <-> {} {}", sides[a].s, sides[b].s, there));
      } else {
        lines.push_back(format("{} -> {} {}, back {}", sides[a].s, sides[b].s, there, here));
      }
    }
  }
  return lines;
}

size_t rule_count(const RuleFile& file) {
  size_t count = 0;
  for (const BlockDecl& block : file.blocks) count += block.rules.size();
  return count;
}

// For every side that some axis is split on.
void add_lists(Report& report, const RuleSet& set) {
  Map json;
  for (SideId side = 0; side < set.file.sides.size(); ++side) {
    const auto split = [side](const AxisDecl& axis) { return axis.split[side].has_value(); };
    if (std::none_of(set.file.axes.begin(), set.file.axes.end(), split)) continue;
    if (side == 0 && set.file.sides.size() > 1) continue;
    Map kinds;
    for (const auto& [kind, names] : parallel_lists(set, side)) {
      report.lines.push_back(format("{}, {}:", set.file.sides[side].s, kind));
      List list;
      for (const std::string& name : names) {
        report.lines.push_back("  " + name);
        list.push_back(name);
      }
      kinds[kind] = std::move(list);
    }
    json[set.file.sides[side].s] = std::move(kinds);
  }
  report.json["tp_lists"] = std::move(json);
}

void check_config(const RuleSet& set, const std::filesystem::path& path, Diagnostics& diagnostics) {
  const Map* config = nullptr;
  const Value value = parse_json(InputFile(path).read_all(16 << 20), path.string());
  config = value.as_map();
  if (!config) fail_world(format("{}: is not an object", escape(path.string())));
  ConfigRequest request{&set, {}, {}, config, {}, true};
  request.to.side = set.file.sides.size() > 1 ? 1 : 0;
  const auto model = bind(request, diagnostics);
  if (model && !diagnostics.failed()) target_config(*model, diagnostics);
}

void check_checkpoint(const RuleSet& set, const std::filesystem::path& path, Diagnostics& diagnostics) {
  auto reader = open_checkpoint(path);
  const auto& said = reader->contents().side;
  const auto side = said ? set.file.side(*said) : std::nullopt;
  if (!side) fail_usage(format("{}: holds no side of {}", escape(path.string()), set.file.family.s));
  reader = unpack(std::move(reader), set, *side, diagnostics);
  if (!reader) return;
  const Contents& source = reader->contents();
  ConfigRequest request{&set, source_end(*side, source), {}, &source.config, {}, true};
  request.to.side = *side == 0 && set.file.sides.size() > 1 ? 1 : 0;
  make_plan(std::move(request), source, {}, diagnostics);
}

}  // namespace

Checked check_rules(Session& session, const std::filesystem::path& file, const RuleFolders& folders,
                    const CheckOptions& options) {
  Checked checked;
  Report& report = checked.report;
  report.json["file"] = file.string();
  const auto rules = load_rules(session, file, folders, checked.diagnostics);
  if (rules && !options.config.empty()) check_config(rules->set, options.config, checked.diagnostics);
  if (rules && !options.checkpoint.empty()) check_checkpoint(rules->set, options.checkpoint, checked.diagnostics);
  report.json["ok"] = rules.has_value() && !checked.diagnostics.failed();
  if (!rules || checked.diagnostics.failed()) return checked;
  List verdicts;
  const auto lines = verdict_lines(rules->set, verdicts);
  report.json["family"] = rules->set.file.family.s;
  report.json["verdicts"] = std::move(verdicts);
  report.lines.push_back(format("{}: ok   {}   {} rules, {} blocks, {} axes", file.string(), join(lines, "; "),
                                rule_count(rules->set.file), rules->set.file.blocks.size(),
                                rules->set.file.axes.size()));
  if (options.flat) report.lines.push_back(to_yaml(rules->set.file.flat));
  if (options.tp_lists) add_lists(report, rules->set);
  return checked;
}

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
      List verdicts;
      const auto lines = verdict_lines(rules->set, verdicts);
      one["family"] = rules->set.file.family.s;
      one["verdicts"] = std::move(verdicts);
      report.lines.push_back(format("{:<16} {}", rules->set.file.family.s, join(lines, "; ")));
    }
    list.push_back(std::move(one));
  }
  report.json["families"] = std::move(list);
  return report;
}

const char* explain_diagnostic(std::string_view id) { return explain_id(id); }

}  // namespace tessera
