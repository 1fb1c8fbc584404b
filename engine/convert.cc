// The main job: plan, build the output beside its final name, move the bytes, commit.
#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "output_run.h"
#include "run/executor.h"
#include "store/folder.h"
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
  for (const auto& entry : list_folder(folder, fault)) {
    const std::string extension = entry.extension().string(), name = entry.filename().string();
    const bool weights = extension == ".safetensors" || extension == ".bin" || extension == ".pt";
    const bool ours = name == "config.json" || name == manifest_file || name.ends_with(".index.json");
    if (!weights && !ours && is_file(entry)) files.push_back(entry);
  }
  if (fault) fail_world(format("--tokenizer {}: {}", escape(folder.string()), fault.message()));
  return files;
}

// Training goes on from Megatron checkpoints, so there it must be said that nothing but weights is wanted.
void require_no_optimizer(const Contents& source, const OutputSpec& spec) {
  if (source.optimizer && spec.format.starts_with("torch"))
    fail_usage(format("{}: holds optimizer state, which is not converted: say --weights-only to leave it behind",
                      escape(source.root.string())));
}

RunResult move_bytes(Session& session, Prepared& prepared, OutputRun& output, const ConvertOptions& options) {
  RunOptions run;
  run.done = output.done();
  run.memory = options.memory;
  run.threads = options.threads;
  run.direct = options.direct && options.sync;
  run.progress = options.progress;
  run.interrupted = options.interrupted;
  if (options.torch_kernel) run.kernel = [device = options.device] { return torch_kernel(device); };
  Diagnostics diagnostics;
  const RunResult result =
      execute(prepared.plan.graph, *prepared.reader, output.writer(), run, session.sources, diagnostics);
  if (diagnostics.failed()) throw Refused(diagnostics);
  return result;
}

// The plan is worth to be seen also where there is no room for it here.
void look_at_place(const ConvertOptions& options, const OutputSpec& spec, const Report& report) {
  const auto writer = create_checkpoint(spec);
  uint64_t bytes = 0;
  for (const FileInfo& file : writer->files()) bytes += file.bytes;
  try {
    require_place(options.target, options.overwrite, bytes);
  } catch (const Error&) {
    for (const std::string& line : report.lines)
      if (options.say) options.say(line);
    throw;
  }
}

Report interrupted(OutputRun& output) {
  Report report;
  report.unfinished = output.keep();
  return report;
}

}  // namespace

void load_torch_kernel(const std::string& device) { torch_kernel(device); }

Report convert(Session& session, const Request& request, const ConvertOptions& options) {
  const auto start = Clock::now();
  const auto prepared = prepare(session, request, options.max_shard_size);
  if (options.say)
    for (const std::string& line : prepared->evidence) options.say(line);
  OutputSpec& spec = prepared->output;
  if (!options.weights_only) require_no_optimizer(prepared->reader->contents(), spec);
  if (!options.tokenizer.empty()) spec.side_files = tokenizer_files(options.tokenizer);

  Summary summary(*prepared);
  require_apart(options.target, paths_of(prepared->reader->contents()));
  if (options.dry_run) {
    Report report = summary.report(nullptr, 0, true);
    look_at_place(options, spec, report);
    return report;
  }
  if (options.before_writing) options.before_writing(partial_folder(options.target));
  OutputRun output(*prepared, options);
  const auto stopped = [&] { return options.interrupted && options.interrupted(); };
  const RunResult result = stopped() ? RunResult{} : move_bytes(session, *prepared, output, options);
  if (stopped() || result.interrupted) return interrupted(output);
  output.seal();
  if (options.verify && !stopped()) output.verify();
  if (options.before_commit) options.before_commit();
  if (stopped()) return interrupted(output);
  Report report = summary.report(&result, std::chrono::duration<double>(Clock::now() - start).count(), false);
  output.commit();  // last: when the output has its name, nothing is left that may fail
  return report;
}

}  // namespace tessera
