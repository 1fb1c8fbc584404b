// The two ends of a conversion: their places, and what expressions see there.
#include "plan/model.h"

#include "plan/dialects.h"

namespace tessera {

std::vector<Coordinates> places_of(const EndSpec& end) {
  if (!end.places.empty()) return end.places;
  std::vector<Coordinates> places = {Coordinates{}};
  const Mesh mesh = end.cuts();
  for (size_t dim = 0; dim < mesh.size(); ++dim) {
    std::vector<Coordinates> wider;
    for (const Coordinates& at : places)
      for (int32_t rank = 0; rank < mesh[dim]; ++rank) {
        wider.push_back(at);
        wider.back()[dim] = rank;
      }
    places = std::move(wider);
  }
  return places;
}

std::vector<uint32_t> numbers_of(const std::vector<PlaceInfo>& at, const EndSpec& end) {
  std::map<Coordinates, uint32_t> known;
  for (const Coordinates& place : places_of(end)) known.emplace(place, static_cast<uint32_t>(known.size()));
  std::vector<uint32_t> numbers;
  for (const PlaceInfo& place : at) {
    const auto found = known.find(place.at);
    numbers.push_back(found == known.end() ? none_place : found->second);
  }
  return numbers;
}

int32_t stage_of(const Coordinates& at, const Mesh& mesh) {
  const auto dim = [](MeshDim d) { return static_cast<size_t>(d); };
  return at[dim(MeshDim::vpp)] * mesh[dim(MeshDim::pp)] + at[dim(MeshDim::pp)];
}

std::vector<std::vector<int64_t>> consecutive_table(const std::vector<int64_t>& counts) {
  std::vector<std::vector<int64_t>> table;
  int64_t next = 0;
  for (const int64_t count : counts) {
    table.emplace_back();
    for (int64_t i = 0; i < count; ++i) table.back().push_back(next++);
  }
  return table;
}

EndScope::EndScope(const Model& model, const EndSpec& end) : model_(model) {
  for (size_t dim = 0; dim < end.mesh.size(); ++dim) {
    const bool stages = MeshDim(dim) == MeshDim::pp || MeshDim(dim) == MeshDim::vpp;
    extra_[mesh_dim_names[dim]] = int64_t{stages ? end.cuts()[dim] : end.mesh[dim]};
  }
  for (const auto& [name, in_use] : dialect_flags(*model.rules, end)) extra_[name] = in_use;
  for (const auto& [name, value] : end.options) extra_[name] = value;
}

Scope EndScope::scope() const {
  return [this](std::string_view name) -> const Value* {
    if (const auto at = extra_.find(name); at != extra_.end()) return &at->second;
    for (const Map* map : {&model_.lets, &model_.options, &model_.config})
      if (const Value* value = map->find(name)) return value;
    return nullptr;
  };
}

void EndScope::set(const std::string& axis, int64_t index) { extra_[axis] = index; }
void EndScope::unset(const std::string& axis) { extra_.erase(axis); }

}  // namespace tessera
