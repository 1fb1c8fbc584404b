// flock on a file beside the output. Only its holder removes it, so whoever gets it locked looks whether it is still
// there.
#include "store/path_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "store/file.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view lock_mark = "tessera ";  // a lock says "tessera <process> <host>"

std::string read_lock(const Descriptor& file, const fs::path& path) {
  std::array<char, 256> text{};
  const ssize_t n = retry([&] { return pread(file.get(), text.data(), text.size(), 0); });
  if (n < 0) fail_io(path, "read", errno);
  return std::string(text.data(), static_cast<size_t>(n));
}

void write_lock(const Descriptor& file, const fs::path& path) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const std::string text = format("{}{} {}\n", lock_mark, getpid(), host.data());
  if (retry([&] { return ftruncate(file.get(), 0); }) != 0) fail_io(path, "truncate", errno);
  if (retry([&] { return pwrite(file.get(), text.data(), text.size(), 0); }) < 0) fail_io(path, "write", errno);
}

// Or the beginning of one: who wrote it may have died on the way.
bool is_lock(std::string_view text) { return text.starts_with(lock_mark) || lock_mark.starts_with(text); }

std::string holder(const std::string& text) {
  const auto words = split(text.substr(0, text.find('\n')), ' ');
  return words.size() == 3 ? format("process {} on {}", escape(words[1]), escape(words[2])) : "starting or ending";
}

}  // namespace

PathLock::PathLock(fs::path path) : path_(std::move(path)) {
  try {
    while (!take()) {
    }
    write_lock(file_, path_);
  } catch (...) {
    if (ours_) ::unlink(path_.c_str());
    throw;
  }
}

PathLock::~PathLock() { ::unlink(path_.c_str()); }

// False if the file that was locked had just been removed by its last holder.
bool PathLock::take() {
  const bool fresh = open();
  const bool held = retry([&] { return flock(file_.get(), LOCK_EX | LOCK_NB); }) != 0;
  if (held && errno != EWOULDBLOCK) fail_io(path_, "lock", errno);
  ours_ = fresh && !held;
  const std::string text = read_lock(file_, path_);
  if (!is_lock(text)) fail_world(format("{}: is not a lock of this program; remove it first", show_path(path_)));
  if (held) fail_world(format("{}: held by another run ({})", show_path(path_), holder(text)));
  ours_ = true;
  return status_of(file_, path_).st_nlink > 0;
}

// True if the file was not there before.
bool PathLock::open() {
  constexpr int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
  file_ = try_open(path_, flags | O_EXCL);
  if (file_.get() >= 0) return true;
  file_ = open_file(path_, flags, "open");
  return false;
}

}  // namespace tessera
