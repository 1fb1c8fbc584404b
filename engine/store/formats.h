// The table of formats, and finding out which one a path holds.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/checkpoint.h"

namespace tessera {

// What sizes of a mesh mean to a format.
enum class Meshes {
  none,   // it has no ranks, and none may be asked for
  named,  // one place; the mesh is that of the run that will read it, and stands in the arguments
  ranks   // a place for each rank
};

struct Format {
  std::string_view name;  // "safetensors", "bin", "torch", "torch_dist"
  std::string_view side;  // whose usual format it is ("" if any)
  Meshes meshes = Meshes::none;
  std::unique_ptr<Writer> (*create)(const OutputSpec& spec);  // nullptr: read only
  std::vector<std::string_view> options;                      // names that OutputSpec::options may hold
  bool checksums = true;                                      // its files hold some of their bytes
};
const std::vector<Format>& formats();
const Format* find_format(std::string_view name);

// A file, an HF folder, a Megatron root (its tracker is followed) or iteration folder. Throws Error(world) saying what
// was looked for. Only structure is read.
std::unique_ptr<Reader> open_checkpoint(const std::filesystem::path& path);
std::unique_ptr<Writer> create_checkpoint(const OutputSpec& spec);

}  // namespace tessera
