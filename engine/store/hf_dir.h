// Folders as transformers' save_pretrained writes them: weights (one file, or shards under an index), config.json, and
// files that are carried along as they are.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/checkpoint.h"

namespace tessera {

// Are there weights here that open_hf_folder would look at? (Names only.)
bool is_hf_folder(const std::filesystem::path& folder);

// model.safetensors, its index, pytorch_model.bin, its index, or the only *.safetensors: the first of these that is
// there; a warning names what is there too and not read. An index must agree with its shards both ways. Throws
// Error(world).
std::unique_ptr<Reader> open_hf_folder(const std::filesystem::path& folder);
// One safetensors file, with the config.json beside it if there is one.
std::unique_ptr<Reader> open_safetensors_file(const std::filesystem::path& path);

// config.json of a folder: one JSON object within the limits; nullopt if there is none. Throws Error(world).
std::optional<Map> read_config(const std::filesystem::path& folder);
// Tokenizer, generation_config.json, chat templates, code, ...: regular files of the folder, sorted by name.
std::vector<std::filesystem::path> side_files_of(const std::filesystem::path& folder);

// Formats "safetensors" and "bin".
std::unique_ptr<Writer> create_safetensors(const OutputSpec& spec);
std::unique_ptr<Writer> create_bin(const OutputSpec& spec);

}  // namespace tessera
