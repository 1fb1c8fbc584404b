// Groups of places, names, and the proof that one name is one tensor (B02).
#include "plan/tensors.h"

#include <algorithm>

#include "base/text.h"

namespace tessera {

EndTensors::EndTensors(const Model& model, const EndSpec& end, EndScope& scope, Diagnostics& diagnostics)
    : scope_(scope), renamer_(*model.rules, end.side, end.dialects), diagnostics_(diagnostics) {
  for (const Coordinates& at : places_of(end)) places_.push_back(ranks_of(at, end.mesh));
  stages_ = rank_counts(end.mesh)[stage_rank];
}

size_t EndTensors::Hash::operator()(const std::vector<int64_t>& key) const {
  size_t hash = key.size();
  for (const int64_t number : key) hash = (hash ^ static_cast<size_t>(number)) * 0x9E3779B97F4A7C15u;
  return hash ^ hash >> 29;
}

PlaceGroup* EndTensors::group(Ranks ranks, Stage stage) {
  if (stage == Stage::first) ranks[stage_rank] = 0;
  if (stage == Stage::last) ranks[stage_rank] = stages_ - 1;
  const auto [at, added] = groups_.try_emplace(ranks);
  PlaceGroup& group = at->second;
  for (uint32_t place = 0; added && place < places_.size(); ++place) {
    bool holds = true;
    for (size_t i = 0; i < ranks.size(); ++i) holds &= ranks[i] == any_rank || ranks[i] == places_[place][i];
    if (holds) group.places.push_back(place);
  }
  return &group;
}

const ShardSet& EndTensors::shards(PlaceGroup& group, const std::array<bool, 4>& splits) {
  const auto [at, added] = group.shards.try_emplace(splits);
  ShardSet& set = at->second;
  if (!added) return set;
  std::vector<Ranks> keys;
  for (uint32_t seat = 0; seat < group.places.size(); ++seat) {
    Ranks ranks = any_ranks;
    for (size_t i = 0; i < ranks.size(); ++i)
      if (splits[i]) ranks[i] = places_[group.places[seat]][i];
    const auto known = std::ranges::find(keys, ranks);
    const auto shard = static_cast<size_t>(known - keys.begin());
    if (known == keys.end()) {
      keys.push_back(ranks);
      set.shards.push_back({ranks, {}});
    }
    set.shards[shard].seats.push_back(seat);
  }
  set.id = shard_ids_.try_emplace(std::move(keys), static_cast<uint32_t>(shard_ids_.size())).first->second;
  return set;
}

std::optional<uint32_t> EndTensors::name_of(EndAddress& address, const std::vector<int64_t>& captured) {
  auto name = address.name(captured, scope_);
  if (!name) return std::nullopt;
  if (renamer_.idle()) {
    const auto [at, added] = name_ids_.try_emplace(*std::move(name), static_cast<uint32_t>(names_.size()));
    if (added) names_.push_back(at->first);
    return at->second;
  }
  const auto [at, added] = name_ids_.try_emplace(renamer_.to_file(*name), static_cast<uint32_t>(names_.size()));
  if (added) {
    names_.push_back(at->first);
    renamed_[at->second] = *name;
  } else if (renamed_[at->second] != *name) {
    diagnostics_.error("B02", address.span(),
                       format("under these dialects `{}` and `{}` have one name, `{}`", renamed_[at->second], *name, at->first));
    return std::nullopt;
  }
  return at->second;
}

Instance* EndTensors::find(EndAddress& address, const Standing& standing, const std::vector<int64_t>& captured) {
  const auto [at, added] = instances_[&address].try_emplace(captured);
  Instance& instance = at->second;
  if (!added) return instance.group ? &instance : nullptr;
  const auto name = name_of(address, captured);
  if (!name) return nullptr;
  PlaceGroup* places = group(address.ranks_for(captured), standing.stage);
  for (const uint32_t place : places->places) {
    const LocalTensor* local = address.local(places_[place]);
    if (!local || !add(address, standing, *name, place, *local, at->first, instance)) return nullptr;
  }
  instance.group = places;
  return &instance;
}

bool EndTensors::add(EndAddress& address, const Standing& standing, uint32_t name, uint32_t place, const LocalTensor& local,
                     const std::vector<int64_t>& captured, Instance& instance) {
  if (volume(local.shape) == 0) return instance.tensors.push_back(none_id), true;
  const auto [at, added] = ids_.try_emplace(uint64_t{name} << 32 | place, static_cast<TensorId>(tensors_.size()));
  instance.tensors.push_back(at->second);
  if (added) {
    tensors_.push_back({name, place, local.shape, standing, address.span(), &address.address(), &captured});
    return true;
  }
  EndTensor& known = tensors_[at->second];
  if (!agree(known, address, local, captured)) return false;
  known.address = &address.address();
  known.captured = &captured;
  return true;
}

bool EndTensors::agree(const EndTensor& known, EndAddress& address, const LocalTensor& local,
                       const std::vector<int64_t>& captured) {
  if (known.address == &address.address() && *known.captured != captured) {
    std::string tuples;
    for (size_t i = 0; i < captured.size(); ++i)
      tuples += format("{}{} = {} and {}", i ? ", " : "", address.captured()[i], (*known.captured)[i], captured[i]);
    diagnostics_.error("B02", address.span(), format("`{}` is one name for several indices: {}", name(known), tuples));
    return false;
  }
  if (known.shape == local.shape) return true;
  diagnostics_
      .error("B02", address.span(),
             format("`{}` is {} here, and {} at another address", name(known), show_shape(local.shape), show_shape(known.shape)))
      .related.push_back({known.why, "the other address is here"});
  return false;
}

}  // namespace tessera
