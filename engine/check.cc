// The schema-check: rule files proved right by themselves, with a configuration, with a checkpoint's headers; dialects
// and packings too.
#include "base/diagnostic_values.h"
#include "base/json.h"
#include "base/text.h"
#include "ends.h"
#include "parallel_lists.h"
#include "plan/kinds.h"
#include "plan/packing.h"
#include "planning.h"
#include "store/file.h"
#include "store/formats.h"
#include "verdicts.h"

namespace tessera {
namespace {

size_t rule_count(const RuleFile& file) {
  size_t count = 0;
  for (const BlockDecl& block : file.blocks) count += block.rules.size();
  return count;
}

// B01 to B03, for the configuration's own side and each other one, unsplit.
void check_config(const RuleSet& set, const std::filesystem::path& path, Diagnostics& diagnostics) {
  const Value value = parse_json(InputFile(path).read_all(16 << 20), path.string());
  const Map* config = value.as_map();
  if (!config) fail_world(format("{}: is not an object", escape(path.string())));
  for (SideId side = 1; side < set.file.sides.size() && !diagnostics.failed(); ++side) {
    ConfigRequest request{&set, {}, {}, config, {}, true};
    request.to.side = side;
    const auto model = bind(request, diagnostics);
    if (!model || !target_config(*model, diagnostics)) return;
    if (declared_tensors(*model, model->from, diagnostics)) declared_tensors(*model, model->to, diagnostics);
  }
}

void check_checkpoint(RuleSet set, const Contents& packed, Diagnostics& diagnostics) {
  const auto side = packed.side ? set.file.side(*packed.side) : std::nullopt;
  if (!side) fail_usage(format("{}: holds no side of {}", escape(packed.root.string()), set.file.family.s));
  std::optional<Contents> made;
  const Contents* contents = unpacked(packed, set, *side, made, diagnostics);
  if (!contents) return;
  const Contents& source = *contents;
  ConfigRequest request{&set, source_end(*side, source), {}, &source.config, {}, true};
  request.to.side = *side == 0 && set.file.sides.size() > 1 ? 1 : 0;
  carry_kinds(set, kinds_of(set.file, *side, source), request.to.side, diagnostics);
  if (diagnostics.failed()) return;
  make_plan(std::move(request), source, {}, diagnostics);
}

void describe_rules(const RuleSet& set, const std::string& path, const CheckOptions& options, Report& report) {
  const RuleFile& file = set.file;
  report.json["family"] = file.family.s;
  report.json["verdicts"] = verdict_values(set);
  report.json["notes"] = note_values(set);
  report.lines.push_back(format("{}: ok   {}   {} rules, {} blocks, {} axes", path, join(verdict_lines(set), "; "),
                                rule_count(file), file.blocks.size(), file.axes.size()));
  for (const std::string& note : note_lines(set)) report.lines.push_back("  " + note);
  if (options.flat) {
    report.json["flat"] = yaml_value(file.flat);
    report.lines = {"# " + path + ", with all that it extends", to_yaml(file.flat)};
  }
  if (options.tp_lists) add_parallel_lists(set, report);
}

void check_rule_file(Session& session, const std::filesystem::path& path, const RuleFolders& folders,
                     const CheckOptions& options, Checked& checked) {
  const auto rules = load_rules(session, path, folders, checked.diagnostics);
  if (rules && !options.config.empty()) check_config(rules->set, options.config, checked.diagnostics);
  if (rules && !options.checkpoint.empty())
    check_checkpoint(rules->set, open_checkpoint(options.checkpoint)->contents(), checked.diagnostics);
  if (rules && !checked.diagnostics.failed()) describe_rules(rules->set, path.string(), options, checked.report);
}

void check_renaming(Session& session, const std::filesystem::path& path, Checked& checked) {
  const auto found = load_renaming(session, path, checked.diagnostics);
  if (!found) return;
  const char* kind = found->packing ? "packing" : "dialect";
  checked.report.json[kind] = found->name;
  std::vector<std::string> counts{format("{} name{}", found->rename.size(), found->rename.size() == 1 ? "" : "s")};
  if (const size_t keys = found->config.size()) counts.push_back(format("{} key{}", keys, keys == 1 ? "" : "s"));
  checked.report.lines.push_back(
      format("{}: ok   {} of {}   {}", path.string(), kind, found->side, join(counts, ", ")));
}

}  // namespace

Checked check_rules(Session& session, const std::filesystem::path& file, const RuleFolders& folders,
                    const CheckOptions& options) {
  Checked checked;
  checked.report.json["file"] = file.string();
  try {
    const auto text = load_rule_text(file);
    if (text && is_renaming(file, *text))
      check_renaming(session, file, checked);
    else
      check_rule_file(session, file, folders, options, checked);
  } catch (const Error& error) {
    checked.diagnostics.error("", {}, error.what());
    checked.fault = error.fault();
  }
  checked.report.json["ok"] = !checked.diagnostics.failed();
  checked.report.json["diagnostics"] = to_values(checked.diagnostics, session.sources);
  return checked;
}

Checked check_rules_with(Session& session, const std::filesystem::path& file, const RuleFolders& folders,
                         const LoadText& load, const Contents& source) {
  Checked checked;
  checked.report.json["file"] = file.string();
  const auto rules = load_rules(session, file, folders, checked.diagnostics, load);
  if (rules) check_checkpoint(rules->set, source, checked.diagnostics);
  if (rules && !checked.diagnostics.failed()) describe_rules(rules->set, file.string(), {}, checked.report);
  checked.report.json["ok"] = rules && !checked.diagnostics.failed();
  checked.report.json["diagnostics"] = to_values(checked.diagnostics, session.sources);
  return checked;
}

const char* explain_diagnostic(std::string_view id) { return explain_id(id); }

std::string explain_diagnostics() {
  std::string page =
      "# Diagnostics\n\nWhat `tessera check --explain ID` prints, for each id. "
      "`tessera check --explain all` prints this page.\n";
  for (const char* id :
       {"R01", "R02", "R03", "R04", "R05", "R06", "R07", "B01", "B02", "B03", "V01", "V02", "V03", "X01"})
    page += format("\n## {}\n", explain_id(id));
  return page;
}

}  // namespace tessera
