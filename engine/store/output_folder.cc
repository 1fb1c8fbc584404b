// The commit protocol: lock, build beside the final name, rename as one, sync the parent. Whatever happens before the
// rename leaves the final name as it was.
#include "store/output_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "store/file.h"
#include "store/folder.h"
#include "store/path_lock.h"
#include "store/posix.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

bool is_missing(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

// Absolute, links followed, without a slash at the end.
fs::path resolve(const fs::path& path) {
  fs::path there = absolute_path(path), missing;
  std::error_code error;
  fs::path known = fs::canonical(there, error);
  for (; is_missing(error) && there.has_relative_path(); known = fs::canonical(there, error)) {
    missing = path_in(there.filename(), missing);
    there = there.parent_path();
  }
  if (error) fail_io(path, "resolve", error.value());
  fs::path full = plain_path(path_in(known, missing));
  if (!full.has_filename()) fail_usage(format("{}: cannot be an output folder", show_path(path)));
  return full;
}

fs::path beside(const fs::path& final, std::string_view before, std::string_view after) {
  return path_in(final.parent_path(), format("{}{}{}", before, final.filename().string(), after));
}

bool is_there(const fs::path& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) == 0) return true;
  if (errno != ENOENT) fail_io(path, "stat", errno);
  return false;
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  tessera::remove_tree(path, error);
  if (error) fail_io(path, "remove", error.value());
}

// Where memory ran out, what the run had taken may be free by now: a second turn can do better.
void remove_quietly(const fs::path& path) noexcept {
  for (int turn = 0; turn < 2; ++turn) {
    try {
      std::error_code error;
      tessera::remove_tree(path, error);
      if (!error) return;
    } catch (const std::bad_alloc&) {
    }
  }
}

void rename_path(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail_io(from, "rename to " + show_path(to), errno);
}

bool not_supported(int error) { return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP; }

// A plain rename replaces no folder that has anything in it, so it will do where the flag is not supported.
void rename_new(const fs::path& from, const fs::path& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (!not_supported(errno)) fail_io(from, "rename to " + show_path(to), errno);
  rename_path(from, to);
}

// Where the flag is not supported the exchange goes over a third name, from which an interrupted one is recovered.
void exchange(const fs::path& a, const fs::path& b, const fs::path& aside) {
  if (renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return;
  if (!not_supported(errno)) fail_io(a, "exchange with " + show_path(b), errno);
  rename_path(b, aside);
  try {
    rename_path(a, b);
  } catch (...) {
    rename_path(aside, b);
    throw;
  }
  rename_path(aside, a);
}

void recover(const fs::path& final, const fs::path& aside) {
  if (!is_there(aside)) return;
  if (is_there(final))
    remove_tree(aside);
  else
    rename_path(aside, final);
}

void refuse_taken(const fs::path& final, bool overwrite) {
  if (!is_there(final)) return;
  std::error_code error;
  if (!fs::is_directory(final, error)) fail_usage(format("{}: exists and is not a folder", show_path(final)));
  const bool empty = list_folder(final, error).empty();
  if (error) fail_io(final, "read", error.value());
  if (!empty && !overwrite)
    fail_usage(format("{}: exists and is not empty; --overwrite replaces it", show_path(final)));
}

void require_parent(const fs::path& final) {
  std::error_code ignored;
  if (!fs::is_directory(final.parent_path(), ignored))
    fail_world(format("{}: no such folder, and the output is to stand in it", show_path(final.parent_path())));
}

void require_free(const fs::path& final, const fs::path& folder, uint64_t needed) {
  std::error_code error;
  const uint64_t free = fs::space(folder, error).available;
  if (error) fail_io(folder, "find the free space", error.value());
  if (needed > free) fail_world(format("{}: {} bytes are needed, {} are free", show_path(final), needed, free));
}

// Made by this user: what somebody else put there is not gone on with.
bool is_own_folder(const fs::path& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) == 0) return S_ISDIR(status.st_mode) && status.st_uid == geteuid();
  if (errno != ENOENT) fail_io(path, "stat", errno);
  return false;
}

