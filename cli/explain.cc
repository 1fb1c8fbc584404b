// tessera explain SRC NAME
#include <memory>

#include "base/text.h"
#include "verbs.h"

namespace tessera::cli {
namespace {

struct Options {
  RequestOptions common;
  std::string source, name, config, format, max_shard_size = "5GB";
};

int run(Options& options, const Global& global, Session& session) {
  Request request = options.common.finish(global);
  if (!options.config.empty() && options.name.empty()) std::swap(options.source, options.name);
  if (options.name.empty() || options.source.empty() == options.config.empty())
    fail_usage("explain: wants a checkpoint and a name, or --rules, --config and a name");
  request.source = options.source;
  request.config_file = options.config;
  request.format = options.format;
  const uint64_t shard = size_option("--max-shard-size", options.max_shard_size);
  global.confine_to({options.source, options.config, request.rules});
  show(explain(session, request, options.name, shard), session, global);
  return 0;
}

}  // namespace

void add_explain(CLI::App& app, Global& global) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("explain", "where one tensor, or one element, comes from and goes to");
  verb->footer(
      "NAME: a tensor as either side spells it, after mp_rank_00: or tp1: if several ranks have it; name[i,j] one\n"
      "element; or a rule's full name.\n\n"
      "Example: tessera explain hf-folder/ \"model.norm.weight[5]\" --tp 2");
  verb->add_option("source", options->source, "a checkpoint; only its headers are read")->required();
  verb->add_option("name", options->name, "a tensor, an element of one, or a rule");
  options->common.add_to(*verb);
  verb->add_option("--config", options->config, "instead of a checkpoint: a config.json (with --rules)");
  verb->add_option("--format", options->format, "of the output: safetensors, bin, torch");
  verb->add_option("--max-shard-size", options->max_shard_size, "of the output, as for convert");
  verb->callback([options, &global] {
    global.action = [options, &global] {
      Session session;
      return guarded(session, global, [&] { return run(*options, global, session); });
    };
  });
}

}  // namespace tessera::cli
