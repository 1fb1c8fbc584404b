// Is a checkpoint whole and unchanged? Its manifest is compared first: it names what is wrong where a reader could only
// refuse. What the manifest does not know is left to the format's own checksums.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "base/path.h"
#include "base/text.h"
#include "engine.h"
#include "store/file.h"
#include "store/folder.h"
#include "store/formats.h"
#include "store/limits.h"
#include "store/manifest_check.h"
#include "store/parallel.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

// `file` is `of`, or stands in it; "" is the root.
bool is_within(const std::string& file, const std::string& of) {
  return of.empty() || file == of || (file.starts_with(of) && file[of.size()] == '/');
}

class Verification {
 public:
  Verification(const fs::path& path, int threads) : path_(full_path(path)), threads_(threads) {}

  Verified run() {
    find_manifest();
    if (manifest_) name_strangers();
    open();
    if (manifest_) compare_files();
    verify_rest();
    return result();
  }

 private:
  // In the folder itself or, for a file or an iteration's folder, in one above that speaks of it.
  void find_manifest() {
    constexpr int most_above = 3;
    std::error_code ignored;
    fs::path root = fs::is_directory(path_, ignored) ? path_ : path_.parent_path();
    for (int above = 0; above <= most_above && !manifest_; ++above, root = root.parent_path()) {
      if (!fs::exists(path_in(root, manifest_file), ignored)) continue;
      root_ = root;
      within_ = name_within(root, path_).value_or("");
      return read_manifest();
    }
  }

  void read_manifest() {
    const fs::path path = path_in(root_, manifest_file);
    try {
      Manifest manifest = parse_manifest(InputFile(path).read_all(limits::manifest_bytes), show_path(path));
      const auto named = [&](const ManifestFile& file) { return is_within(file.file, within_); };
      if (std::any_of(manifest.files.begin(), manifest.files.end(), named)) manifest_ = std::move(manifest);
    } catch (const Error& error) {
      damage_.push_back({manifest_file, "", error.what()});
    }
  }

  // Files that came later are no damage, but nothing is known of them.
  void name_strangers() {
    std::error_code error;
    std::set<std::string> known{manifest_file};
    for (const ManifestFile& file : manifest_->files) known.insert(file.file);
    for (const fs::path& entry : list_tree(path_in(root_, within_), error)) {
      const std::string name = name_within(root_, entry).value_or("");
      if (!known.contains(name) && !fs::is_directory(entry, error))
        warnings_.push_back(format("{}: the manifest does not name it", escape(name)));
    }
  }

  // What cannot be opened is told beside what the manifest finds; without one it is the end.
  void open() {
    try {
      reader_ = open_checkpoint(path_);
    } catch (const Error& error) {
      if (!manifest_ && damage_.empty()) throw;
      unreadable_ = error.what();
    }
    if (!reader_) return;
    const Contents& contents = reader_->contents();
    for (StorageId id = 0; id < contents.storages.size(); ++id) {
      const Storage& storage = contents.storages[id];
      storages_.emplace(std::pair(full_path(contents.files[storage.file].path).string(), storage.offset), id);
    }
    verified_ = std::vector<std::atomic<bool>>(contents.storages.size());
  }

  void compare_files() {
    CheckRequest request;
    request.root = root_;
    request.wanted = [&](const std::string& file) { return is_within(file, within_); };
    request.threads = threads_;
    request.after = [&](const std::string& file, uint64_t offset) {
      const auto found = storages_.find({path_in(root_, file).string(), offset});
      if (found != storages_.end()) verify_storage(found->second);
    };
    const auto found = compare(*manifest_, request);
    damage_.insert(damage_.end(), found.begin(), found.end());
  }

  void verify_rest() {
    if (!reader_) return;
    const Format* format_ = find_format(reader_->contents().format);
    const bool none_is_left = format_ && !format_->checksums && manifest_ && manifest_->hashed;
    if (none_is_left) return;
    in_parallel(verified_.size(), threads_, [&](size_t id) { verify_storage(StorageId(id)); });
    note_damage(StorageId(verified_.size()), [&] { reader_->verify_rest(); });
  }

