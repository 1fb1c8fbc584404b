// model.safetensors.index.json and pytorch_model.bin.index.json.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id_table.h"
#include "store/checkpoint.h"

namespace tessera {

struct HfIndex {
  std::filesystem::path path;
  std::vector<std::string> tensors;  // in the order of the file
  std::vector<uint32_t> shard_of;    // of each of `tensors`: index into `shards`
  std::vector<std::string> shards;   // sorted file names
  std::optional<double> total_size;

  uint32_t find(std::string_view tensor) const;    // index into `tensors`, or IdTable::none
  bool add(std::string&& tensor, uint32_t shard);  // false, and nothing is taken, if it is there already

 private:
  IdTable ids_;  // of `tensors`, by name
};

// Error(world) with the index and the key for anything but a `weight_map` of names to plain file names that end in one
// of `extensions`, and a `metadata` whose total_size is a number.
HfIndex read_index(const std::filesystem::path& path, std::span<const std::string_view> extensions);

// Index and shards say the same: every name in its shard, every tensor of a shard under its name. Error(world) with
// both. A wrong total_size is a warning (returned; empty if right).
std::string check_index(const HfIndex& index, const std::vector<std::unique_ptr<Reader>>& shards);

}  // namespace tessera
