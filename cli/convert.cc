// tessera convert SRC DST
#include <cstdio>
#include <memory>

#include "base/text.h"
#include "interrupt.h"
#include "progress.h"
#include "verbs.h"

namespace tessera::cli {
namespace {

std::string how_to_go_on(const std::filesystem::path& unfinished, bool hash) {
  return format("interrupted: what is done stands in {}; {}\n", escape(unfinished.string()),
                hash ? "the same command with --resume goes on, without it the next run begins anew"
                     : "the next run begins anew (--no-hash: nothing can be resumed)");
}

struct Options {
  RequestOptions common;
  std::string source, target, max_shard_size = "5GB", memory = "256MiB", kernel = "native", tokenizer;
  ConvertOptions convert;
  bool no_sync = false, no_hash = false;
};

int run(Options& options, const Global& global, Session& session) {
  Request request = options.common.finish(global);
  request.source = options.source;
  ConvertOptions convert_options = options.convert;
  convert_options.target = options.target;
  convert_options.max_shard_size = size_option("--max-shard-size", options.max_shard_size);
  convert_options.memory = size_option("--memory", options.memory);
  convert_options.sync = !options.no_sync;
  convert_options.hash = !options.no_hash;
  if (convert_options.verify && options.no_sync)
    fail_usage("--verify reads back what stands on the disk, and --no-sync does not wait for it: leave one out");
  if (convert_options.verify && options.no_hash) fail_usage("--verify compares the hashes that --no-hash leaves out");
  convert_options.torch_kernel = options.kernel == "torch";
  convert_options.tokenizer = options.tokenizer;
  if (options.convert.device != "cpu" && !convert_options.torch_kernel)
    fail_usage("--device: only --kernel torch has devices");
  const bool writes = !convert_options.dry_run;
  if (convert_options.torch_kernel && writes) load_torch_kernel(convert_options.device);
  global.confine_to({options.source, options.tokenizer, request.rules, writes ? "" : options.target},
                    writes ? options.target : "", convert_options.torch_kernel);
  Progress progress(global);
  convert_options.progress = [&](uint64_t done, uint64_t total) { progress(done, total); };
  convert_options.interrupted = [] { return interrupt::number() != 0; };
  if (!global.quiet) convert_options.say = [](const std::string& line) { print_line(stderr, line); };
  convert_options.before_writing = [&](const std::filesystem::path& unfinished) {
    interrupt::writing(how_to_go_on(unfinished, convert_options.hash));
  };
  convert_options.before_commit = interrupt::committing;
  const Report report = convert(session, request, convert_options);
  progress.clear();
  if (!report.unfinished.empty()) interrupt::end();
  show(report, session, global);
  return 0;
}

}  // namespace

void add_convert(CLI::App& app, Global& global) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("convert", "read a checkpoint in one layout, write it in another");
  verb->footer("Example: tessera convert hf-folder/ out/ --tp 2 --pp 2 --dtype bf16");
  verb->add_option("source", options->source, "a folder or file")->required();
  verb->add_option("target", options->target, "a folder that is not there, or empty")->required();
  options->common.add_to(*verb);
  verb->add_option("--format", options->common.request.format, "of the target: safetensors, bin; torch, torch_dist");
  verb->add_option("--max-shard-size", options->max_shard_size,
                   "of the target's files where they are sharded: 5GB, 2GiB");
  verb->add_option("--tokenizer", options->tokenizer, "folder whose tokenizer files go along")->type_name("DIR");
  verb->add_option("--memory", options->memory, "budget for buffers");
  verb->add_option("--threads", options->convert.threads, "default: cores and two more, which wait for the disk")
      ->check(CLI::Range(1, 1024));
  verb->add_flag("--no-sync", options->no_sync, "do not wait for the disk");
  verb->add_flag("--direct,!--no-direct", options->convert.direct,
                 "write past the page cache (the default), or through it");
  verb->add_flag("--no-hash", options->no_hash, "no hashes in the manifest, nothing to resume by");
  verb->add_flag("--verify", options->convert.verify, "read the output back from the disk before it gets its name");
  verb->add_flag("--resume", options->convert.resume, "go on with an interrupted run of the same command");
  verb->add_flag("--weights-only", options->convert.weights_only, "leave optimizer state behind");
  verb->add_flag("--overwrite", options->convert.overwrite, "replace a finished output");
  verb->add_flag("--dry-run", options->convert.dry_run, "everything but writing");
  verb->add_option("--kernel", options->kernel, "native or torch")->check(CLI::IsMember({"native", "torch"}));
  verb->add_option("--device", options->convert.device, "of the torch kernel: cpu, cuda, cuda:N");
  verb->callback([options, &global] {
    global.action = [options, &global] {
      Session session;
      return guarded(session, global, [&] { return run(*options, global, session); });
    };
  });
}

}  // namespace tessera::cli