// Bytes that files of a folder have on the disk.
uint64_t allocated(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (const fs::path& entry : list_tree(folder, error)) {
    struct stat status {};
    if (lstat(entry.c_str(), &status) == 0 && S_ISREG(status.st_mode))
      bytes += static_cast<uint64_t>(status.st_blocks) * 512;
  }
  if (error) fail_io(folder, "read", error.value());
  return bytes;
}

void sync_tree(const fs::path& folder) {
  std::error_code error;
  for (const fs::path& entry : list_tree(folder, error))
    if (!error && fs::symlink_status(entry, error).type() == fs::file_type::directory) sync_folder(entry);
  if (error) fail_io(folder, "read", error.value());
  sync_folder(folder);
}

// `inner` is `outer` or lies in it; both resolved.
bool lies_in(const fs::path& inner, const fs::path& outer) {
  const auto [rest, at] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return rest == outer.end();
}

}  // namespace

void require_apart(const fs::path& output, const std::vector<fs::path>& sources) {
  const fs::path out = resolve(output);
  for (const fs::path& source : sources) {
    const fs::path in = resolve(source);
    if (lies_in(out, in) || lies_in(in, out))
      fail_usage(format("{}: the output is, holds or lies in the source {}", show_path(output), show_path(source)));
  }
}

fs::path partial_folder(const fs::path& final_path) { return beside(resolve(final_path), ".", ".partial"); }
fs::path folder_of_output(const fs::path& final_path) { return resolve(final_path).parent_path(); }

void require_place(const fs::path& final_path, bool overwrite, uint64_t bytes) {
  const fs::path final = resolve(final_path);
  require_parent(final);
  refuse_taken(final, overwrite);
  require_free(final, final.parent_path(), bytes + bytes / 100);
}

OutputFolder::OutputFolder(fs::path final_path, bool overwrite, bool resume)
    : final_(resolve(final_path)),
      partial_(partial_folder(final_)),
      aside_(beside(final_, ".", ".replaced")),
      overwrite_(overwrite) {
  require_parent(final_);
  lock_ = std::make_unique<PathLock>(beside(final_, "", ".lock"));
  recover(final_, aside_);
  refuse_taken(final_, overwrite_);
  if (resume && is_own_folder(partial_)) return;
  remove_tree(partial_);
  if (::mkdir(partial_.c_str(), 0777) != 0) fail_io(partial_, "create", errno);
}

OutputFolder::~OutputFolder() {
  if (!committed_ && !keep_) remove_quietly(partial_);
}

void OutputFolder::clear_except(const std::set<fs::path>& files) const {
  std::error_code error;
  std::vector<fs::path> strange;
  for (const fs::path& entry : list_tree(partial_, error)) {
    const bool kept = files.contains(name_within(partial_, entry).value_or(""));
    const bool folder = fs::symlink_status(entry, error).type() == fs::file_type::directory;
    if (!folder && !kept) strange.push_back(entry);
  }
  if (error) fail_io(partial_, "read", error.value());
  for (const fs::path& path : strange) remove_tree(path);
}

void OutputFolder::require_space(uint64_t bytes) const {
  const uint64_t there = allocated(partial_), needed = bytes + bytes / 100;
  require_free(final_, partial_, needed > there ? needed - there : 0);
}

// True if an older output was exchanged for the new one.
bool OutputFolder::place() {
  if (is_there(final_) && ::rmdir(final_.c_str()) != 0) {
    if (!overwrite_) fail_io(final_, "remove, as an empty folder", errno);
    exchange(partial_, final_, aside_);
    return true;
  }
  rename_new(partial_, final_);
  return false;
}

void OutputFolder::commit(bool sync) {
  if (sync) sync_tree(partial_);
  const bool replaced = place();
  try {
    if (sync) sync_folder(final_.parent_path());
  } catch (...) {
    replaced ? exchange(final_, partial_, aside_) : rename_path(final_, partial_);
    throw;
  }
  committed_ = true;
  remove_quietly(partial_);
}

}  // namespace tessera
