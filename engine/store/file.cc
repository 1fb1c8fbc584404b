// Reading and writing of single files. Every call is checked, short transfers are continued, and numbers in messages
// say what was there and what was wanted.
#include "store/file.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/checked.h"
#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "store/direct_file.h"
#include "store/posix.h"
#include "store/write_behind.h"

namespace tessera {
namespace {

constexpr size_t read_block = size_t{1} << 30;  // Linux transfers at most 2 GiB - 4 KiB at once
constexpr size_t least_direct = size_t{1} << 20, direct_block = size_t{16} << 20;
constexpr size_t write_block = size_t{1} << 20;  // larger buffered writes are slower
constexpr ssize_t early_block = 1 << 16;         // smaller ones are left to the sync at the end

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

[[noreturn]] void fail_write(const std::filesystem::path& path, uint64_t bytes, int error) {
  std::error_code ignored;
  const uint64_t free = std::filesystem::space(path.parent_path(), ignored).available;
  fail_io(path, format("write {} bytes ({} free on its file system)", bytes, ignored ? "unknown" : format("{}", free)),
          error);
}

// Space is reserved where the file system can; elsewhere a full disk is found by a write.
void reserve(const Descriptor& file, const std::filesystem::path& path, uint64_t size) {
  if (size == 0 || retry([&] { return fallocate(file.get(), 0, 0, static_cast<off_t>(size)); }) == 0) return;
  if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) return;
  fail_write(path, size, errno);
}

}  // namespace

std::string show_path(const std::filesystem::path& path) { return escape(path.string(), 1024); }

void fail_io(const std::filesystem::path& path, const std::string& doing, int error) {
  fail_world(format("{}: cannot {}: {}", show_path(path), doing, std::generic_category().message(error)));
}

InputFile::InputFile(std::filesystem::path path) {
  Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, "open");
  const struct stat status = status_of(file, path);
  if (!S_ISREG(status.st_mode))
    fail_world(format("{}: is {}, not a regular file", show_path(path), kind_of(status.st_mode)));
  identity_ = identity(path, status);
  fd_ = file.release();
  direct_ = std::make_unique<DirectFile>();
}

InputFile::InputFile(InputFile&& other) noexcept { *this = std::move(other); }

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(identity_, other.identity_);
  std::swap(fd_, other.fd_);
  std::swap(direct_, other.direct_);
  return *this;
}

InputFile::~InputFile() {
  if (fd_ >= 0) ::close(fd_);
}

void InputFile::read(uint64_t offset, std::span<std::byte> out) const {
  const auto end = checked_add<uint64_t>(offset, out.size());
  if (!end || *end > size())
    fail_world(
        format("{}: {} bytes at byte {} are wanted, the file has {}", show_path(path()), out.size(), offset, size()));
  const size_t done = wants_direct(offset, out) ? read_direct(offset, out) : 0;
  read_buffered(offset + done, out.subspan(done));
}

bool InputFile::wants_direct(uint64_t offset, std::span<std::byte> out) const {
  const auto address = reinterpret_cast<uintptr_t>(out.data());
  return out.size() >= least_direct && address % direct_alignment == offset % direct_alignment && direct_->works() &&
         !cached(offset + out.size() / 2);
}

// Whole blocks of the file: those at the ends, of which only a part is wanted, come by memory of their own in the same
// request, so that nothing waits for the disk a second time. Returns how many bytes are there.
size_t InputFile::read_direct(uint64_t offset, std::span<std::byte> out) const {
  constexpr size_t block = direct_alignment;
  struct alignas(block) Block {
    std::byte bytes[block];
  } first, last;
  const int fd = direct_->open(fd_, O_RDONLY);
  // Small tensors are read through the cache. The system would read ahead (8 MiB, on some machines) what comes
  // directly.
  if (fd >= 0) advise(POSIX_FADV_RANDOM);
  size_t done = 0;
  while (fd >= 0 && done < out.size()) {
    const size_t left = out.size() - done, skip = (offset + done) % block;
    const size_t head = skip ? std::min(block - skip, left) : 0;
    const size_t body = std::min((left - head) / block * block, direct_block);
    const size_t rest = left - head - body, tail = rest < block ? rest : 0, want = head + body + tail;
    std::array<iovec, 3> parts;
    int count = 0;
    if (head) parts[count++] = {first.bytes, block};
    if (body) parts[count++] = {out.data() + done + head, body};
    if (tail) parts[count++] = {last.bytes, block};
    const ssize_t n = retry([&] { return preadv(fd, parts.data(), count, static_cast<off_t>(offset + done - skip)); });
    if (n < 0) direct_->give_up();  // the other way says what is wrong, if anything is
    if (n <= static_cast<ssize_t>(skip)) break;
    const size_t got = std::min(static_cast<size_t>(n) - skip, want);
    std::memcpy(out.data() + done, first.bytes + skip, std::min(head, got));
    if (got > head + body) std::memcpy(out.data() + done + head + body, last.bytes, got - head - body);
    done += got;
    if (got < want) break;
  }
  return done;
}

