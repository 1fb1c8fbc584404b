// tessera families
#include "verbs.h"

namespace tessera::cli {

void add_families(CLI::App& app, Global& global) {
  CLI::App* verb = app.add_subcommand("families", "the rule files found, their sides and verdicts");
  verb->callback([&global] {
    global.action = [&global] {
      Session session;
      return guarded(session, global, [&] {
        global.confine_to({});
        show(families(session, global.folders()), session, global);
        return 0;
      });
    };
  });
}

}  // namespace tessera::cli
