// The command line: a table of verbs.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>

#include "base/text.h"
#include "interrupt.h"
#include "memory.h"
#include "verbs.h"

#ifndef TESSERA_VERSION
#define TESSERA_VERSION "unknown"
#endif

namespace {

constexpr const char* header =
    "Tessera changes the layout of model checkpoints: Hugging Face <-> Megatron, any TP / PP, by rule files.\n\n"
    "  tessera convert hf-folder/ megatron-out/ --tp 2 --pp 2     to Megatron ranks\n"
    "  tessera convert megatron/ hf-out/ --to hf --dtype bf16     and back\n\n"
    "Every verb has --help with an example.";

using AddVerb = void (*)(CLI::App&, tessera::cli::Global&);
constexpr std::array<AddVerb, 9> verbs = {
    tessera::cli::add_convert, tessera::cli::add_check,   tessera::cli::add_plan,
    tessera::cli::add_explain, tessera::cli::add_inspect, tessera::cli::add_verify,
    tessera::cli::add_diff,    tessera::cli::add_init,    tessera::cli::add_families};

void add_global(CLI::App& app, tessera::cli::Global& global) {
  app.add_flag("--json", global.json, "one JSON report on stdout");
  app.add_flag("-q,--quiet", global.quiet, "only errors");
  app.add_flag("-v,--verbose", global.verbose, "more of what was detected");
  app.add_option("--color", global.color, "auto, always or never")->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_option("--progress", global.progress, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_flag("--no-sandbox", global.no_sandbox,
               "keep rights that no conversion needs: programs, network, other files");
  app.add_option("--rules-dir", global.rules_dirs,
                 "a folder of rule files, before $TESSERA_RULES and the installed one; may be repeated")
      ->allow_extra_args(false);
}

// A message must not end up in an output file, which would be given the number of a closed stream.
void open_streams() {
  while (true) {
    const int fd = open("/dev/null", O_RDWR);
    if (fd < 0 || fd > 2) {
      if (fd > 2) close(fd);
      return;
    }
  }
}

int run(int argc, char** argv) {
  tessera::cli::Global global;
  CLI::App app(header, "tessera");
  app.set_version_flag("--version", "tessera " TESSERA_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  add_global(app, global);
  for (AddVerb add : verbs) add(app, global);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    app.exit(help);
    return 0;
  } catch (const CLI::CallForVersion& version) {
    app.exit(version);
    return 0;
  } catch (const CLI::ParseError& wrong) {
    tessera::cli::print_line(stderr,
                             "tessera: " + tessera::escape(wrong.what()) + "\n(tessera --help, tessera VERB --help)");
    return 2;
  }
  return global.action ? global.action() : 2;
}

// What even a message of its own could not be made of.
int run_guarded(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", tessera::cli::plain_text(error));
    return 3;
  }
}

}  // namespace

int main(int argc, char** argv) {
  open_streams();
  for (int number : {SIGPIPE, SIGXFSZ}) std::signal(number, SIG_IGN);  // they come back as errors of write
  tessera::cli::interrupt::catch_signals();
  tessera::cli::prepare_memory();
  const int status = run_guarded(argc, argv);
  errno = 0;
  const bool told = std::fflush(stdout) == 0 && !std::ferror(stdout);
  if (told || status) return status;
  if (errno != EPIPE) std::fputs("error: what was to be told could not all be written to stdout\n", stderr);
  return 3;
}
