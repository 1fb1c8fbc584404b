// tessera check RULES...
#include <cstdio>
#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "verbs.h"

namespace tessera::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string explain, config, checkpoint;
  CheckOptions check;
};

int explain(const std::string& id) {
  const char* text = explain_diagnostic(id);
  if (!text) fail_usage(format("--explain {}: no such id; there are R01-R07, B01-B03, V01-V03, X01", escape(id)));
  std::printf("%s\n", text);
  return 0;
}

int run(const Options& options, const Global& global, Session& session) {
  if (!options.explain.empty()) return explain(options.explain);
  if (options.files.empty()) fail_usage("check: which rule files?");
  CheckOptions check = options.check;
  check.config = options.config;
  check.checkpoint = options.checkpoint;
  bool failed = false;
  List reports;
  for (const std::string& file : options.files) {
    Checked checked = check_rules(session, file, global.folders(), check);
    failed |= checked.diagnostics.failed();
    std::fputs(render(checked.diagnostics, session.sources, global.use_color()).c_str(), stderr);
    if (const size_t wrong = checked.diagnostics.error_count())
      std::fprintf(stderr, "%s: %zu error%s\n", escape(file).c_str(), wrong, wrong == 1 ? "" : "s");
    reports.push_back(checked.report.json);
    if (!global.json && !global.quiet)
      for (const std::string& line : checked.report.lines) std::printf("%s\n", line.c_str());
  }
  if (global.json) {
    Map all;
    all["files"] = std::move(reports);
    std::printf("%s\n", to_json(all, {2, false, false}).c_str());
  }
  return failed ? 1 : 0;
}

}  // namespace

void add_check(CLI::App& app, Global& global) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("check", "prove rule files right");
  verb->footer("Example: tessera check rules/*.yaml");
  verb->add_option("rules", options->files, "rule files");
  verb->add_flag("--flat", options->check.flat, "print the merged file");
  verb->add_flag("--tp-lists", options->check.tp_lists, "print the tensor-parallel parameter lists that follow");
  verb->add_option("--config", options->config, "a config.json: the checks that need sizes");
  verb->add_option("--checkpoint", options->checkpoint, "the checks that need headers");
  verb->add_option("--explain", options->explain, "the longer text of a diagnostic's id");
  verb->callback([options, &global] {
    global.action = [options, &global] {
      Session session;
      return guarded(session, global, [&] { return run(*options, global, session); });
    };
  });
}

}  // namespace tessera::cli
