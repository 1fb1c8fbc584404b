// Finding out what a Hugging Face folder holds, and opening it.
#include "store/hf_dir.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "store/file.h"
#include "store/folder.h"
#include "store/hf_index.h"
#include "store/joined.h"
#include "store/limits.h"
#include "store/parallel.h"
#include "store/safetensors.h"
#include "store/torch_file.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

using Readers = std::vector<std::unique_ptr<Reader>>;

// One way in which weights can stand in a folder; the table is in the order in which they are looked for.
struct Entry {
  std::string_view name;
  std::string_view format;
  bool index;
};
constexpr std::array entries = {
    Entry{"model.safetensors", "safetensors", false},
    Entry{"model.safetensors.index.json", "safetensors", true},
    Entry{"pytorch_model.bin", "bin", false},
    Entry{"pytorch_model.bin.index.json", "bin", true},
};
constexpr int opening_threads = 4;  // headers are parsed side by side, and a slow disk is asked for several at once
constexpr std::array<std::string_view, 1> safetensors_extensions = {".safetensors"};
constexpr std::array<std::string_view, 3> bin_extensions = {".bin", ".pt", ".pth"};

bool is_weight_file(std::string_view name) {
  return name.ends_with(".safetensors") || (name.starts_with("pytorch_model") && name.ends_with(".bin"));
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (const fs::path& entry : list_folder(folder, error)) names.insert(entry.filename());
  if (error) fail_io(folder, "read", error.value());
  return names;
}

[[noreturn]] void refuse_none(const fs::path& folder, const std::vector<std::string_view>& loose) {
  std::vector<std::string_view> known;
  for (const Entry& entry : entries) known.push_back(entry.name);
  std::string there;
  if (!loose.empty())
    there = format(" ({} weight files, first {}, and nothing says which belong together: name one of them)",
                   loose.size(), escape(loose[0]));
  fail_world(format("{}: no checkpoint in this folder: looked for {}, a single *.safetensors, and Megatron's {}{}",
                    show_path(folder), fmt::join(known, ", "),
                    "latest_checkpointed_iteration.txt, iter_*, release, mp_rank_*", there));
}

// The entry of the table that is there, or one for the only file; its name is the table's or one of `names`.
Entry find_weights(const fs::path& folder, const std::set<std::string>& names) {
  for (const Entry& entry : entries)
    if (names.contains(std::string(entry.name))) return entry;
  std::vector<std::string_view> loose;
  std::copy_if(names.begin(), names.end(), std::back_inserter(loose), is_weight_file);
  if (loose.size() != 1 || !loose[0].ends_with(".safetensors")) refuse_none(folder, loose);
  return {loose[0], "safetensors", false};
}

std::unique_ptr<Reader> open_weights(const fs::path& path, std::string_view format) {
  if (format == "bin") return open_torch_file(path);
  return std::make_unique<SafetensorsReader>(path);
}

// Weight files and other entries of the table that are there but not read.
std::vector<std::string> not_read(const std::set<std::string>& names, const Entry& found,
                                  const std::vector<std::string>& shards) {
  std::vector<std::string> left;
  for (const std::string& name : names) {
    const bool entry = std::any_of(entries.begin(), entries.end(), [&](const Entry& e) { return e.name == name; });
    const bool read = name == found.name || std::find(shards.begin(), shards.end(), name) != shards.end();
    if (!read && (entry || is_weight_file(name))) left.push_back(escape(name));
  }
  return left;
}

void warn_of(Contents& contents, const fs::path& folder, const Entry& found, const std::vector<std::string>& left) {
  if (left.empty()) return;
  contents.warnings.push_back(
      format("{}: read by {}; also there and not read: {}", show_path(folder), escape(found.name), join_first(left)));
}

