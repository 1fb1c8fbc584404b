// Readers that want a path get one in memory.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace tessera::fuzz {

// One file whose bytes change from run to run. No disk is touched.
class MemoryFile {
 public:
  MemoryFile();
  ~MemoryFile();
  const std::filesystem::path& hold(std::string_view bytes);  // its path

 private:
  int fd_;
  std::filesystem::path path_;
};

// A folder with one changing file in it, for readers that look for a name. In /dev/shm; removed at the end.
class MemoryFolder {
 public:
  explicit MemoryFolder(const std::string& name);
  ~MemoryFolder();
  const std::filesystem::path& hold(std::string_view bytes);  // the folder's path

 private:
  std::filesystem::path path_;
  int fd_;
};

}  // namespace tessera::fuzz
