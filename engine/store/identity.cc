#include "store/identity.h"

#include <sys/stat.h>

#include <cerrno>

#include "base/error.h"
#include "base/text.h"
#include "store/checksum.h"
#include "store/file.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

FileIdentity identify_one(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) fail_io(path, "stat", errno);
  return {path,          static_cast<uint64_t>(status.st_size), status.st_dev,
          status.st_ino, status.st_mtim.tv_sec,                 status.st_mtim.tv_nsec};
}

}  // namespace

std::vector<FileIdentity> identify(const std::vector<fs::path>& files) {
  std::vector<FileIdentity> found;
  for (const fs::path& path : files) found.push_back(identify_one(path));
  return found;
}

void require_unchanged(const std::vector<FileIdentity>& before) {
  for (const FileIdentity& file : before)
    if (identify_one(file.path) != file) fail_world(format("{}: changed during the run", show_path(file.path)));
}

std::string hash_of(const std::vector<FileIdentity>& files, const fs::path& root) {
  std::string text;
  for (const FileIdentity& file : files)
    text += format("{}\n{} {} {} {}\n", file.path.lexically_relative(root).string(), file.bytes, file.inode,
                   file.mtime_s, file.mtime_ns);
  Hasher hasher;
  hasher.add(std::as_bytes(std::span(text)));
  return hasher.hex();
}

}  // namespace tessera
