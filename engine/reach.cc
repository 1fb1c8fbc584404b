// Which paths the readers of a checkpoint or a rule file open. No byte of a file is read to find out, so a process can
// ask this and confine itself before it looks at anything that somebody else made.
#include <algorithm>

#include "base/path.h"
#include "engine.h"
#include "store/folder.h"
#include "store/manifest.h"
#include "store/megatron_dir.h"
#include "store/output_folder.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

// Folders that a reader enters: iterations and their ranks; what lies beside rule files.
bool is_entered(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return is_megatron_folder(name) || name == "dialects" || name == "packings";
}

// Download caches keep files elsewhere and put links into the folder that is named. A link to a folder is granted where
// a reader enters it.
void add_links(const fs::path& folder, int deeper, std::vector<fs::path>& found) {
  std::error_code error;  // what cannot be listed is refused by whoever reads it
  for (const fs::path& entry : list_folder(folder, error)) {
    std::error_code ignored;
    const bool leaf = !fs::is_directory(entry, ignored), entered = deeper > 0 && is_entered(entry);
    if (fs::is_symlink(entry, ignored) && (leaf || entered)) found.push_back(entry);
    if (entered && !leaf) add_links(entry, deeper - 1, found);
  }
}

}  // namespace

std::vector<fs::path> read_reach(const fs::path& path) {
  constexpr int most_above = 3, most_below = 2;  // of a rank's file its folder, the iteration's and the root
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return {};
  fs::path root = full_path(path);
  if (!fs::is_directory(root, ignored)) root = root.parent_path();
  std::vector<fs::path> found{path, root};
  for (int above = 0; above < most_above; ++above) {
    root = root.parent_path();
    const bool speaks =
        fs::exists(path_in(root, manifest_file), ignored) || fs::exists(path_in(root, megatron_tracker), ignored);
    if (speaks) found.push_back(root);
  }
  const size_t folders = found.size();
  for (size_t i = 1; i < folders; ++i) add_links(found[i], most_below, found);
  return found;
}

fs::path write_reach(const fs::path& output) { return folder_of_output(output); }

}  // namespace tessera