Contents describe(const fs::path& folder) {
  Contents contents;
  contents.side = "hf";
  contents.root = folder;
  contents.places = {PlaceInfo{}};
  contents.side_files = side_files_of(folder);
  if (auto config = read_config(folder)) {
    contents.config = std::move(*config);
    contents.has_config = true;
  }
  return contents;
}

std::span<const std::string_view> extensions_of(std::string_view format) {
  if (format == "bin") return bin_extensions;
  return safetensors_extensions;
}

Readers open_shards(const HfIndex& index, const std::set<std::string>& names, std::string_view format) {
  for (const std::string& shard : index.shards)
    if (!names.contains(shard))
      fail_world(tessera::format("{}: shard {} is missing", show_path(index.path), escape(shard)));
  Readers parts(index.shards.size());
  in_parallel(parts.size(), opening_threads,
              [&](size_t i) { parts[i] = open_weights(path_in(index.path.parent_path(), index.shards[i]), format); });
  return parts;
}

}  // namespace

bool is_hf_folder(const fs::path& folder) {
  const std::set<std::string> names = names_in(folder);
  return std::any_of(entries.begin(), entries.end(),
                     [&](const Entry& e) { return names.contains(std::string(e.name)); });
}

std::optional<Map> read_config(const fs::path& folder) {
  const fs::path path = path_in(folder, "config.json");
  std::error_code ignored;
  if (fs::symlink_status(path, ignored).type() == fs::file_type::not_found) return std::nullopt;
  Value value = parse_json(InputFile(path).read_all(limits::config_bytes), path.string(),
                           {.depth = limits::json_depth, .bytes = limits::config_bytes});
  if (!value.as_map()) fail_world(format("{}: must hold an object, not {}", show_path(path), type_name(value)));
  return std::move(*value.as_map());
}

std::vector<fs::path> side_files_of(const fs::path& folder) {
  constexpr std::array<std::string_view, 4> begins = {"tokenizer", "vocab", "chat_template", "added_tokens"};
  constexpr std::array<std::string_view, 2> ends = {".model", ".py"};
  constexpr std::array<std::string_view, 5> exact = {"merges.txt", "generation_config.json", "special_tokens_map.json",
                                                     "preprocessor_config.json", "processor_config.json"};
  const auto wanted = [&](std::string_view name) {
    return std::any_of(begins.begin(), begins.end(), [&](auto b) { return name.starts_with(b); }) ||
           std::any_of(ends.begin(), ends.end(), [&](auto e) { return name.ends_with(e); }) ||
           std::find(exact.begin(), exact.end(), name) != exact.end();
  };
  std::vector<fs::path> files;
  for (const std::string& name : names_in(folder))
    if (wanted(name) && is_file(path_in(folder, name))) files.push_back(path_in(folder, name));
  return files;
}

std::unique_ptr<Reader> open_hf_folder(const fs::path& folder) {
  const std::set<std::string> names = names_in(folder);
  const Entry found = find_weights(folder, names);
  Contents contents = describe(folder);
  contents.format = found.format;
  std::vector<std::string> shards = {std::string(found.name)};
  Readers parts;
  if (found.index) {
    const HfIndex index = read_index(path_in(folder, found.name), extensions_of(found.format));
    parts = open_shards(index, names, found.format);
    if (std::string warning = check_index(index, parts); !warning.empty()) contents.warnings.push_back(warning);
    shards = index.shards;
  } else {
    parts.push_back(open_weights(path_in(folder, found.name), found.format));
  }
  warn_of(contents, folder, found, not_read(names, found, shards));
  return std::make_unique<JoinedReader>(std::move(contents), std::move(parts));
}

std::unique_ptr<Reader> open_safetensors_file(const fs::path& path) {
  Contents contents = describe(absolute_path(path).parent_path());
  contents.format = "safetensors";
  contents.root = path;
  Readers parts;
  parts.push_back(std::make_unique<SafetensorsReader>(path));
  return std::make_unique<JoinedReader>(std::move(contents), std::move(parts));
}

}  // namespace tessera
