// Files by pread and pwrite, never mapped: a source cut short is an error, not a signal. Only regular files are read.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/checksum.h"
#include "store/identity.h"

namespace tessera {

// A path as messages show it: escaped, long enough to keep the file's name.
std::string show_path(const std::filesystem::path& path);

// Error(world) "<file>: cannot <doing>: <what errno says>".
[[noreturn]] void fail_io(const std::filesystem::path& path, const std::string& doing, int error);

class DirectFile;

// Move-only descriptor of a regular file open for reading; remembers which file it is, in which state.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);  // O_NONBLOCK|O_CLOEXEC, fstat; Error(world) if not a regular file
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();
  uint64_t size() const { return identity_.bytes; }
  const std::filesystem::path& path() const { return identity_.path; }
  // Loops over short reads and EINTR. Reading past the end: Error(world) "... is N bytes, was M when opened".
  // What is long and in no cache goes past the cache where it lies in memory as in the file, modulo `direct_alignment`.
  void read(uint64_t offset, std::span<std::byte> out) const;
  static constexpr size_t direct_alignment = 4096;
  std::string read_all(uint64_t limit) const;  // Error(world) above the limit
  void check_unchanged() const { require_unchanged(identity_); }
  bool cached(uint64_t offset) const;  // by the system; true where nobody can tell
  void advise(int advice) const;       // POSIX_FADV_*, of the whole file
  bool same_file(const InputFile& other) const;

 private:
  void read_buffered(uint64_t offset, std::span<std::byte> out) const;
  // How many bytes at the front of `out` were read past the cache; it lies in memory as in the file, modulo a block.
  size_t read_direct(uint64_t offset, std::span<std::byte> out) const;
  bool wants_direct(uint64_t offset, std::span<std::byte> out) const;

  FileIdentity identity_;
  int fd_ = -1;
  std::unique_ptr<DirectFile> direct_;
};

class WriteBehind;

// A file being written, of a size known from the start.
class OutputFile {
 public:
  // Made, or opened as it stands (of a run that is gone on with); fallocate where it works. `behind` (which outlives
  // it) takes what was written to the disk early.
  OutputFile(std::filesystem::path path, uint64_t size, WriteBehind* behind = nullptr);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();
  // Thread-safe; loops over short writes. Error(world) names the bytes and the free space.
  void write(uint64_t offset, std::span<const std::byte> bytes);
  // What stands around tensors: front to back, by one thread, and hashed on the way.
  void put(uint64_t offset, std::string_view text);
  std::string hash_of_put() const { return put_.hex(); }
  void close(bool sync);  // fdatasync and close, both checked; what was synced leaves the page cache

 private:
  std::filesystem::path path_;
  void write_buffered(uint64_t offset, std::span<const std::byte> bytes);
  size_t write_direct(uint64_t offset, std::span<const std::byte> bytes);  // how many at the front: whole blocks
  int fd_ = -1;
  WriteBehind* behind_ = nullptr;
  std::unique_ptr<DirectFile> direct_;
  Hasher put_;
};

// Into `folder`, under its own name, block by block. Error(world) if it changed meanwhile. The XXH3-128 of what it
// holds.
std::string copy_into(const std::filesystem::path& folder, const InputFile& from, bool sync);
void write_whole_file(const std::filesystem::path& path, std::string_view bytes, bool sync);

}  // namespace tessera
