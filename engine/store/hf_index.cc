// An index is believed in nothing: it must be well formed, and its shards must hold exactly what it says.
#include "store/hf_index.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "store/file.h"
#include "store/limits.h"
#include "store/shards.h"

namespace tessera {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& index, const std::string& why) {
  fail_world(format("{}: {}", show_path(index), why));
}

const Map& map_at(const HfIndex& index, const Value& value, const char* what) {
  const Map* map = value.as_map();
  if (!map) refuse(index.path, format("{} must be an object, not {}", what, type_name(value)));
  return *map;
}

// Whole and not negative; some tools wrote it as a float.
void read_total_size(HfIndex& index, const Map& top) {
  const Value* metadata = top.find("metadata");
  if (!metadata) return;
  const Value* total = map_at(index, *metadata, "`metadata`").find("total_size");
  if (!total) return;
  const int64_t* whole = total->as_int();
  const double* real = total->as_float();
  index.total_size = whole ? static_cast<double>(*whole) : real ? *real : -1;
  if (*index.total_size < 0) refuse(index.path, format("`total_size` must be a number of bytes, not {}", show(*total)));
}

void read_weight_map(HfIndex& index, const Map& top, std::span<const std::string_view> extensions) {
  const Value* weight_map = top.find("weight_map");
  if (!weight_map) refuse(index.path, "`weight_map` is missing");
  const Map& names = map_at(index, *weight_map, "`weight_map`");
  std::set<std::string> files;
  for (const auto& [name, file] : names) {
    const std::string* text = file.as_string();
    if (!text)
      refuse(index.path, format("tensor `{}`: its shard must be a file name, not {}", escape(name), show(file)));
    if (!is_shard_name(*text, extensions))
      refuse(index.path, format("tensor `{}`: `{}` is not the plain name of a {} file", escape(name), escape(*text),
                                fmt::join(extensions, " or ")));
    files.insert(*text);
  }
  index.shards.assign(files.begin(), files.end());
  const auto place = [&](const std::string& file) {
    return std::lower_bound(index.shards.begin(), index.shards.end(), file) - index.shards.begin();
  };
  for (const auto& [name, file] : names) index.shard_of.emplace(name, static_cast<uint32_t>(place(*file.as_string())));
}

void check_shard(const HfIndex& index, const Contents& shard, uint32_t i) {
  for (const TensorInfo& tensor : shard.tensors) {
    const auto said = index.shard_of.find(tensor.name);
    if (said == index.shard_of.end())
      refuse(index.path, format("tensor `{}` of {} is not in the index", escape(tensor.name), escape(index.shards[i])));
    if (said->second != i)
      refuse(index.path, format("tensor `{}` stands in {}, the index says {}", escape(tensor.name),
                                escape(index.shards[i]), escape(index.shards[said->second])));
  }
}

// Every tensor of the shards is in the index, but not the other way round: names the first that no shard has.
[[noreturn]] void refuse_ghost(const HfIndex& index, const std::vector<std::unique_ptr<Reader>>& shards) {
  std::map<std::string_view, uint32_t> left(index.shard_of.begin(), index.shard_of.end());
  for (const auto& shard : shards)
    for (const TensorInfo& tensor : shard->contents().tensors) left.erase(tensor.name);
  const auto& [name, shard] = *left.begin();
  refuse(index.path,
         format("tensor `{}` is not in {}, where the index says it is{}", escape(name), escape(index.shards[shard]),
                left.size() > 1 ? format(" (and {} more)", left.size() - 1) : ""));
}

}  // namespace

HfIndex read_index(const std::filesystem::path& path, std::span<const std::string_view> extensions) {
  HfIndex index;
  index.path = path;
  const InputFile file(path);
  const Value value = parse_json(file.read_all(limits::index_bytes), path.string(),
                                 {.depth = limits::json_depth, .bytes = limits::index_bytes});
  const Map& top = map_at(index, value, "the index");
  read_total_size(index, top);
  read_weight_map(index, top, extensions);
  if (index.shards.empty()) refuse(path, "`weight_map` is empty");
  return index;
}

std::string check_index(const HfIndex& index, const std::vector<std::unique_ptr<Reader>>& shards) {
  size_t found = 0;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < shards.size(); ++i) {
    const Contents& shard = shards[i]->contents();
    check_shard(index, shard, i);
    found += shard.tensors.size();
    for (const Storage& storage : shard.storages) bytes += storage.bytes;
  }
  if (found != index.shard_of.size()) refuse_ghost(index, shards);
  const bool right = !index.total_size || *index.total_size == static_cast<double>(bytes);
  return right ? ""
               : format("{}: total_size is {}, the shards hold {} bytes", show_path(index.path), *index.total_size,
                        bytes);
}

}  // namespace tessera
