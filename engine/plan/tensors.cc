// Groups of places, names, and the proof that one name is one tensor (B02).
#include "plan/tensors.h"

#include <algorithm>

#include "base/text.h"
#include "base/text_hash.h"
#include "rules/name_form.h"

namespace tessera {

EndTensors::EndTensors(const Model& model, const EndSpec& end, EndScope& scope, Diagnostics& diagnostics)
    : scope_(scope), renamer_(*model.rules, end.side, end.dialects), diagnostics_(diagnostics) {
  for (const Coordinates& at : places_of(end)) places_.push_back(ranks_of(at, end.cuts()));
  stages_ = rank_counts(end.cuts())[stage_rank];
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

std::optional<EndTensors::Named> EndTensors::name_of(EndAddress& address, const std::vector<int64_t>& captured) {
  auto name = address.name(captured, scope_);
  if (!name) return std::nullopt;
  std::string spelled = renamer_.idle() ? *name : renamer_.to_file(*name);
  if (const std::string& form = address.address().form; !form.empty()) spelled = NameForm(form).fill(spelled);
  const size_t hash = text_hash(spelled);
  const auto same = [&](uint32_t known) { return names_[known] == spelled; };
  const bool full = names_.size() == static_cast<size_t>(most_names);
  if ((full || name_bytes_ + spelled.size() > most_name_bytes) && name_ids_.find(hash, same) == IdTable::none) {
    const std::string most = full ? format("{} names", most_names) : format("{} MiB of names", most_name_bytes >> 20);
    diagnostics_.error("B03", address.span(), "the model makes more than " + most);
    return std::nullopt;
  }
  const auto fresh = static_cast<uint32_t>(names_.size());
  const uint32_t id = name_ids_.find_or_add(hash, fresh, same);
  if (id == fresh) {
    name_bytes_ += spelled.size();
    names_.push_back(std::move(spelled));
  }
  if (renamer_.idle()) return Named{id, nullptr};
  if (!address.address().form.empty()) *name = *names_[id];
  return Named{id, &*rule_names_.insert(*std::move(name)).first};
}

// Of the names that dialects write, no two of one place are the same.
bool EndTensors::alone(const Named& name, uint32_t place, const EndAddress& address) {
  if (!name.rule_name) return true;
  const auto [at, added] = renamed_.try_emplace(uint64_t{name.id} << 32 | place, name.rule_name);
  if (at->second == name.rule_name) return true;
  diagnostics_.error("B02", address.span(),
                     format("under these dialects `{}` and `{}` have one name, `{}`", *at->second, *name.rule_name,
                            names_[name.id]));
  return false;
}

Instance* EndTensors::find(EndAddress& address, const Standing& standing, const std::vector<int64_t>& captured) {
  const int64_t tuple = address.tuple_number(captured);
  const auto fresh = static_cast<uint32_t>(instances_.size());
  const uint32_t id = instance_ids_.find_or_add(
      reinterpret_cast<uintptr_t>(&address) * 31 + static_cast<uint64_t>(tuple), fresh,
      [&](uint32_t known) { return instances_[known].address == &address && instances_[known].tuple == tuple; });
  if (id != fresh) return instances_[id].group ? &instances_[id] : nullptr;
  Instance& instance = instances_.emplace_back(&address, tuple);
  const auto name = name_of(address, captured);
  if (!name) return nullptr;
  PlaceGroup* places = group(address.ranks_for(captured), standing.stage);
  instance.tensors.reserve(places->places.size());
  for (const uint32_t place : places->places) {
    const LocalTensor* local = address.local(places_[place]);
    if (!local || !alone(*name, place, address)) return nullptr;
    if (!add({name->id, place, local->shape, standing, address.span(), &address.address(), tuple}, address, instance))
      return nullptr;
  }
  instance.group = places;
  return &instance;
}

bool EndTensors::add(const EndTensor& tensor, EndAddress& address, Instance& instance) {
  if (volume(tensor.shape) == 0) return instance.tensors.push_back(none_id), true;
  const auto next = static_cast<TensorId>(tensors_.size());
  const TensorId id = ids_.find_or_add(uint64_t{tensor.name} << 32 | tensor.place, next, [&](uint32_t known) {
    return tensors_[known].name == tensor.name && tensors_[known].place == tensor.place;
  });
  instance.tensors.push_back(id);
  if (id == next) return tensors_.push_back(tensor), true;
  EndTensor& known = tensors_[id];
  if (!agree(known, tensor, address)) return false;
  known.address = tensor.address;
  known.tuple = tensor.tuple;
  return true;
}

TensorId EndTensors::add_field(TensorId weight, const std::string& name, Extents shape, DType dtype) {
  EndTensor field = tensors_[weight];
  field.name = static_cast<uint32_t>(names_.size());
  names_.push_back(SharedText(name));
  field.shape = std::move(shape);
  field.standing.field = dtype;
  field.weight = weight;
  tensors_.push_back(field);
  return static_cast<TensorId>(tensors_.size() - 1);
}

bool EndTensors::agree(const EndTensor& known, const EndTensor& tensor, EndAddress& address) {
  if (known.address == tensor.address && known.tuple != tensor.tuple) {
    const std::vector<int64_t> one = address.tuple(known.tuple), other = address.tuple(tensor.tuple);
    std::string tuples;
    for (size_t i = 0; i < one.size(); ++i)
      tuples += format("{}{} = {} and {}", i ? ", " : "", address.captured()[i], one[i], other[i]);
    diagnostics_.error("B02", address.span(), format("`{}` is one name for several indices: {}", name(known), tuples));
    return false;
  }
  if (known.shape == tensor.shape) return true;
  diagnostics_
      .error("B02", address.span(),
             format("`{}` is {} here, and {} at another address", name(known), show_shape(tensor.shape),
                    show_shape(known.shape)))
      .related.push_back({known.why, "the other address is here"});
  return false;
}

}  // namespace tessera
