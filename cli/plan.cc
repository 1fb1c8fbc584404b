// tessera plan SRC
#include <cstdio>
#include <memory>

#include "base/text.h"
#include "verbs.h"

namespace tessera::cli {
namespace {

struct Options {
  RequestOptions common;
  std::string source, format, config, against;
  PlanView view;
  int64_t layer = -1;
};

int run(Options& options, Global global, Session& session) {
  Request request = options.common.finish(global);
  request.source = options.source;
  request.config_file = options.config;
  if (request.source.empty() && request.config_file.empty())
    fail_usage("plan: wants a checkpoint, or --rules and --config");
  PlanView view = options.view;
  view.against = options.against;
  if (options.layer >= 0) view.layer = options.layer;
  if (options.format.empty()) options.format = global.json ? "json" : "text";
  view.format = options.format;
  const bool is_plain = view.format == "text" || view.format == "json";
  if (global.json && view.format != "json") fail_usage(format("--json: not with --format {}", view.format));
  if (!view.names_of.empty() && !is_plain) fail_usage(format("--names: text or json, not {}", view.format));
  const bool plain = view.format == "text";
  view.print = [plain, quiet = global.quiet && plain](std::string_view text) {
    const std::string shown = plain ? escape_lines(text) : std::string(text);
    if (!quiet && std::fwrite(shown.data(), 1, shown.size(), stdout) != shown.size())
      fail_world("stdout: cannot be written");
  };
  global.confine_to({options.source, options.config, options.against, request.rules});
  const Report report = plan(session, request, view);
  global.json = view.format == "json" && !view.names_of.empty();
  show(report, session, global);
  return 0;
}

}  // namespace

void add_plan(CLI::App& app, Global& global) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("plan", "the compiled transform graph; nothing is written");
  verb->footer(
      "Examples: tessera plan hf-folder/ --tp 2 --layer 0\n          tessera plan hf-folder/ --tp 2 --format html > "
      "plan.html");
  verb->add_option("source", options->source, "a checkpoint; only its headers are read");
  options->common.add_to(*verb);
  verb->add_option("--config", options->config, "instead of a checkpoint: a config.json (with --rules)");
  verb->add_option("--format", options->format, "text, json, dot, svg or html (one page that needs no network)")
      ->check(CLI::IsMember({"text", "json", "dot", "svg", "html"}));
  verb->add_option("--layer", options->layer, "only names with this number")->check(CLI::NonNegativeNumber);
  verb->add_option("--name", options->view.glob, "only names that match, * for anything");
  verb->add_option("--names", options->view.names_of, "print one side's tensors: place, name, shape, dtype")
      ->type_name("SIDE");
  verb->add_option("--against", options->against, "with --names: compare with such a list");
  verb->callback([options, &global] {
    global.action = [options, &global] {
      Session session;
      return guarded(session, global, [&] { return run(*options, global, session); });
    };
  });
}

}  // namespace tessera::cli
