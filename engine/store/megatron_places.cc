// Which ranks a mesh has, and what their folders are called.
#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/text.h"
#include "store/megatron_dir.h"

namespace tessera {
namespace {

constexpr auto tp = static_cast<size_t>(MeshDim::tp), pp = static_cast<size_t>(MeshDim::pp),
               vpp = static_cast<size_t>(MeshDim::vpp), ep = static_cast<size_t>(MeshDim::ep),
               etp = static_cast<size_t>(MeshDim::etp);

}  // namespace

std::string megatron_label(const Coordinates& at, const Mesh& mesh) {
  std::string label = format("mp_rank_{:02}", at[tp]);
  if (mesh[pp] > 1) label += format("_{:03}", at[pp]);
  if (mesh[ep] > 1) label += format("_{:03}", at[ep]);
  return label;
}

int64_t megatron_ranks_of_stage(const Mesh& mesh) { return std::lcm(int64_t{mesh[tp]}, int64_t{mesh[etp]} * mesh[ep]); }

Coordinates megatron_rank(const Mesh& mesh, int64_t number) {
  Coordinates at{};
  at[tp] = static_cast<int32_t>(number % mesh[tp]);
  at[etp] = static_cast<int32_t>(number % mesh[etp]);
  at[ep] = static_cast<int32_t>(number / mesh[etp] % mesh[ep]);
  return at;
}

std::vector<PlaceInfo> megatron_places(const Mesh& mesh) {
  std::vector<PlaceInfo> stage;
  for (int64_t number = 0; number < megatron_ranks_of_stage(mesh); ++number)
    stage.push_back({megatron_rank(mesh, number), {}});
  const auto order = [](const PlaceInfo& place) { return std::tuple(place.at[tp], place.at[ep], place.at[etp]); };
  std::sort(stage.begin(), stage.end(), [&](const PlaceInfo& a, const PlaceInfo& b) { return order(a) < order(b); });
  std::vector<PlaceInfo> places;
  for (int32_t chunk = 0; chunk < mesh[vpp]; ++chunk)
    for (int32_t rank = 0; rank < mesh[pp]; ++rank)
      for (PlaceInfo place : stage) {
        place.at[pp] = rank;
        place.at[vpp] = chunk;
        place.label = megatron_label(place.at, mesh);
        places.push_back(std::move(place));
      }
  return places;
}

}  // namespace tessera
