// An index is believed in nothing: it must be well formed, and its shards must hold exactly what it says.
#include "store/hf_index.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "store/file.h"
#include "store/json_cursor.h"
#include "store/limits.h"
#include "store/shards.h"

namespace tessera {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& index, const std::string& why) {
  fail_world(format("{}: {}", show_path(index), why));
}

// Whole and not negative; some tools wrote it as a float.
void read_total_size(HfIndex& index, const Value& metadata) {
  const Map* map = metadata.as_map();
  if (!map) refuse(index.path, format("`metadata` must be an object, not {}", type_name(metadata)));
  const Value* total = map->find("total_size");
  if (!total) return;
  const int64_t* whole = total->as_int();
  const double* real = total->as_float();
  index.total_size = whole ? static_cast<double>(*whole) : real ? *real : -1;
  if (*index.total_size < 0) refuse(index.path, format("`total_size` must be a number of bytes, not {}", show(*total)));
}

// Shards are numbered as they are met here; names of one shard mostly stand together.
void read_weight_map(HfIndex& index, JsonCursor& in, std::span<const std::string_view> extensions) {
  TextMap<uint32_t> number;
  uint32_t shard = 0;
  each_member(in, "`weight_map`", [&](std::string name, uint64_t at) {
    in.within(&name);
    const std::string file = in.text("its shard");
    if (index.shards.empty() || file != index.shards[shard]) {
      if (!is_shard_name(file, extensions))
        in.fail_at(format("`{}` is not the plain name of a {} file", escape(file), fmt::join(extensions, " or ")), at);
      shard = number.try_emplace(file, static_cast<uint32_t>(index.shards.size())).first->second;
      if (shard == index.shards.size()) index.shards.push_back(file);
    }
    if (!index.add(std::move(name), shard)) in.fail_at("stands twice", at);
    in.within(nullptr);
  });
  if (index.shards.empty()) refuse(index.path, "`weight_map` is empty");
}

void sort_shards(HfIndex& index) {
  std::vector<uint32_t> order(index.shards.size()), place(order.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, {}, [&](uint32_t i) -> const std::string& { return index.shards[i]; });
  for (uint32_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  std::ranges::sort(index.shards);
  for (uint32_t& shard : index.shard_of) shard = place[shard];
}

void check_shard(const HfIndex& index, const Contents& shard, uint32_t i) {
  for (const TensorInfo& tensor : shard.tensors) {
    const uint32_t found = index.find(tensor.name);
    if (found == IdTable::none)
      refuse(index.path, format("tensor `{}` of {} is not in the index", escape(tensor.name), escape(index.shards[i])));
    if (const uint32_t said = index.shard_of[found]; said != i)
      refuse(index.path, format("tensor `{}` stands in {}, the index says {}", escape(tensor.name),
                                escape(index.shards[i]), escape(index.shards[said])));
  }
}

// Every tensor of the shards is in the index, but not the other way round: names the first that no shard has.
[[noreturn]] void refuse_ghost(const HfIndex& index, const std::vector<std::unique_ptr<Reader>>& shards) {
  std::map<std::string_view, uint32_t> left;
  for (size_t i = 0; i < index.tensors.size(); ++i) left.emplace(index.tensors[i], index.shard_of[i]);
  for (const auto& shard : shards)
    for (const TensorInfo& tensor : shard->contents().tensors) left.erase(tensor.name);
  const auto& [name, shard] = *left.begin();
  refuse(index.path,
         format("tensor `{}` is not in {}, where the index says it is{}", escape(name), escape(index.shards[shard]),
                left.size() > 1 ? format(" (and {} more)", left.size() - 1) : ""));
}

}  // namespace

uint32_t HfIndex::find(std::string_view tensor) const {
  return ids_.find(text_hash(tensor), [&](uint32_t id) { return tensors[id] == tensor; });
}

bool HfIndex::add(std::string&& tensor, uint32_t shard) {
  const auto fresh = static_cast<uint32_t>(tensors.size());
  const auto same = [&](uint32_t id) { return tensors[id] == tensor; };
  if (ids_.find_or_add(text_hash(tensor), fresh, same) != fresh) return false;
  tensors.push_back(std::move(tensor));
  shard_of.push_back(shard);
  return true;
}

HfIndex read_index(const std::filesystem::path& path, std::span<const std::string_view> extensions) {
  HfIndex index;
  index.path = path;
  const std::string text = InputFile(path).read_all(limits::index_bytes);
  JsonCursor in(text, show_path(path), 0);
  std::set<std::string> keys;
  each_member(in, "the index", [&](std::string key, uint64_t at) {
    if (!keys.insert(key).second) in.fail_at(format("key `{}` stands twice", escape(key)), at);
    if (key == "weight_map") return read_weight_map(index, in, extensions);
    const std::string_view value = in.value(format("`{}`", escape(key)));
    const auto begin = static_cast<size_t>(value.data() - text.data());
    const Value parsed = parse_json(value, path.string(), {limits::json_depth - 1, limits::index_bytes, begin});
    if (key == "metadata") read_total_size(index, parsed);
  });
  in.expect_end();
  if (!keys.contains("weight_map")) refuse(path, "`weight_map` is missing");
  sort_shards(index);
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
  if (found != index.tensors.size()) refuse_ghost(index, shards);
  const bool right = !index.total_size || *index.total_size == static_cast<double>(bytes);
  return right ? ""
               : format("{}: total_size is {}, the shards hold {} bytes", show_path(index.path), *index.total_size,
                        bytes);
}

}  // namespace tessera
