// tessera inspect PATH
#include <memory>

#include "verbs.h"

namespace tessera::cli {

void add_inspect(CLI::App& app, Global& global) {
  struct Options {
    std::string path;
    InspectOptions inspect;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("inspect", "what a file or folder holds");
  verb->footer("Example: tessera inspect --tree checkpoint/");
  verb->add_option("path", options->path, "a file or folder")->required();
  verb->add_flag("--tree", options->inspect.tree, "every name and argument");
  verb->add_flag("--hash", options->inspect.hash, "with --json: sha256 of each tensor (reads the weights)");
  verb->callback([options, &global] {
    global.action = [options, &global] {
      Session session;
      return guarded(session, global, [&] {
        global.confine_to({options->path});
        show(inspect(session, options->path, global.folders(), options->inspect), session, global);
        return 0;
      });
    };
  });
}

}  // namespace tessera::cli
