#include "fuzz/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace tessera::fuzz {
namespace {

// Not Error: that one would pass for a refusal.
void demand(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

void replace(int fd, std::string_view bytes) {
  demand(ftruncate(fd, 0) == 0, "ftruncate");
  demand(pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "pwrite");
}

}  // namespace

MemoryFile::MemoryFile() : fd_(memfd_create("fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(fd_)) {
  demand(fd_ >= 0, "memfd_create");
}
MemoryFile::~MemoryFile() { close(fd_); }
const std::filesystem::path& MemoryFile::hold(std::string_view bytes) {
  replace(fd_, bytes);
  return path_;
}

MemoryFolder::MemoryFolder(const std::string& name) {
  const char* parent = std::getenv("TESSERA_FUZZ_FOLDER");
  std::string folder = std::string(parent ? parent : "/dev/shm") + "/tessera-fuzz-XXXXXX";
  demand(mkdtemp(folder.data()) != nullptr, "mkdtemp");
  path_ = folder;
  fd_ = open((path_ / name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  demand(fd_ >= 0, "open");
}
MemoryFolder::~MemoryFolder() {
  close(fd_);
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}
const std::filesystem::path& MemoryFolder::hold(std::string_view bytes) {
  replace(fd_, bytes);
  return path_;
}

}  // namespace tessera::fuzz