  void verify_storage(StorageId id) {
    if (!verified_[id].exchange(true)) note_damage(id, [&] { reader_->verify(id); });
  }

  template <class Work>
  void note_damage(StorageId id, const Work& work) {
    try {
      work();
    } catch (const Damaged& error) {
      const std::lock_guard lock(mutex_);
      torn_.emplace(id, error.what());
    }
  }

  Verified result() {
    for (const auto& [id, what] : torn_) damage_.push_back({"", "", what});
    std::ranges::sort(warnings_);  // by name, whatever folder they speak of
    if (!unreadable_.empty()) {
      std::error_code ignored;
      const bool alone = damage_.empty() && fs::is_regular_file(path_, ignored);
      if (damage_.empty() && !alone) fail_world(unreadable_);
      (alone ? warnings_ : messages_).push_back(alone ? "only its hashes were compared: " + unreadable_ : unreadable_);
    }
    Verified out;
    for (const Damage& one : damage_)
      messages_.push_back(format(
          "{}{}{}", one.file.empty() || one.file == manifest_file ? "" : show_path(path_in(root_, one.file)) + ": ",
          one.tensor.empty() ? "" : "`" + escape(one.tensor) + "`: ", one.what));
    out.damage = messages_;
    out.report.warnings = warnings_;
    if (reader_)
      out.report.warnings.insert(out.report.warnings.end(), reader_->contents().warnings.begin(),
                                 reader_->contents().warnings.end());
    describe(out.report);
    return out;
  }

  void describe(Report& report) const {
    Map& json = report.json;
    uint64_t bytes = 0, files = 0;
    const bool hashed = manifest_ && manifest_->hashed;
    if (manifest_) {
      for (const ManifestFile& file : manifest_->files)
        if (is_within(file.file, within_)) bytes += file.bytes, ++files;
    } else if (reader_) {
      for (const FileInfo& file : reader_->contents().files) bytes += file.bytes, ++files;
    }
    json["path"] = path_.string();
    json["format"] = reader_ ? Value(reader_->contents().format) : Value();
    json["manifest"] = manifest_ ? Value(path_in(root_, manifest_file).string()) : Value();
    json["hashed"] = hashed;
    json["tensors"] = int64_t(reader_ ? reader_->contents().tensors.size() : 0);
    json["files"] = int64_t(files);
    json["bytes"] = int64_t(bytes);
    json["whole"] = messages_.empty();
    List list;
    for (const std::string& one : messages_) list.push_back(one);
    json["damage"] = std::move(list);
    report.lines.push_back(format("{}: {} in {} files; {}", show_path(path_), show_bytes(bytes), files,
                                  hashed ? "every byte is as it was written"
                                  : manifest_
                                      ? "sizes are as written, checksums of the format hold; the manifest has no hashes"
                                      : "its structure and the checksums of its format hold; there is no manifest"));
    if (!messages_.empty()) report.lines = {format("{}: {} damaged places", show_path(path_), messages_.size())};
  }

  fs::path path_, root_;
  std::string within_;  // `path_` in `root_`; empty: the same
  int threads_;
  std::optional<Manifest> manifest_;
  std::unique_ptr<Reader> reader_;
  std::string unreadable_;
  std::map<std::pair<std::string, uint64_t>, StorageId> storages_;  // by file and offset
  std::vector<std::atomic<bool>> verified_;                         // by StorageId
  std::mutex mutex_;
  std::map<StorageId, std::string> torn_;  // whichever thread found them first
  std::vector<Damage> damage_;
  std::vector<std::string> messages_, warnings_;
};

}  // namespace

Verified verify(const fs::path& path, int threads) { return Verification(path, threads).run(); }

}  // namespace tessera
