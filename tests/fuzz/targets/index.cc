// model.safetensors.index.json. Shards of an accepted one are plain file names.
#include <algorithm>

#include "fuzz/files.h"
#include "fuzz/target.h"
#include "store/hf_index.h"

namespace tessera::fuzz {
namespace {

constexpr std::string_view extensions[] = {".safetensors"};

void run(std::string_view input) {
  static MemoryFile file;
  const HfIndex index = read_index(file.hold(input), extensions);
  require(index.tensors.size() == index.shard_of.size(), "each tensor once");
  for (const uint32_t shard : index.shard_of) require(shard < index.shards.size(), "a tensor has a shard");
  require(std::ranges::is_sorted(index.shards), "shards are sorted");
  for (const std::string& shard : index.shards) {
    require(shard.find_first_of(std::string("/\\:\0", 4)) == shard.npos, "a shard is one plain name");
    require(shard.ends_with(extensions[0]) && shard != extensions[0], "a shard has a name and its extension");
  }
  require(!index.total_size || *index.total_size >= 0, "a size is not negative");
}

const Registered registered({"index", run});

}  // namespace
}  // namespace tessera::fuzz
