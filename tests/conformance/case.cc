// case.json and safetensors files as values.
#include "conformance/case.h"

#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "store/safetensors.h"

namespace tessera {
namespace {

std::string text_in(const Map& map, std::string_view key) {
  const Value* value = map.find(key);
  return value && value->as_string() ? *value->as_string() : "";
}

std::vector<std::string> texts(const Value& list) {
  std::vector<std::string> out;
  for (const Value& item : *list.as_list()) out.push_back(*item.as_string());
  return out;
}

Coordinates coordinates(const Map& place) {
  Coordinates at{};
  for (size_t d = 0; d < at.size(); ++d)
    if (const Value* rank = place.find(mesh_dim_names[d])) at[d] = static_cast<int32_t>(*rank->as_int());
  return at;
}

std::vector<std::vector<int64_t>> table(const List& rows) {
  std::vector<std::vector<int64_t>> lists;
  std::vector<int64_t> counts;
  for (const Value& row : rows) {
    if (row.as_int()) {
      counts.push_back(*row.as_int());
      continue;
    }
    lists.emplace_back();
    for (const Value& index : *row.as_list()) lists.back().push_back(index.as_int() ? *index.as_int() : -1);
  }
  return counts.empty() ? lists : consecutive_table(counts);
}

std::optional<CaseEnd> read_end(const Map& json, std::string_view key) {
  const Value* value = json.find(key);
  if (!value) return std::nullopt;
  const Map& map = *value->as_map();
  CaseEnd end;
  end.side = text_in(map, "side");
  const Value* mesh = map.find("mesh");
  for (size_t d = 0; mesh && d < end.spec.mesh.size(); ++d)
    if (const Value* size = mesh->as_map()->find(mesh_dim_names[d])) {
      end.spec.mesh[d] = static_cast<int32_t>(*size->as_int());
      end.dims.push_back(static_cast<MeshDim>(d));
    }
  if (const Value* places = map.find("places"))
    for (const Value& place : *places->as_list()) end.spec.places.push_back(coordinates(*place.as_map()));
  if (const Value* place = map.find("place"))
    for (const auto& [dim, rows] : *place->as_map())
      for (size_t d = 0; d < end.spec.mesh.size(); ++d)
        if (dim == mesh_dim_names[d]) end.spec.tables[static_cast<MeshDim>(d)] = table(*rows.as_list());
  return end;
}

std::optional<DType> dtype_in(const Map& map, std::string_view key) {
  const std::string word = text_in(map, key);
  return word.empty() ? std::nullopt : dtype_by_word(word);
}

void read_error(const Map& error, Case::Place& place) {
  place.id = text_in(error, "id");
  place.file = text_in(error, "file");
  if (place.file.empty()) return;
  place.line = *error.find("line")->as_int();
  place.column = *error.find("col")->as_int();
}

void read_verdicts(const Map& json, Case& out) {
  const Value* verdict = json.find("verdict");
  if (!verdict) return;
  out.verdict = text_in(*verdict->as_map(), "forward");
  out.verdict_back = text_in(*verdict->as_map(), "back");
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail_world(path.string() + ": cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Case read_case(const std::filesystem::path& folder) {
  Case out;
  out.folder = folder;
  const std::filesystem::path path = folder / "case.json";
  const Value value = parse_json(read_text(path), path.string());
  const Map& json = *value.as_map();
  out.from = read_end(json, "from");
  out.to = read_end(json, "to");
  if (const Value* config = json.find("config"))
    for (const auto& [side, keys] : *config->as_map()) out.config[side] = *keys.as_map();
  if (const Value* options = json.find("options")) out.options = *options->as_map();
  if (const Value* dialects = json.find("dialects"))
    for (const auto& [side, names] : *dialects->as_map()) out.dialects[side] = texts(names);
  if (const Value* notes = json.find("notes")) out.notes = texts(*notes);
  if (const Value* ulp = json.find("ulp")) out.ulp = *ulp->as_int();
  out.identity = json.find("identity") && *json.find("identity")->as_bool();
  out.cast = dtype_in(json, "cast");
  out.cast_back = dtype_in(json, "cast_back");
  out.back = text_in(json, "back");
  out.phase = text_in(json, "phase");
  read_verdicts(json, out);
  if (const Value* error = json.find("error")) {
    out.negative = true;
    read_error(*error->as_map(), out.error);
  }
  return out;
}

namespace {

std::string file_name(const CaseEnd& end, const Coordinates& at) {
  std::vector<std::string> words;
  for (const MeshDim dim : end.dims)
    words.push_back(format("{}{}", mesh_dim_names[static_cast<size_t>(dim)], at[static_cast<size_t>(dim)]));
  return (words.empty() ? end.side : join(words, "_")) + ".safetensors";
}

}  // namespace

MemoryCheckpoint load(const std::filesystem::path& folder, const CaseEnd& end) {
  MemoryCheckpoint memory;
  memory.edit().mesh = end.spec.mesh;
  for (const Coordinates& at : places_of(end.spec)) {
    const std::filesystem::path path = folder / file_name(end, at);
    if (!std::filesystem::exists(path)) continue;
    const SafetensorsReader file(path);
    const uint32_t place = memory.add_place(at);
    for (const TensorInfo& tensor : file.contents().tensors) {
      std::vector<std::byte> bytes(file.contents().storages[tensor.chunks[0].storage].bytes);
      file.read(tensor.chunks[0].storage, 0, bytes);
      memory.add(place, tensor.name, tensor.dtype, tensor.shape, std::move(bytes));
    }
  }
  return memory;
}

}  // namespace tessera
