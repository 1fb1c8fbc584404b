#include "store/write_behind.h"

#include <fcntl.h>

#include <algorithm>
#include <vector>

#include "store/file.h"
#include "store/posix.h"

namespace tessera {
namespace {

constexpr uint64_t most_dirty = 32 << 20;

// False where the file system has no such call: then the sync at the end does it all.
bool sync_range(int fd, const std::filesystem::path& path, uint64_t offset, uint64_t bytes, unsigned how) {
  const int done =
      retry([&] { return sync_file_range(fd, static_cast<off_t>(offset), static_cast<off_t>(bytes), how); });
  if (done != 0 && errno != ENOSYS && errno != ESPIPE && errno != EINVAL) fail_io(path, "sync", errno);
  return done == 0;
}

}  // namespace

void WriteBehind::wrote(int fd, const std::filesystem::path& path, uint64_t offset, uint64_t bytes) {
  if (!sync_range(fd, path, offset, bytes, SYNC_FILE_RANGE_WRITE)) return;
  std::vector<Range> behind;
  {
    const std::lock_guard lock(mutex_);
    ranges_.push_back({fd, &path, offset, bytes});
    bytes_ += bytes;
    while (bytes_ > most_dirty && ranges_.size() > 1) {
      behind.push_back(ranges_.front());
      bytes_ -= ranges_.front().bytes;
      ranges_.pop_front();
    }
  }
  for (const Range& r : behind) {
    sync_range(r.fd, *r.path, r.offset, r.bytes,
               SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    posix_fadvise(r.fd, static_cast<off_t>(r.offset), static_cast<off_t>(r.bytes), POSIX_FADV_DONTNEED);
  }
}

void WriteBehind::forget(int fd) {
  const std::lock_guard lock(mutex_);
  std::erase_if(ranges_, [&](const Range& r) {
    if (r.fd == fd) bytes_ -= r.bytes;
    return r.fd == fd;
  });
}

}  // namespace tessera
