// Sharding as transformers' save_pretrained does it, and the names that an index may hold.
#include "store/shards.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace tessera {

std::vector<std::vector<uint32_t>> split_shards(std::span<const uint64_t> sizes, uint64_t most) {
  std::vector<std::vector<uint32_t>> shards;
  std::vector<uint32_t> open;
  uint64_t filled = 0;
  for (uint32_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] > most) {
      shards.push_back({i});
      continue;
    }
    if (sizes[i] > most - filled) {
      shards.push_back(std::exchange(open, {}));
      filled = 0;
    }
    open.push_back(i);
    filled += sizes[i];
  }
  if (!open.empty() || shards.empty()) shards.push_back(std::move(open));
  return shards;
}

std::string shard_name(std::string_view stem, std::string_view extension, size_t index, size_t count) {
  if (count == 1) return format("{}{}", stem, extension);
  return format("{}-{:05}-of-{:05}{}", stem, index + 1, count, extension);
}

bool is_shard_name(std::string_view name, std::span<const std::string_view> extensions) {
  const auto ends = [&](std::string_view e) { return name.size() > e.size() && name.ends_with(e); };
  return name.size() <= 255 && is_harmless(name) && name.find_first_of("/\\:") == name.npos &&
         std::any_of(extensions.begin(), extensions.end(), ends);
}

}  // namespace tessera
