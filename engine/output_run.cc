// The order of things is the point here: see docs/durability.md before changing it.
#include "output_run.h"

#include <set>

#include "base/path.h"
#include "base/text.h"
#include "fingerprint.h"
#include "store/file.h"
#include "store/hash_file.h"
#include "store/manifest_check.h"
#include "store/parallel.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

// Files whose bytes the output depends on.
std::vector<fs::path> source_files(const Prepared& prepared) {
  const Contents& source = prepared.reader->contents();
  std::set<fs::path> files(prepared.output.side_files.begin(), prepared.output.side_files.end());
  for (const FileInfo& file : source.files) files.insert(file.path);
  std::error_code ignored;
  const fs::path config = path_in(folder_of(source), "config.json");
  if (fs::is_regular_file(config, ignored)) files.insert(config);
  return {files.begin(), files.end()};
}

bool is_interrupted(const ConvertOptions& options) { return options.interrupted && options.interrupted(); }

}  // namespace

OutputRun::OutputRun(Prepared& prepared, const ConvertOptions& options)
    : prepared_(prepared),
      options_(options),
      sources_(identify(source_files(prepared))),
      key_{plan_hash(prepared), hash_of(sources_, prepared.reader->contents().root)},
      folder_(options.target, options.overwrite, options.resume && options.hash),
      behind_(options.direct) {
  prepared.reader->check_unchanged();  // what was looked at is what was opened
  prepared.output.path = folder_.path();
  writer_ = create_checkpoint(prepared.output);
  done_.resize(prepared.output.tensors.size());
  if (options.hash)
    hashing_.emplace(*writer_, [this](uint32_t tensor, const std::string& hash) { log_->add(tensor, hash); });
  if (options.resume) go_on();
  require_space();
  if (options.hash) log_.emplace(folder_.path(), key_);
  writer_->open(options.sync ? &behind_ : nullptr);
}

void OutputRun::require_space() const {
  uint64_t bytes = 65536 + 300 * uint64_t{prepared_.output.tensors.size()};  // the manifest
  for (const FileInfo& file : writer_->files()) bytes += file.bytes;
  folder_.require_space(bytes);
}

// Nothing is left of an interrupted run but files with finished tensors.
void OutputRun::go_on() {
  const auto state = hashing_ ? read_resume_state(folder_.path()) : std::nullopt;
  const bool same = state && state->key == key_;
  if (state && !same && options_.say)
    options_.say(format("nothing is kept of the interrupted run: {}",
                        state->key.plan == key_.plan ? "the source changed since" : "it was of another plan"));
  std::set<fs::path> files;
  if (same) {
    files.insert(resume_file);
    for (const OutPlace& place : writer_->places()) files.insert(writer_->files()[place.file].path);
  }
  folder_.clear_except(files);
  if (same) keep_finished(*state);
}

// A tensor is kept if its bytes are read and have the hash; its checksum comes from the same reading.
void OutputRun::keep_finished(const ResumeState& state) {
  std::vector<std::pair<uint32_t, std::string>> finished;
  for (const auto& one : state.finished)
    if (one.first < done_.size()) finished.push_back(one);
  std::vector<std::optional<uint32_t>> crcs(finished.size());
  in_parallel(finished.size(), options_.threads, [&](size_t i) {
    const OutPlace& place = writer_->places()[finished[i].first];
    const fs::path path = path_in(folder_.path(), writer_->files()[place.file].path);
    std::error_code ignored;
    if (is_interrupted(options_) || !fs::exists(path, ignored)) return;
    const InputFile file(path);
    if (file.size() < place.offset + place.bytes) return;
    const RangeHash hash = hash_range(file, {place.offset, place.bytes}, true);
    if (hash.xxh3 == finished[i].second) crcs[i] = hash.crc32;
  });
  size_t kept = 0;
  for (size_t i = 0; i < finished.size(); ++i) {
    if (!crcs[i]) continue;
    hashing_->keep(finished[i].first, *crcs[i], finished[i].second);
    done_[finished[i].first] = true;
    ++kept;
  }
  if (options_.say) options_.say(format("{} of {} tensors are kept of the interrupted run", kept, done_.size()));
}

void OutputRun::seal() {
  prepared_.reader->check_unchanged();
  require_unchanged(sources_);
  writer_->finish(options_.sync);
  manifest_ = {program_version(), key_.plan, options_.hash, {}, {}, {}};
  manifest_.sources = manifest_sources(prepared_.reader->contents(), options_.hash);
  describe_output(manifest_, prepared_.output, *writer_, hashing_ ? hashing_->hashes() : std::vector<std::string>());
  write_whole_file(path_in(folder_.path(), manifest_file), to_text(manifest_), options_.sync);
  for (const SmallFile& mark : writer_->marks())
    write_whole_file(path_in(folder_.path(), mark.path), mark.bytes, options_.sync);
}

void OutputRun::verify() const {
  const auto damage = compare(manifest_, {folder_.path(), {}, true, options_.threads, options_.interrupted, {}});
  const fs::path path = path_in(folder_.path(), manifest_file);
  if (!damage.empty())
    fail_world(format("{}: {}{}: read back from the disk, {}", show_path(options_.target), escape(damage[0].file),
                      damage[0].tensor.empty() ? "" : ": `" + escape(damage[0].tensor) + "`", damage[0].what));
  if (InputFile(path).read_all(to_text(manifest_).size()) != to_text(manifest_))
    fail_world(format("{}: {}: read back from the disk, it is not what was written", show_path(options_.target),
                      manifest_file));
}

fs::path OutputRun::keep() {
  folder_.keep();
  return folder_.path();
}

void OutputRun::commit() {
  if (log_) log_->remove();
  folder_.commit(options_.sync);
}

}  // namespace tessera
