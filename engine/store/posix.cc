// System calls with their retries. A failed fsync or close is an error and is never repeated: what it lost stays lost.
#include "store/posix.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "store/file.h"

namespace tessera {
namespace {

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

int Descriptor::release() { return std::exchange(fd_, -1); }

Descriptor try_open(const std::filesystem::path& path, int flags) {
  const auto attempt = [&] { return retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); }); };
  int fd = attempt();
  if (fd < 0 && errno == EMFILE) {
    raise_descriptor_limit();
    fd = attempt();  // also where nothing was to be raised: another thread may have done it since
  }
  return Descriptor(fd);
}

Descriptor open_file(const std::filesystem::path& path, int flags, const char* doing) {
  Descriptor file = try_open(path, flags);
  if (file.get() < 0) fail_io(path, doing, errno);
  return file;
}

struct stat status_of(const Descriptor& file, const std::filesystem::path& path) {
  struct stat status {};
  if (fstat(file.get(), &status) != 0) fail_io(path, "stat", errno);
  return status;
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor directory = open_file(folder, O_RDONLY | O_DIRECTORY, "open");
  if (retry([&] { return fsync(directory.get()); }) != 0) fail_io(folder, "sync", errno);
}

}  // namespace tessera
