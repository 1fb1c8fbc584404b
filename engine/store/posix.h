// The few system calls that must be repeated when a signal interrupts them, and descriptors that close themselves.
#pragma once
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

namespace tessera {

// Repeats `call` while it fails with EINTR.
template <class Call>
auto retry(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// Owns a descriptor; closes it unchecked.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  int release();

 private:
  int fd_;
};

// open(2) with O_CLOEXEC; where descriptors run out, after the soft limit was raised to the hard one. Less than 0 and
// errno where that fails.
Descriptor try_open(const std::filesystem::path& path, int flags);
// The same; Error(world).
Descriptor open_file(const std::filesystem::path& path, int flags, const char* doing);
struct stat status_of(const Descriptor& file, const std::filesystem::path& path);
void sync_folder(const std::filesystem::path& folder);  // fsync, checked

}  // namespace tessera
