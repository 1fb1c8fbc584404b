// Which file it is and in which state: what tells that a source is still the one that was read.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

struct stat;

namespace tessera {

// The time of change (ctime) is in it because the other one (mtime) can be set back by whoever writes.
struct FileIdentity {
  std::filesystem::path path;
  uint64_t bytes = 0, device = 0, inode = 0;
  int64_t mtime_s = 0, mtime_ns = 0, ctime_s = 0, ctime_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};

FileIdentity identity(const std::filesystem::path& path, const struct stat& status);
// As the files are now. Error(world) if one cannot be looked at.
std::vector<FileIdentity> identify(const std::vector<std::filesystem::path>& files);
void require_unchanged(const FileIdentity& before);  // Error(world) "changed during the run"
void require_unchanged(const std::vector<FileIdentity>& before);
// One hash of all, to be compared after a restart of the machine: names within `root`, sizes, inodes, times. Devices
// are not in it; they may be numbered anew.
std::string hash_of(const std::vector<FileIdentity>& files, const std::filesystem::path& root);

}  // namespace tessera
