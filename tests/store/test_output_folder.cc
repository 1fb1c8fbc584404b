// The commit protocol: what stands under the final name, and what stands beside it, at each step.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <set>

#include "store/file.h"
#include "store/output_folder.h"
#include "store/temp_folder.h"

using namespace tessera;
using tessera::testing::check_refused;
using tessera::testing::get;
using tessera::testing::TempFolder;

namespace fs = std::filesystem;

namespace {
std::set<std::string> names(const fs::path& folder) {
  std::set<std::string> result;
  for (const auto& entry : fs::directory_iterator(folder)) result.insert(entry.path().filename());
  return result;
}
using Names = std::set<std::string>;
}  // namespace

TEST_CASE("an output appears whole, and nothing is left beside it") {
  const TempFolder temp;
  for (const bool sync : {false, true}) {
    const std::string name = sync ? "synced" : "not-synced";
    {
      OutputFolder out(temp / name, false);
      CHECK(names(temp.path()).contains("." + name + ".partial"));
      CHECK(names(temp.path()).contains(name + ".lock"));
      CHECK(get(temp / (name + ".lock")).starts_with("tessera " + std::to_string(getpid()) + " "));
      fs::create_directory(out.path() / "sub");
      write_whole_file(out.path() / "sub" / "f", "abc", sync);
      CHECK(!fs::exists(temp / name));
      out.commit(sync);
    }
    CHECK(get(temp / name / "sub/f") == "abc");
  }
  CHECK(names(temp.path()) == Names{"synced", "not-synced"});
}

TEST_CASE("without a commit nothing is left; with keep() the unfinished folder is") {
  const TempFolder temp;
  { OutputFolder out(temp / "out", false); }
  CHECK(names(temp.path()).empty());
  {
    OutputFolder out(temp / "out", false);
    write_whole_file(out.path() / "f", "half", false);
    out.keep();
  }
  CHECK(names(temp.path()) == Names{".out.partial"});
  OutputFolder next(temp / "out", false);
  CHECK(names(next.path()).empty());
}

TEST_CASE("what an interrupted run left is gone on with, if that is asked for") {
  const TempFolder temp;
  {
    OutputFolder out(temp / "out", false);
    fs::create_directory(out.path() / "sub");
    for (const char* name : {"sub/kept", "sub/other", "more"}) write_whole_file(out.path() / name, name, false);
    fs::create_symlink("kept", out.path() / "sub" / "link");
    out.keep();
  }
  {
    OutputFolder out(temp / "out", false, true);
    out.clear_except({"sub/kept", "sub/gone"});
    CHECK(names(out.path()) == Names{"sub"});
    CHECK(names(out.path() / "sub") == Names{"kept"});
    CHECK(get(out.path() / "sub/kept") == "sub/kept");
    out.commit(false);
  }
  CHECK(names(temp.path()) == Names{"out"});
  temp.put(".new.partial", "a file, and no folder");
  OutputFolder out(temp / "new", false, true);
  CHECK(names(out.path()).empty());
}

TEST_CASE("what a run would be refused for is known without it") {
  const TempFolder temp;
  require_place(temp / "out", false, 1);
  temp.put("out/old", "1");
  check_refused([&] { require_place(temp / "out", false, 1); }, {"--overwrite"}, Fault::usage);
  require_place(temp / "out", true, 1);
  check_refused([&] { require_place(temp / "no/out", false, 1); }, {"no such folder"});
  check_refused([&] { require_place(temp / "new", false, uint64_t{1} << 60); }, {"bytes are needed"});
  CHECK(names(temp.path()) == Names{"out"});
}

