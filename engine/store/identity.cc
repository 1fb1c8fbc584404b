#include "store/identity.h"

#include <sys/stat.h>

#include <cerrno>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "store/checksum.h"
#include "store/file.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

FileIdentity identify_one(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) fail_io(path, "stat", errno);
  return identity(path, status);
}

}  // namespace

FileIdentity identity(const fs::path& path, const struct stat& status) {
  return {path,
          static_cast<uint64_t>(status.st_size),
          status.st_dev,
          status.st_ino,
          status.st_mtim.tv_sec,
          status.st_mtim.tv_nsec,
          status.st_ctim.tv_sec,
          status.st_ctim.tv_nsec};
}

std::vector<FileIdentity> identify(const std::vector<fs::path>& files) {
  std::vector<FileIdentity> found;
  for (const fs::path& path : files) found.push_back(identify_one(path));
  return found;
}

void require_unchanged(const FileIdentity& before) {
  struct stat now {};
  const bool there = ::stat(before.path.c_str(), &now) == 0;
  if (!there && errno != ENOENT) fail_io(before.path, "stat again", errno);
  if (!there || identity(before.path, now) != before)
    fail_world(format("{}: changed during the run{}", show_path(before.path), there ? "" : ": it is no longer there"));
}

void require_unchanged(const std::vector<FileIdentity>& before) {
  for (const FileIdentity& file : before) require_unchanged(file);
}

std::string hash_of(const std::vector<FileIdentity>& files, const fs::path& root) {
  std::string text;
  for (const FileIdentity& file : files)
    text += format("{}\n{} {} {} {} {} {}\n", name_within(root, file.path).value_or(file.path.filename().string()),
                   file.bytes, file.inode, file.mtime_s, file.mtime_ns, file.ctime_s, file.ctime_ns);
  Hasher hasher;
  hasher.add(std::as_bytes(std::span(text)));
  return hasher.hex();
}

}  // namespace tessera
