// A file that says who writes an output, locked while he does.
#pragma once
#include <filesystem>

#include "store/posix.h"

namespace tessera {

// Held from construction to destruction; the file goes away with it. The lock is the kernel's, so that of a dead
// process is free. Error(world) with process and host if another run holds it, or if the file there is none of ours.
class PathLock {
 public:
  explicit PathLock(std::filesystem::path path);
  ~PathLock();
  PathLock(const PathLock&) = delete;
  PathLock& operator=(const PathLock&) = delete;

 private:
  bool take();
  bool open();
  std::filesystem::path path_;
  Descriptor file_;
  bool ours_ = false;  // locked, and made by a run such as this: it may be removed
};

}  // namespace tessera
