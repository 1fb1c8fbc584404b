// A breadth-first list: folders stand before what is in them, so it is removed from its end.
#include "store/folder.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/path.h"
#include "store/file.h"
#include "store/posix.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

struct Close {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() == fs::file_type::directory;
}

}  // namespace

fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (error == std::errc::filename_too_long || error == std::errc::too_many_symbolic_link_levels)
    return fs::file_type::not_found;
  if (type == fs::file_type::none) fail_io(path, "stat", error.value());
  return type;
}

bool is_file(const fs::path& path) { return type_of(path) == fs::file_type::regular; }

std::vector<fs::path> list_folder(const fs::path& folder, std::error_code& error) {
  std::vector<fs::path> found;
  Descriptor file = try_open(folder, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  const std::unique_ptr<DIR, Close> open(file.get() < 0 ? nullptr : ::fdopendir(file.get()));
  if (!open) {
    error.assign(errno, std::generic_category());
    return found;
  }
  file.release();
  errno = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") found.push_back(path_in(folder, name));
    errno = 0;
  }
  if (errno) error.assign(errno, std::generic_category());
  std::ranges::sort(found);
  return found;
}

std::vector<fs::path> list_tree(const fs::path& folder, std::error_code& error) {
  std::vector<fs::path> found = list_folder(folder, error);
  for (size_t i = 0; i < found.size() && !error; ++i) {
    if (!is_folder(found[i])) continue;
    const std::vector<fs::path> inside = list_folder(found[i], error);
    found.insert(found.end(), inside.begin(), inside.end());
  }
  return found;
}

void remove_tree(const fs::path& path, std::error_code& error) {
  std::vector<fs::path> all{path};
  if (is_folder(path))
    for (fs::path& below : list_tree(path, error)) all.push_back(std::move(below));
  for (; !error && !all.empty(); all.pop_back()) fs::remove(all.back(), error);
}

}  // namespace tessera
