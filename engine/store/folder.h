// What stands in a folder, by readdir: the iterators of std::filesystem allocate in functions that are noexcept, so
// without memory they would end the program.
#pragma once
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace tessera {

// Its entries, sorted; what was read before an error.
std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder, std::error_code& error);
// All below it, a folder before what stands in it; links are not entered.
std::vector<std::filesystem::path> list_tree(const std::filesystem::path& folder, std::error_code& error);
// What a path leads to, links followed. Error(world) where that cannot be told: what cannot be looked at is not
// something that is not there, and others would be taken instead, or it left out.
std::filesystem::file_type type_of(const std::filesystem::path& path);
bool is_file(const std::filesystem::path& path);  // a regular one
// With all below it, or a single file; nothing if it is not there.
void remove_tree(const std::filesystem::path& path, std::error_code& error);

}  // namespace tessera
