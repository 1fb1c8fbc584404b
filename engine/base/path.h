// Paths put together and taken apart as text. The program never calls std::filesystem's `/`, `/=`, absolute,
// lexically_normal, lexically_relative or weakly_canonical, and a test looks for them in it: in libstdc++ 12 they free
// what they never made where memory ends in them.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

namespace tessera {

// `name` in `folder`; a name that is absolute stands for itself, and so does the folder of an empty one.
std::filesystem::path path_in(const std::filesystem::path& folder, const std::filesystem::path& name);
// From the root, otherwise as it was: `a/link/..` may be elsewhere than `a`. Error(world) where the working folder is
// gone.
std::filesystem::path absolute_path(const std::filesystem::path& path);
// By its letters alone: without `.`, names before `..`, doubled slashes and one at the end.
std::filesystem::path plain_path(const std::filesystem::path& path);
std::filesystem::path full_path(const std::filesystem::path& path);  // absolute and plain
// What stands behind the folder's own letters; nothing if the path is not below it.
std::optional<std::string> name_within(const std::filesystem::path& folder, const std::filesystem::path& path);

}  // namespace tessera