void InputFile::read_buffered(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const size_t want = std::min(out.size(), read_block);
    const ssize_t n = retry([&] { return pread(fd_, out.data(), want, static_cast<off_t>(offset)); });
    if (n < 0) fail_io(path(), format("read {} bytes at byte {}", want, offset), errno);
    if (n == 0)
      fail_world(format("{}: changed during the run: ends at byte {}, was {} bytes when opened", show_path(path()),
                        offset, size()));
    out = out.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
}

bool InputFile::cached(uint64_t offset) const { return is_cached(fd_, offset); }

std::string InputFile::read_all(uint64_t limit) const {
  if (size() > limit) fail_world(format("{}: has {} bytes, the limit is {}", show_path(path()), size(), limit));
  std::string text(static_cast<size_t>(size()), '\0');
  read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

void InputFile::advise(int advice) const { posix_fadvise(fd_, 0, 0, advice); }

bool InputFile::same_file(const InputFile& other) const {
  return identity_.device == other.identity_.device && identity_.inode == other.identity_.inode;
}

OutputFile::OutputFile(std::filesystem::path path, uint64_t size, WriteBehind* behind)
    : path_(std::move(path)), behind_(behind) {
  Descriptor file = open_file(path_, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, "create");
  const struct stat status = status_of(file, path_);
  if (!S_ISREG(status.st_mode)) fail_world(format("{}: is {}", show_path(path_), kind_of(status.st_mode)));
  const bool longer = static_cast<uint64_t>(status.st_size) > size;
  if (longer && retry([&] { return ftruncate(file.get(), static_cast<off_t>(size)); }) != 0)
    fail_io(path_, "truncate", errno);
  reserve(file, path_, size);
  fd_ = file.release();
  direct_ = std::make_unique<DirectFile>();
}

OutputFile::OutputFile(OutputFile&& other) noexcept { *this = std::move(other); }

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(behind_, other.behind_);
  std::swap(direct_, other.direct_);
  std::swap(put_, other.put_);
  return *this;
}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  if (behind_) behind_->forget(fd_);
  ::close(fd_);
}

void OutputFile::write(uint64_t offset, std::span<const std::byte> bytes) {
  const auto address = reinterpret_cast<uintptr_t>(bytes.data());
  constexpr size_t block = InputFile::direct_alignment;
  if (behind_ && behind_->direct() && bytes.size() >= least_direct && address % block == offset % block) {
    const size_t head = (block - offset % block) % block;
    write_buffered(offset, bytes.first(head));
    const size_t done = head + write_direct(offset + head, bytes.subspan(head));
    offset += done;
    bytes = bytes.subspan(done);
  }
  write_buffered(offset, bytes);
}

size_t OutputFile::write_direct(uint64_t offset, std::span<const std::byte> bytes) {
  constexpr size_t block = InputFile::direct_alignment;
  const int fd = direct_->works() ? direct_->open(fd_, O_WRONLY) : -1;
  size_t done = 0;
  while (fd >= 0 && bytes.size() - done >= block) {
    const size_t want = std::min((bytes.size() - done) / block * block, direct_block);
    const ssize_t n = retry([&] { return pwrite(fd, bytes.data() + done, want, static_cast<off_t>(offset + done)); });
    if (n < 0) direct_->give_up();  // the other way says what is wrong, if anything is
    if (n <= 0) break;
    done += static_cast<size_t>(n) / block * block;
    if (static_cast<size_t>(n) % block != 0) break;
  }
  return done;
}

void OutputFile::write_buffered(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const size_t want = std::min(bytes.size(), write_block);
    const ssize_t n = retry([&] { return pwrite(fd_, bytes.data(), want, static_cast<off_t>(offset)); });
    if (n < 0) fail_write(path_, bytes.size(), errno);
    if (n == 0) fail_write(path_, bytes.size(), ENOSPC);
    if (behind_ && n >= early_block) behind_->wrote(fd_, path_, offset, static_cast<uint64_t>(n));
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
}

void OutputFile::put(uint64_t offset, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  put_.add(bytes);
  write(offset, bytes);
}

void OutputFile::close(bool sync) {
  if (behind_) behind_->forget(fd_);
  Descriptor file(std::exchange(fd_, -1));
  if (sync && retry([&] { return fdatasync(file.get()); }) != 0) fail_io(path_, "sync", errno);
  if (sync) posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  if (::close(file.release()) != 0 && errno != EINTR) fail_io(path_, "close", errno);
}

std::string copy_into(const std::filesystem::path& folder, const InputFile& from, bool sync) {
  std::string block(std::min<uint64_t>(from.size(), 1 << 20), '\0');
  OutputFile to(path_in(folder, from.path().filename()), from.size());
  for (uint64_t at = 0; at < from.size(); at += block.size()) {
    block.resize(std::min<uint64_t>(block.size(), from.size() - at));
    from.read(at, std::as_writable_bytes(std::span(block)));
    to.put(at, block);
  }
  from.check_unchanged();
  to.close(sync);
  return to.hash_of_put();
}

void write_whole_file(const std::filesystem::path& path, std::string_view bytes, bool sync) {
  OutputFile file(path, bytes.size());
  file.write(0, std::as_bytes(std::span(bytes)));
  file.close(sync);
}

}  // namespace tessera
