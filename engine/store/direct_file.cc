#include "store/direct_file.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>
#include <optional>
#include <string>

namespace tessera {
namespace {

// Of the byte's page, by cachestat(2), which is newer than the C library's headers. Trying to read it, the other way to
// know, brings it in.
std::optional<uint64_t> cached_pages(int fd, uint64_t offset) {
  struct {
    uint64_t offset, bytes;
  } const range{offset, 1};
  struct {
    uint64_t cached, dirty, written_back, evicted, evicted_lately;
  } found{};
  constexpr long cachestat = 451;
  if (syscall(cachestat, fd, &range, &found, 0) != 0) return std::nullopt;
  return found.cached;
}

}  // namespace

int DirectFile::open(int fd, int mode) {
  const std::lock_guard lock(mutex_);
  if (file_.get() >= 0 || given_up_) return file_.get();
  const std::string again = "/proc/self/fd/" + std::to_string(fd);  // the file itself, wherever its name leads by now
  file_ = Descriptor(retry([&] { return ::open(again.c_str(), mode | O_DIRECT | O_CLOEXEC); }));
  if (file_.get() < 0) give_up();
  return file_.get();
}

bool is_cached(int fd, uint64_t offset) {
  if (const auto known = cached_pages(fd, offset)) return *known > 0;
  std::byte one{};
  const iovec into{&one, 1};
  const ssize_t n = retry([&] { return preadv2(fd, &into, 1, static_cast<off_t>(offset), RWF_NOWAIT); });
  return n >= 0 || errno != EAGAIN;
}

}  // namespace tessera
