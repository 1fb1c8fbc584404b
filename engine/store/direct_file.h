// A second descriptor of a file that is open, for reading or writing past the page cache. Only used where the system
// offers it; what fails is done the usual way.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>

#include "store/posix.h"

namespace tessera {

class DirectFile {
 public:
  bool works() const { return !given_up_; }
  void give_up() { given_up_ = true; }
  int open(int fd, int mode);  // of the same file as `fd`, O_RDONLY or O_WRONLY; -1 if there can be none

 private:
  std::mutex mutex_;
  std::atomic<bool> given_up_{false};
  Descriptor file_;
};

// Whether the byte at `offset` can be had without the disk; true where nobody can tell.
bool is_cached(int fd, uint64_t offset);

}  // namespace tessera
