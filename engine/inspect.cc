// What a file or folder holds, from its headers; with --hash the bytes too.
#include <algorithm>

#include "base/text.h"
#include "ends.h"
#include "planning.h"
#include "run/windows.h"
#include "store/checksum.h"
#include "store/formats.h"
#include "summary.h"

namespace tessera {
namespace {

constexpr uint64_t most_of_a_piece = 4 << 20;

// Elements of less than a byte: contiguous, whole bytes together, never strided (the format allows no other).
template <class Sink>
void whole_storage(const Reader& reader, const TensorInfo& tensor, Sink&& sink) {
  const Chunk& chunk = tensor.chunks.at(0);
  const uint64_t bits = info(tensor.dtype).bits, begin = uint64_t(chunk.at) * bits / 8;
  const uint64_t total = uint64_t(volume(tensor.shape)) * bits / 8;
  std::vector<std::byte> piece(std::min(total, most_of_a_piece));
  for (uint64_t done = 0; done < total; done += piece.size()) {
    piece.resize(std::min(total - done, most_of_a_piece));
    reader.read(chunk.storage, begin + done, piece);
    sink(std::span<const std::byte>(piece));
  }
}

// Contiguous bytes of a tensor, in pieces of a few MiB, handed to `sink`.
template <class Sink>
void each_piece(const Reader& reader, CheckedStorages& storages, uint32_t index, Sink&& sink) {
  const TensorInfo& tensor = reader.contents().tensors[index];
  Graph graph;
  graph.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.place, false, index, {}, {}, none_id});
  SourceWindows windows(graph, reader, storages, 32 << 20);
  if (!is_whole_bytes(tensor.dtype)) return whole_storage(reader, tensor, sink);
  const int64_t total = volume(tensor.shape), most = int64_t(most_of_a_piece / byte_size(tensor.dtype));
  for (int64_t first = 0; first < total; first += most) {
    const int64_t count = std::min(most, total - first);
    const auto view = windows.get(0, first, count);
    const uint64_t size = byte_size(tensor.dtype);
    sink(view.bytes.subspan(uint64_t(first - view.first) * size, uint64_t(count) * size));
  }
}

std::string sha256_of(const Reader& reader, CheckedStorages& storages, uint32_t index) {
  Sha256 hash;
  each_piece(reader, storages, index, [&](std::span<const std::byte> bytes) { hash.update(bytes); });
  return hash.hex();
}

std::string shown_name(const Contents& contents, const TensorInfo& tensor) {
  const std::string& label = contents.places[tensor.place].label;
  return label.empty() ? tensor.name : label + ":" + tensor.name;
}

// The rule file whose `match` fits and asks for the most, if there is exactly one.
Value family_of(Session& session, const Contents& contents, const RuleFolders& folders) {
  const Map& config = contents.companion_config.empty() ? contents.config : contents.companion_config;
  std::vector<std::string> found;
  size_t most_keys = 0;
  for (const auto& path : rule_files(folders)) {
    Diagnostics quiet;
    const auto file = parse_rule_file(path, {folders.folders, load_rule_text}, session.sources, quiet);
    if (!file || !matches(*file, config)) continue;
    if (file->match.size() > most_keys) found.clear();
    if (file->match.size() >= most_keys) found.push_back(file->family.s);
    most_keys = std::max(most_keys, file->match.size());
  }
  return found.size() == 1 ? Value(found[0]) : Value();
}

// The keys of a name; those that are nested too deep to be shown one by one are the last.
std::vector<std::string> levels_of(const std::string& name) {
  constexpr size_t most = 64;
  std::vector<std::string> levels = split(name, '.');
  if (levels.size() <= most) return levels;
  const std::string deep = join({levels.begin() + most - 1, levels.end()}, ".");
  levels.resize(most);
  levels.back() = deep;
  return levels;
}

// Nested keys as they stand in the file: one line for each, two more dots for each level.
void add_tree(Report& report, const Contents& contents) {
  std::string place;
  std::vector<std::string> open;
  for (const TensorInfo& tensor : contents.tensors) {
    const std::string& label = contents.places[tensor.place].label;
    if (label != place) {
      report.lines.push_back(label);
      place = label;
      open.clear();
    }
    std::vector<std::string> path = levels_of(tensor.name);
    size_t common = 0;
    while (common < open.size() && common + 1 < path.size() && open[common] == path[common]) ++common;
    for (size_t level = common; level + 1 < path.size(); ++level)
      report.lines.push_back(std::string(2 * level + 2, '.') + " " + escape(path[level]));
    report.lines.push_back(format("{} {:<40} {} {}", std::string(2 * path.size(), '.'), escape(path.back()),
                                  show_shape(tensor.shape), info(tensor.dtype).name));
    path.pop_back();
    open = std::move(path);
  }
}

List tensors_json(const Reader& reader, bool hash) {
  const Contents& contents = reader.contents();
  CheckedStorages storages(reader);
  List list;
  for (uint32_t i = 0; i < contents.tensors.size(); ++i) {
    const TensorInfo& tensor = contents.tensors[i];
    Map one;
    one["name"] = shown_name(contents, tensor);
    one["dtype"] = std::string(info(tensor.dtype).name);
    List shape;
    for (int64_t n : tensor.shape) shape.push_back(n);
    one["shape"] = std::move(shape);
    if (hash) one["sha256"] = sha256_of(reader, storages, i);
    list.push_back(std::move(one));
  }
  storages.finish(0);
  return list;
}

}  // namespace

Report inspect(Session& session, const std::filesystem::path& path, const RuleFolders& folders,
               const InspectOptions& options) {
  const auto reader = open_checkpoint(path);
  const Contents& contents = reader->contents();
  uint64_t bytes = 0;
  for (const TensorInfo& t : contents.tensors) bytes += uint64_t(volume(t.shape)) * info(t.dtype).bits / 8;
  Report report;
  Map& json = report.json;
  json["format"] = contents.format;
  json["side"] = contents.side ? Value(*contents.side) : Value();
  json["family"] = family_of(session, contents, folders);
  json["mesh"] = mesh_json(contents.mesh);
  json["config"] = contents.config;
  json["tensors"] = tensors_json(*reader, options.hash);
  const auto text_or = [](const Value& v) { return v.as_string() ? *v.as_string() : std::string("unknown"); };
  report.lines.push_back(format("format  {}", contents.format));
  report.lines.push_back(format("side    {}", text_or(json["side"])));
  report.lines.push_back(format("family  {}", text_or(json["family"])));
  std::string mesh;
  for (size_t d = 0; d < contents.mesh.size(); ++d)
    mesh += format("{}{} {}", d ? ", " : "", mesh_dim_names[d], contents.mesh[d]);
  report.lines.push_back(format("mesh    {}", mesh));
  report.lines.push_back(
      format("tensors {}, {} in {} files", contents.tensors.size(), show_bytes(bytes), contents.files.size()));
  if (options.tree) {
    add_tree(report, contents);
    for (const auto& [key, value] : contents.config)
      report.lines.push_back(format("{:<40} : {}", escape(key), escape(show(value))));
  }
  report.warnings = contents.warnings;
  return report;
}

}  // namespace tessera
