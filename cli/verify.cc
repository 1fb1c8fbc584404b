// tessera verify PATH
#include <memory>

#include "verbs.h"

namespace tessera::cli {
namespace {

// Damage is told whatever else is not shown.
int show_verified(const Verified& verified, const Session& session, const Global& global) {
  show_some("damage", verified.damage);
  show(verified.report, session, global);
  return verified.damage.empty() ? 0 : 1;
}

}  // namespace

void add_verify(CLI::App& app, Global& global) {
  struct Options {
    std::string path;
    int threads = 0;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("verify", "is a checkpoint whole and unchanged: structure, checksums, manifest");
  verb->footer("Example: tessera verify checkpoint/      (exit 0: whole, 1: damaged, 3: cannot be read)");
  verb->add_option("path", options->path, "a file or folder")->required();
  verb->add_option("--threads", options->threads, "default: cores")->check(CLI::Range(1, 1024));
  verb->callback([options, &global] {
    global.action = [options, &global] {
      Session session;
      return guarded(session, global, [&] {
        global.confine_to({options->path});
        return show_verified(verify(options->path, options->threads), session, global);
      });
    };
  });
}

}  // namespace tessera::cli
