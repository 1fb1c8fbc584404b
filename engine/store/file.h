// Files by pread and pwrite, never mapped: a source cut short is an error, not a signal. Only regular files are read.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tessera {

// A path as messages show it: escaped, long enough to keep the file's name.
std::string show_path(const std::filesystem::path& path);

// Error(world) "<file>: cannot <doing>: <what errno says>".
[[noreturn]] void fail_io(const std::filesystem::path& path, const std::string& doing, int error);

class DirectFile;

// Move-only descriptor of a regular file open for reading; remembers device, inode, size, mtime.
class InputFile {
 public:
  explicit InputFile(std::filesystem::path path);  // O_NONBLOCK|O_CLOEXEC, fstat; Error(world) if not a regular file
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();
  uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  // Loops over short reads and EINTR. Reading past the end: Error(world) "... is N bytes, was M when opened".
  // What is long and in no cache goes past the cache where it lies in memory as in the file, modulo `direct_alignment`.
  void read(uint64_t offset, std::span<std::byte> out) const;
  static constexpr size_t direct_alignment = 4096;
  std::string read_all(uint64_t limit) const;  // Error(world) above the limit
  void check_unchanged() const;                // Error(world) "changed during the run"
  bool same_file(const InputFile& other) const;

 private:
  void read_buffered(uint64_t offset, std::span<std::byte> out) const;
  // How many bytes at the front of `out` were read past the cache: whole blocks from an aligned offset to aligned memory.
  size_t read_direct(uint64_t offset, std::span<std::byte> out) const;
  bool wants_direct(uint64_t offset, std::span<std::byte> out) const;

  std::filesystem::path path_;
  int fd_ = -1;
  std::unique_ptr<DirectFile> direct_;
  uint64_t size_ = 0, device_ = 0, inode_ = 0;
  int64_t mtime_s_ = 0, mtime_ns_ = 0;
};

class WriteBehind;

// A file being written, of a size known from the start.
class OutputFile {
 public:
  // Created new; fallocate where it works. `behind` (which outlives it) takes what was written to the disk early.
  OutputFile(std::filesystem::path path, uint64_t size, WriteBehind* behind = nullptr);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();
  // Thread-safe; loops over short writes. Error(world) names the bytes and the free space.
  void write(uint64_t offset, std::span<const std::byte> bytes);
  void close(bool sync);  // fdatasync and close, both checked; what was synced leaves the page cache

 private:
  std::filesystem::path path_;
  void write_buffered(uint64_t offset, std::span<const std::byte> bytes);
  size_t write_direct(uint64_t offset, std::span<const std::byte> bytes);  // how many at the front: whole blocks
  int fd_ = -1;
  WriteBehind* behind_ = nullptr;
  std::unique_ptr<DirectFile> direct_;
};

// Into `folder`, under its own name, block by block.
void copy_into(const std::filesystem::path& folder, const InputFile& from, bool sync);
void write_whole_file(const std::filesystem::path& path, std::string_view bytes, bool sync);

// Error(usage) if the output is, contains or lies in one of the sources.
void require_apart(const std::filesystem::path& output, const std::vector<std::filesystem::path>& sources);

class PathLock;

// The output folder of a run: built beside its final name as `.<name>.partial`, renamed as one.
// Refuses (usage) a final name that exists and is not an empty folder, unless overwrite; takes `<name>.lock`.
class OutputFolder {
 public:
  OutputFolder(std::filesystem::path final_path, bool overwrite);
  ~OutputFolder();  // not committed: removes what it made, unless keep()
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  const std::filesystem::path& path() const { return partial_; }
  void require_space(uint64_t bytes) const;  // Error(world) with needed and free
  void commit(bool sync);                    // fsync folders, rename without replacing (or exchange), fsync parent
  void keep() { keep_ = true; }              // after a signal: leave it for --resume

 private:
  bool place();
  std::filesystem::path final_, partial_;
  std::filesystem::path aside_;  // where an older output stands while it is exchanged in steps
  std::unique_ptr<PathLock> lock_;
  bool overwrite_ = false, committed_ = false, keep_ = false;
};

}  // namespace tessera
