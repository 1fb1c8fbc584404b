// Which tensors of a Hugging Face checkpoint stand in which file.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

// Tensors of these sizes, in this order, split as huggingface_hub's split_state_dict_into_shards does: a tensor above
// `most` gets a shard of its own at once while the open shard stays open, so it may come before earlier ones. At least
// one shard, which may be empty.
std::vector<std::vector<uint32_t>> split_shards(std::span<const uint64_t> sizes, uint64_t most);

// "model.safetensors", or of several "model-00002-of-00003.safetensors"; `index` counts from 0.
std::string shard_name(std::string_view stem, std::string_view extension, size_t index, size_t count);

// May this text from an index name a file to be opened: a plain file name that ends in one of `extensions`.
bool is_shard_name(std::string_view name, std::span<const std::string_view> extensions);

}  // namespace tessera
