// The main job: plan, build the output beside its final name, move the bytes, commit.
#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "planning.h"
#include "run/executor.h"
#include "store/file.h"
#include "store/formats.h"
#include "store/write_behind.h"
#include "summary.h"

namespace tessera {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::filesystem::path> paths_of(const Contents& source) {
  std::vector<std::filesystem::path> paths{source.root};
  for (const FileInfo& file : source.files) paths.push_back(file.path);
  return paths;
}

std::vector<std::filesystem::path> tokenizer_files(const std::filesystem::path& folder) {
  std::error_code fault;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, fault)) {
    const std::string extension = entry.path().extension().string();
    const bool weights = extension == ".safetensors" || extension == ".bin" || extension == ".pt";
    if (entry.is_regular_file() && !weights && entry.path().filename() != "config.json") files.push_back(entry.path());
  }
  if (fault) fail_world(format("--tokenizer {}: {}", escape(folder.string()), fault.message()));
  std::sort(files.begin(), files.end());
  return files;
}

// Training goes on from Megatron checkpoints, so there it must be said that nothing but weights is wanted.
void require_no_optimizer(const Contents& source, const OutputSpec& spec) {
  if (source.optimizer && spec.format.starts_with("torch"))
    fail_usage(format("{}: holds optimizer state, which is not converted: say --weights-only to leave it behind",
                      escape(source.root.string())));
}

RunResult move_bytes(Session& session, Prepared& prepared, Writer& writer, const ConvertOptions& options) {
  RunOptions run;
  run.memory = options.memory;
  run.threads = options.threads;
  run.direct = options.direct && options.sync;
  run.progress = options.progress;
  run.interrupted = options.interrupted;
  if (options.torch_kernel) run.kernel = [device = options.device] { return torch_kernel(device); };
  Diagnostics diagnostics;
  const RunResult result = execute(prepared.plan.graph, *prepared.reader, writer, run, session.sources, diagnostics);
  if (diagnostics.failed()) throw Refused(diagnostics);
  return result;
}

}  // namespace

Report convert(Session& session, const Request& request, const ConvertOptions& options) {
  const auto start = Clock::now();
  const auto prepared = prepare(session, request, options.max_shard_size);
  if (options.say)
    for (const std::string& line : prepared->evidence) options.say(line);
  OutputSpec& spec = prepared->output;
  if (!options.weights_only) require_no_optimizer(prepared->reader->contents(), spec);
  if (!options.tokenizer.empty()) spec.side_files = tokenizer_files(options.tokenizer);

  Summary summary(*prepared);
  if (options.dry_run) return summary.report(nullptr, 0, true);
  require_apart(options.target, paths_of(prepared->reader->contents()));
  OutputFolder folder(options.target, options.overwrite);
  spec.path = folder.path();
  const auto writer = create_checkpoint(spec);
  uint64_t bytes = 0;
  for (const FileInfo& file : writer->files()) bytes += file.bytes;
  folder.require_space(bytes + bytes / 100);
  WriteBehind behind(options.direct);
  writer->open(options.sync ? &behind : nullptr);
  const RunResult result = move_bytes(session, *prepared, *writer, options);
  if (result.interrupted) {
    folder.keep();
    Report report;
    report.interrupted = true;
    return report;
  }
  prepared->reader->check_unchanged();
  writer->finish(options.sync);
  folder.commit(options.sync);
  return summary.report(&result, std::chrono::duration<double>(Clock::now() - start).count(), false);
}

}  // namespace tessera
