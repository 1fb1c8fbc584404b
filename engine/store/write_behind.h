// Early write-back: what was written goes to the disk at once, and what lies far enough behind is waited for and leaves
// the page cache. So a sync at the end has little left to do, memory is used again instead of new, and the cache keeps
// what others had in it. Ranges of all files are one queue: what may be dirty is bounded, however many files are open.
#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>

namespace tessera {

class WriteBehind {
 public:
  // direct: what is long and lies in memory as in its file, modulo InputFile::direct_alignment, goes past the page
  // cache.
  explicit WriteBehind(bool direct = false) : direct_(direct) {}
  bool direct() const { return direct_; }
  // Bytes that were just written. Thread-safe. Error(world) if the disk could not take what lies behind.
  void wrote(int fd, const std::filesystem::path& path, uint64_t offset, uint64_t bytes);
  void forget(int fd);  // before it is closed, when nobody writes any more

 private:
  struct Range {
    int fd;
    const std::filesystem::path* path;
    uint64_t offset, bytes;
  };
  bool direct_;
  std::mutex mutex_;
  std::deque<Range> ranges_;
  uint64_t bytes_ = 0;
};

}  // namespace tessera
