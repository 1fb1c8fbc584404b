// tessera init SRC [OTHER]
#include <cstdio>
#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "verbs.h"

namespace tessera::cli {
namespace {

struct Options {
  std::string source, other, config, output, family;
  bool plain = false, overwrite = false;
};

// The draft goes to the file or to stdout; what was found and what `check` says go to stderr.
int show_draft(const Options& options, const Global& global, const Session& session, const Drafted& drafted) {
  if (!options.output.empty() && !drafted.text.empty()) write_text(options.output, drafted.text, options.overwrite);
  if (global.json)
    std::printf("%s\n", to_json(drafted.report.json, shown_json).c_str());
  else if (options.output.empty())
    std::fputs(drafted.text.c_str(), stdout);
  for (const std::string& line : drafted.report.lines)
    if (!global.quiet) std::fprintf(stderr, "%s\n", escape(line, 2000).c_str());
  std::fputs(render(drafted.checked.diagnostics, session.sources, global.use_color()).c_str(), stderr);
  for (const std::string& line : drafted.checked.report.lines)
    if (!global.quiet) print_line(stderr, line);
  return drafted.checked.diagnostics.failed() ? 1 : 0;
}

int run(const Options& options, const Global& global, Session& session) {
  InitRequest request;
  request.source = options.source;
  request.other = options.other;
  request.config_file = options.config;
  request.output = options.output;
  request.family = options.family;
  request.folders = global.folders();
  request.borrow = !options.plain;
  global.confine_to({options.source, options.other, options.config}, options.output);
  return show_draft(options, global, session, init(session, request));
}

}  // namespace

void add_init(CLI::App& app, Global& global) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("init", "a first draft of a rule file, from a checkpoint");
  verb->footer("Example: tessera init hf-folder/ -o my_family.yaml");
  verb->add_option("source", options->source, "a checkpoint; only its headers are read")->required();
  verb->add_option("other", options->other, "the same model on the other side: its names are paired");
  verb->add_option("-o,--output", options->output, "write the draft there, not to stdout")->type_name("FILE");
  verb->add_flag("--overwrite", options->overwrite, "replace the output");
  verb->add_option("--family", options->family, "the family's name; else `model_type`, or the source's name");
  verb->add_option("--config", options->config, "a config.json, where the checkpoint has none")->type_name("FILE");
  verb->add_flag("--plain", options->plain, "take nothing from the rule files that are there");
  verb->callback([options, &global] {
    global.action = [options, &global] {
      Session session;
      return guarded(session, global, [&] { return run(*options, global, session); });
    };
  });
}

}  // namespace tessera::cli
