#include <doctest/doctest.h>

#include <fstream>

#include "store/folder.h"
#include "store/temp_folder.h"

using namespace tessera;
namespace fs = std::filesystem;

TEST_CASE("folders: entries are sorted, trees are listed from the top, links are not entered, all of it is removed") {
  const tessera::testing::TempFolder work;
  const fs::path root = work.path() / "root", outside = work.path() / "outside";
  for (const char* folder : {"root/b/c", "root/a", "outside"}) fs::create_directories(work.path() / folder);
  for (const fs::path& file : {root / "b" / "c" / "deep", root / "z", outside / "kept"}) std::ofstream(file) << "x";
  fs::create_directory_symlink(outside, root / "a" / "link");
  fs::create_symlink("nowhere", root / "dangling");
  std::error_code error;
  CHECK(list_folder(root, error) == std::vector<fs::path>{root / "a", root / "b", root / "dangling", root / "z"});
  CHECK(list_tree(root, error) == std::vector<fs::path>{root / "a", root / "b", root / "dangling", root / "z",
                                                        root / "a" / "link", root / "b" / "c",
                                                        root / "b" / "c" / "deep"});
  CHECK(!error);
  remove_tree(root, error);
  CHECK(!error);
  CHECK(!fs::exists(fs::symlink_status(root)));
  CHECK(fs::exists(outside / "kept"));
  remove_tree(root, error);
  CHECK(!error);
  CHECK(list_folder(root, error).empty());
  CHECK(error == std::errc::no_such_file_or_directory);
}
