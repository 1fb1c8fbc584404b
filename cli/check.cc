// tessera check RULES...
#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>

#include "base/json.h"
#include "base/suggest.h"
#include "base/text.h"
#include "verbs.h"

namespace tessera::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string explain, schema;
  CheckOptions check;
};

int explain(const std::string& id) {
  if (id == "all") return std::fputs(explain_diagnostics().c_str(), stdout), 0;
  const char* text = explain_diagnostic(id);
  if (!text)
    fail_usage(format("--explain {}: no such id; there are R01-R07, B01-B03, V01-V03, X01, or all", escape(id)));
  std::printf("%s\n", text);
  return 0;
}

int print_schema(const std::string& name) {
  const char* text = schema_text(name);
  if (!text)
    fail_usage(format("--schema {}: no such schema{}; there are {}", escape(name), did_you_mean(name, schema_names()),
                      join(schema_names(), ", ")));
  std::fputs(text, stdout);
  return 0;
}

// What several files found. What two of them say alike, of a parent or dialect that they share, is kept once.
class Findings {
 public:
  void add(const Diagnostics& found, const Sources& sources) {
    for (const Diagnostic& one : found.list()) {
      if (!said_.insert(render(one, sources)).second) continue;
      const bool error = one.severity == Severity::error;
      Diagnostic& kept =
          error ? all_.error(one.id, one.span, one.message) : all_.warning(one.id, one.span, one.message);
      kept.help = one.help;
      kept.related = one.related;
    }
    for (size_t hidden = Diagnostics::most; hidden < found.error_count(); ++hidden)
      if (all_.error_count() >= Diagnostics::most) all_.error("", {}, "");  // only counted
  }
  const Diagnostics& all() const { return all_; }

 private:
  std::set<std::string> said_;
  Diagnostics all_;
};

int run(const Options& options, const Global& global, Session& session) {
  if (!options.explain.empty()) return explain(options.explain);
  if (!options.schema.empty()) return print_schema(options.schema);
  if (options.files.empty()) fail_usage("check: which rule files?");
  std::vector<std::string> read = options.files;
  read.push_back(options.check.config.string());
  read.push_back(options.check.checkpoint.string());
  global.confine_to(read);
  Findings findings;
  std::vector<std::string> counts;
  List reports;
  int status = 0;
  for (const std::string& file : options.files) {
    const Checked checked = check_rules(session, file, global.folders(), options.check);
    findings.add(checked.diagnostics, session.sources);
    if (const size_t wrong = checked.diagnostics.error_count())
      counts.push_back(format("{}: {} error{}", escape(file), wrong, wrong == 1 ? "" : "s"));
    status = std::max(status, checked.fault ? int(*checked.fault) : checked.diagnostics.failed() ? 1 : 0);
    reports.push_back(checked.report.json);
    if (!global.json && !global.quiet)
      for (const std::string& line : checked.report.lines) print_line(stdout, line);
  }
  std::fputs(render(findings.all(), session.sources, global.use_color()).c_str(), stderr);
  for (const std::string& count : counts) print_line(stderr, count);
  if (global.json) {
    Map report;
    report["files"] = std::move(reports);
    std::printf("%s\n", to_json(report, shown_json).c_str());
  }
  return status;
}

}  // namespace

void add_check(CLI::App& app, Global& global) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("check", "prove rule files right");
  verb->footer(
      "Examples: tessera check rules/*.yaml rules/dialects/*.yaml\n"
      "          tessera check my_model.yaml --config config.json\n"
      "          tessera check --explain R03");
  verb->add_option("rules", options->files, "rule files, dialects and packings");
  verb->add_flag("--flat", options->check.flat, "print the file with all that it extends, as one");
  verb->add_flag("--tp-lists", options->check.tp_lists, "print the tensor-parallel parameter lists that follow");
  verb->add_option("--config", options->check.config, "a config.json: the checks that need sizes too");
  verb->add_option("--checkpoint", options->check.checkpoint, "a checkpoint: the checks that need headers too");
  verb->add_option("--explain", options->explain, "the longer text of a diagnostic's id; all: of every one");
  verb->add_option("--schema", options->schema, "print a JSON Schema: " + join(schema_names(), ", "))
      ->expected(0, 1)
      ->default_str("rules");
  verb->callback([options, &global] {
    global.action = [options, &global] {
      Session session;
      return guarded(session, global, [&] { return run(*options, global, session); });
    };
  });
}

}  // namespace tessera::cli
