// tessera diff A B
#include <memory>

#include "base/text.h"
#include "progress.h"
#include "verbs.h"

namespace tessera::cli {
namespace {

struct Options {
  DiffOptions diff;
  std::string a, b, memory = "256MiB";
  double tolerance = 0;
  std::vector<std::string> settings;
};

int run(const Options& options, bool tolerant, const Global& global, Session& session) {
  DiffOptions asked = options.diff;
  asked.a = options.a;
  asked.b = options.b;
  asked.folders = global.folders();
  asked.memory = size_option("--memory", options.memory);
  if (tolerant) asked.tolerance = options.tolerance;
  for (const std::string& text : options.settings) asked.settings.insert(setting(text));
  if (!global.quiet) asked.say = [](const std::string& line) { print_line(stderr, line); };
  global.confine_to({options.a, options.b, options.diff.rules});
  Progress progress(global);
  asked.progress = [&](uint64_t done, uint64_t total) { progress(done, total); };
  const Compared compared = diff(session, asked);
  progress.clear();
  show(compared.report, session, global);
  return compared.same ? 0 : 1;
}

}  // namespace

void add_diff(CLI::App& app, Global& global) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("diff", "compare two checkpoints as logical tensors");
  verb->footer(
      "Layouts and meshes do not matter: both are read as the tensors of the rules' first side. Exit status 0: the\n"
      "same; 1: different. Without --tolerance bits and dtypes must be equal, and 0 is not -0; with it (0 too)\n"
      "numbers alone count. Keys of the configuration that differ are listed, and count with --strict.\n\n"
      "Example: tessera diff hf-folder/ megatron-out/");
  verb->add_option("a", options->a, "a checkpoint")->required();
  verb->add_option("b", options->b, "a checkpoint")->required();
  verb->add_option("--rules", options->diff.rules, "a rule file, or a family's name; for both");
  CLI::Option* tolerance = verb->add_option("--tolerance", options->tolerance,
                                            "numbers that differ by no more are the same; dtypes may differ")
                               ->check(CLI::NonNegativeNumber)
                               ->type_name("X");
  verb->add_option("--name", options->diff.glob, "only names that match, * for anything")->type_name("GLOB");
  verb->add_flag("--all", options->diff.all, "list what is equal too, and no list is cut");
  verb->add_flag("--strict", options->diff.strict, "the configuration must be the same too");
  verb->add_option("--set", options->settings, "KEY=VALUE: an option or configuration key, of both")
      ->allow_extra_args(false);
  verb->add_option("--memory", options->memory, "budget for buffers");
  verb->add_option("--threads", options->diff.threads, "default: cores")->check(CLI::Range(1, 1024));
  verb->callback([options, tolerance, &global] {
    global.action = [options, tolerant = tolerance->count() > 0, &global] {
      Session session;
      return guarded(session, global, [&] { return run(*options, tolerant, global, session); });
    };
  });
}

}  // namespace tessera::cli
