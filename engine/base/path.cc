// Every path made here is made from one whole text, which libstdc++ splits without a fault.
#include "base/path.h"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

bool ends_in_slash(std::string_view text) { return !text.empty() && text.back() == '/'; }

std::vector<std::string_view> plain_names(std::string_view text) {
  const bool absolute = text.starts_with('/');
  std::vector<std::string_view> names;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('/', at), text.size());
    const std::string_view name = text.substr(at, end - at);
    at = end + 1;
    if (name.empty() || name == ".") continue;
    const bool back = name == "..", there = !names.empty() && names.back() != "..";
    if (back && there)
      names.pop_back();
    else if (!back || !absolute)
      names.push_back(name);
  }
  return names;
}

}  // namespace

fs::path path_in(const fs::path& folder, const fs::path& name) {
  if (folder.empty() || name.is_absolute()) return name;
  if (name.empty()) return folder;
  return folder.native() + (ends_in_slash(folder.native()) ? "" : "/") + name.native();
}

fs::path absolute_path(const fs::path& path) {
  if (path.is_absolute()) return path;
  std::error_code error;
  const fs::path here = fs::current_path(error);
  if (error) fail_world(format("the working folder: cannot be told: {}", error.message()));
  return path_in(here, path);
}

fs::path plain_path(const fs::path& path) {
  if (path.empty()) return path;
  std::string text = path.is_absolute() ? "/" : "";
  for (const std::string_view name : plain_names(path.native()))
    text.append(text.empty() || ends_in_slash(text) ? "" : "/").append(name);
  return text.empty() ? "." : text;
}

fs::path full_path(const fs::path& path) { return plain_path(absolute_path(path)); }

std::optional<std::string> name_within(const fs::path& folder, const fs::path& path) {
  const std::string before = folder.native() + (ends_in_slash(folder.native()) ? "" : "/");
  if (!path.native().starts_with(before) || path.native().size() == before.size()) return std::nullopt;
  return path.native().substr(before.size());
}

}  // namespace tessera
