// Single files: what may be opened, and what is noticed while they are in use.
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <thread>

#include "store/file.h"
#include "store/hash_file.h"
#include "store/temp_folder.h"

using namespace tessera;
using tessera::testing::check_refused;
using tessera::testing::get;
using tessera::testing::TempFolder;

namespace fs = std::filesystem;

namespace {
std::string read(const InputFile& file, uint64_t at, size_t n) {
  std::string out(n, '?');
  file.read(at, std::as_writable_bytes(std::span(out)));
  return out;
}
std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
}  // namespace

TEST_CASE("a file is read by ranges") {
  const TempFolder folder;
  const InputFile file(folder.put("f", "0123456789"));
  CHECK(file.size() == 10);
  CHECK(read(file, 0, 10) == "0123456789");
  CHECK(read(file, 9, 1) == "9");
  CHECK(read(file, 10, 0) == "");
  CHECK(file.read_all(10) == "0123456789");
  check_refused([&] { file.read_all(9); }, {"/f: has 10 bytes, the limit is 9"});
  check_refused([&] { read(file, 9, 2); }, {"2 bytes at byte 9", "has 10"});
  check_refused([&] { read(file, UINT64_MAX, 2); }, {"at byte 18446744073709551615"});
}

TEST_CASE("only regular files are read, and nothing is waited for") {
  const TempFolder folder;
  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  fs::create_directory(folder / "dir");
  fs::create_symlink("/dev/zero", folder / "zero");
  fs::create_symlink("loop", folder / "loop");
  fs::create_symlink("nowhere", folder / "dangling");
  const std::vector<std::pair<const char*, const char*>> rows = {{"fifo", "is a FIFO"},
                                                                 {"dir", "is a directory"},
                                                                 {"zero", "is a device"},
                                                                 {"loop", "cannot open"},
                                                                 {"dangling", "cannot open: No such file"},
                                                                 {"missing", "cannot open: No such file"}};
  for (const auto& [name, word] : rows) check_refused([&, n = name] { InputFile(folder / n); }, {name, word});
}

TEST_CASE("a symbolic link to a file is followed") {
  const TempFolder folder;
  folder.put("f", "abc");
  fs::create_symlink("f", folder / "link");
  CHECK(InputFile(folder / "link").read_all(3) == "abc");
  CHECK(InputFile(folder / "link").same_file(InputFile(folder / "f")));
}

TEST_CASE("a file that changes while it is open is noticed") {
  const TempFolder folder;
  const fs::path path = folder.put("f", "0123456789");
  const InputFile file(path);
  file.check_unchanged();
  SUBCASE("cut") {
    fs::resize_file(path, 4);
    check_refused([&] { read(file, 0, 10); }, {"changed during the run", "ends at byte 4", "was 10"});
    check_refused([&] { file.check_unchanged(); }, {"/f: changed during the run"});
  }
  SUBCASE("replaced") {
    folder.put("g", "0123456789");
    fs::rename(folder / "g", path);
    check_refused([&] { file.check_unchanged(); }, {"changed during the run"});
  }
  SUBCASE("written to") {
    fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1));
    check_refused([&] { file.check_unchanged(); }, {"changed during the run"});
  }
  SUBCASE("written to, and its time set back") {
    const fs::file_time_type before = fs::last_write_time(path);
    std::this_thread::sleep_for(
        std::chrono::milliseconds(20));  // the kernel's clock for times of files is a coarse one
    folder.put("f", "9876543210");
    fs::last_write_time(path, before);
    check_refused([&] { file.check_unchanged(); }, {"changed during the run"});
  }
  SUBCASE("gone") {
    fs::remove(path);
    check_refused([&] { file.check_unchanged(); }, {"changed during the run: it is no longer there"});
  }
}

TEST_CASE("files are written at offsets, made or opened as they stand, and moved") {
  const TempFolder folder;
  OutputFile file(folder / "f", 6);
  OutputFile moved = std::move(file);
  moved.write(3, bytes("def"));
  moved.write(0, bytes("abc"));
  moved.close(true);
  CHECK(get(folder / "f") == "abcdef");
  {
    OutputFile again(folder / "f", 4);  // of a run that is gone on with
    again.put(1, "BC");
    again.close(false);
    CHECK(get(folder / "f") == "aBCd");
    CHECK(again.hash_of_put() == hash_text("BC"));
  }
  fs::create_symlink("f", folder / "link");
  check_refused([&] { OutputFile(folder / "link", 4); }, {"/link: cannot create"});
  fs::create_directory(folder / "sub");
  check_refused([&] { OutputFile(folder / "sub", 4); }, {"/sub: cannot create"});
  check_refused([&] { OutputFile(folder / "no/f", 1); }, {"no/f: cannot create"});
  write_whole_file(folder / "empty", "", false);
  CHECK(get(folder / "empty").empty());
}

TEST_CASE("a full disk names what was wanted and what is free") {
  const TempFolder folder;
  check_refused([&] { OutputFile(folder / "f", uint64_t{1} << 50); },
                {"/f: cannot write 1125899906842624 bytes", "free"});
}

TEST_CASE("paths in messages are escaped and keep the file's name") {
  CHECK(show_path("/a/b.bin") == "/a/b.bin");
  const std::string shown = show_path("/" + std::string(250, 'n') + "/\x1b[2J.bin");
  CHECK(shown.find('\x1b') == shown.npos);
  CHECK(shown.ends_with("[2J.bin"));
}

TEST_CASE("what is in no cache is read past it, and reads the same") {
  const TempFolder folder;
  std::vector<std::byte> bytes(5'000'001);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(i * i % 251);
  OutputFile out(folder / "f", bytes.size());
  out.write(0, bytes);
  out.close(true);
  const InputFile file(folder / "f");
  std::vector<std::byte> memory(bytes.size() + 2 * InputFile::direct_alignment);
  std::byte* const aligned = memory.data() + InputFile::direct_alignment -
                             reinterpret_cast<uintptr_t>(memory.data()) % InputFile::direct_alignment;
  for (const uint64_t offset : {0, 1, 4096, 5000, 1'000'003})
    for (const uint64_t count : {2'000'000, 3'999'998})
      for (const uint64_t astray : {0, 8}) {
        const std::span got(aligned + (offset + astray) % InputFile::direct_alignment, count);
        std::fill(got.begin(), got.end(), std::byte{0});
        file.read(offset, got);
        CHECK(std::equal(got.begin(), got.end(), bytes.begin() + static_cast<ptrdiff_t>(offset)));
      }
}

TEST_CASE("where several threads run out of descriptors at once, all of them get theirs") {
  const TempFolder folder;
  const std::string path = folder.put("f", "0123456789").string();
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(before.rlim_max > 100);
  std::atomic<int> failed = 0;
  for (int round = 0; round < 200; ++round) {
    constexpr int threads = 8;
    std::barrier all(threads);
    const rlimit few{8, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads; ++i)
      workers.emplace_back([&] {
        all.arrive_and_wait();
        try {
          const InputFile a(path), b(path), c(path);
          all.arrive_and_wait();
        } catch (const Error&) {
          ++failed;
          all.arrive_and_drop();
        }
      });
  }
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(failed == 0);
}