TEST_CASE("what stands under the final name") {
  const TempFolder temp;
  SUBCASE("an empty folder gives way") {
    fs::create_directory(temp / "out");
    OutputFolder out(temp / "out/", false);
    write_whole_file(out.path() / "new", "", false);
    out.commit(false);
    CHECK(names(temp / "out") == Names{"new"});
  }
  SUBCASE("anything else is refused, and stays") {
    temp.put("out/old", "1");
    check_refused([&] { OutputFolder(temp / "out", false); }, {"/out: exists and is not empty", "--overwrite"},
                  Fault::usage);
    temp.put("file", "1");
    for (const bool overwrite : {false, true})
      check_refused([&] { OutputFolder(temp / "file", overwrite); }, {"/file: exists and is not a folder"},
                    Fault::usage);
    CHECK(names(temp.path()) == Names{"out", "file"});
  }
  SUBCASE("it is replaced at the commit and not before") {
    temp.put("out/old", "1");
    {
      OutputFolder out(temp / "out", true);
      write_whole_file(out.path() / "new", "", false);
      CHECK(names(temp / "out") == Names{"old"});
      out.commit(true);
    }
    CHECK(names(temp / "out") == Names{"new"});
    CHECK(names(temp.path()) == Names{"out"});
  }
  SUBCASE("it stays when the run does not end well") {
    temp.put("out/old", "1");
    { OutputFolder out(temp / "out", true); }
    CHECK(names(temp / "out") == Names{"old"});
  }
  SUBCASE("a folder that appears during the run is not replaced") {
    OutputFolder out(temp / "out", false);
    temp.put("out/other", "1");
    check_refused([&] { out.commit(false); }, {"/out: cannot remove, as an empty folder"});
    CHECK(names(temp / "out") == Names{"other"});
  }
  SUBCASE("a symbolic link to a folder is followed") {
    fs::create_directory(temp / "real");
    fs::create_directory_symlink("real", temp / "link");
    OutputFolder out(temp / "link", false);
    write_whole_file(out.path() / "new", "", false);
    out.commit(false);
    CHECK(names(temp / "real") == Names{"new"});
  }
}

TEST_CASE("the lock") {
  const TempFolder temp;
  SUBCASE("held by another run: refused, with the holder") {
    const fs::path lock = temp.put("out.lock", "tessera 4711 some-host\n");
    const int fd = open(lock.c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(flock(fd, LOCK_EX) == 0);
    check_refused([&] { OutputFolder(temp / "out", false); }, {"out.lock", "process 4711 on some-host"});
    CHECK(names(temp.path()) == Names{"out.lock"});
    close(fd);
    { OutputFolder out(temp / "out", false); }
    CHECK(names(temp.path()).empty());
  }
  SUBCASE("two in one process exclude each other too") {
    OutputFolder out(temp / "out", false);
    check_refused([&] { OutputFolder(temp / "out", false); }, {"held by another run"});
    CHECK(names(temp.path()) == Names{"out.lock", ".out.partial"});
  }
  SUBCASE("one that was cut short by a kill holds nobody up") {
    temp.put("out.lock", "tesse");
    { OutputFolder out(temp / "out", false); }
    CHECK(names(temp.path()).empty());
  }
  SUBCASE("somebody's own file of that name is not touched") {
    temp.put("out.lock", "[packages]\n");
    check_refused([&] { OutputFolder(temp / "out", false); }, {"not a lock of this program"});
    CHECK(get(temp / "out.lock") == "[packages]\n");
  }
}

TEST_CASE("an exchange that was interrupted between two renames is undone by the next run") {
  const TempFolder temp;
  temp.put(".out.replaced/old", "1");
  check_refused([&] { OutputFolder(temp / "out", false); }, {"exists and is not empty"}, Fault::usage);
  CHECK(names(temp / "out") == Names{"old"});
  CHECK(names(temp.path()) == Names{"out"});
}

TEST_CASE("space is counted before the first write") {
  const TempFolder temp;
  const OutputFolder out(temp / "out", false);
  out.require_space(1);
  check_refused([&] { out.require_space(uint64_t{1} << 60); }, {"/out: 1164", "bytes are needed", "are free"});
}

TEST_CASE("places where no output can go") {
  const TempFolder temp;
  check_refused([&] { OutputFolder(temp / "no/out", false); }, {"/no: no such folder"});
  check_refused([&] { OutputFolder("/", false); }, {"cannot be an output folder"}, Fault::usage);
}

TEST_CASE("output and sources must lie apart") {
  const TempFolder temp;
  temp.put("src/f", "1");
  fs::create_directory_symlink("src", temp / "link");
  const auto refused = [&](const char* out, const char* source) {
    CAPTURE(out);
    check_refused([&] { require_apart(temp / out, {temp / source}); }, {out, "source"}, Fault::usage);
  };
  refused("src", "src");
  refused("src/out", "src");
  refused("src/../src/", "src");
  refused("link", "src");
  refused("src", "src/f");
  require_apart(temp / "src2", {temp / "src"});
  require_apart(temp / "out", {temp / "src", temp / "src/f"});
}
