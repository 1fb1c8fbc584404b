// Finding the folder of ranks: the tracker is followed, and never guessed around.
#include <algorithm>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "store/file.h"
#include "store/folder.h"
#include "store/limits.h"
#include "store/megatron_dir.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> names_in(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (const fs::path& entry : list_folder(folder, error)) names.push_back(entry.filename().string());
  if (error) fail_world(format("{}: {}", show_path(folder), error.message()));
  return names;
}

bool is_number(std::string_view digits) {
  return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<int64_t> iteration_of(std::string_view folder_name) {
  if (!folder_name.starts_with("iter_") || !is_number(folder_name.substr(5)) || folder_name.size() > 5 + 18)
    return std::nullopt;
  return std::stoll(std::string(folder_name.substr(5)));
}

bool is_iteration_name(std::string_view name) { return name == "release" || iteration_of(name); }

// The folder that the tracker's text names.
std::string tracked_folder(const fs::path& tracker) {
  std::string text = InputFile(tracker).read_all(limits::tracker_bytes);
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.pop_back();
  if (text == "release") return text;
  if (!is_number(text) || text.size() > 18)
    fail_world(format("{}: holds `{}`, neither an iteration's number nor `release`", show_path(tracker), escape(text)));
  return format("iter_{:07}", std::stoll(text));
}

}  // namespace

bool is_megatron_folder(std::string_view name) {
  return name == "release" || name.starts_with("iter_") || name.starts_with("mp_rank_");
}

std::optional<MegatronPath> find_megatron(const fs::path& path) {
  std::vector<std::string> names = names_in(path);
  const auto has = [&](const auto& test) { return std::any_of(names.begin(), names.end(), test); };
  const fs::path full = full_path(path);
  const std::string own = full.filename().string();
  if (own.starts_with("mp_rank_"))
    fail_world(format("{}: one rank of a checkpoint: name the folder that holds all of them", show_path(path)));
  if (has([](const std::string& name) { return name == megatron_tracker; })) {
    const std::string name = tracked_folder(path_in(path, megatron_tracker));
    std::error_code ignored;
    if (!fs::is_directory(path_in(path, name), ignored))
      fail_world(format("{}: leads to {}, which is no folder there", show_path(path_in(path, megatron_tracker)), name));
    return MegatronPath{path, path_in(path, name), name == "release", iteration_of(name)};
  }
  const bool has_ranks =
      has([](const std::string& name) { return name.starts_with("mp_rank_") || name == ".metadata"; });
  if (has_ranks) {
    std::error_code ignored;
    const bool tracked = is_iteration_name(own) && fs::exists(path_in(full.parent_path(), megatron_tracker), ignored);
    return MegatronPath{tracked ? full.parent_path() : path, path, own == "release", iteration_of(own)};
  }
  std::erase_if(names, [](const std::string& name) { return !is_iteration_name(name); });
  if (names.empty()) return std::nullopt;
  fail_world(format("{}: not there, and it says which iteration to read; found {}: name that folder",
                    show_path(path_in(path, megatron_tracker)), join_first(names)));
}

}  // namespace tessera
