#include "store/side_files.h"

#include <set>

#include "base/error.h"
#include "base/text.h"
#include "store/manifest.h"
#include "store/megatron_dir.h"
#include "store/resume_state.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

// What tells readers of what kind a folder is, and files of this program.
bool is_reserved(const std::string& name) {
  return name == manifest_file || name == resume_file || name == megatron_tracker || name == ".metadata" ||
         is_megatron_folder(name);
}

// Names come from somebody else's folder; in the manifest they are text.
void require_text(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name != escape(name, name.size()))
    fail_world(format("{}: goes along with the checkpoint, but its name is no plain text: rename or remove it",
                      show_path(path)));
}

}  // namespace

SideFiles::SideFiles(const OutputSpec& spec, std::vector<FileInfo>& files) {
  std::set<fs::path> taken;
  for (const FileInfo& file : files) taken.insert(file.path);
  for (const fs::path& path : spec.side_files) {
    if (is_reserved(path.filename().string()) || !taken.insert(path.filename()).second) continue;
    require_text(path);
    open_.emplace_back(path);
    files.push_back({path.filename(), open_.back().size()});
  }
}

void SideFiles::copy(const fs::path& folder, bool sync, std::map<fs::path, std::string>& outside) const {
  for (const InputFile& file : open_) outside[file.path().filename()] = copy_into(folder, file, sync);
}

}  // namespace tessera
