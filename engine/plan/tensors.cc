// Groups of places, names, and the proof that one name is one tensor (B02).
#include "plan/tensors.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/text_hash.h"
#include "rules/name_form.h"

namespace tessera {
namespace {

Ranks only(Ranks ranks, const std::array<bool, 4>& that_matter) {
  for (size_t i = 0; i < ranks.size(); ++i)
    if (!that_matter[i]) ranks[i] = any_rank;
  return ranks;
}

// Optional tensors and encoded ones are not there by their names.
size_t most_names_at(const EndSpec& end) {
  constexpr size_t each = 4, always = 10'000, most = most_names;
  return end.tensors ? std::min(most, each * *end.tensors + always) : most;
}

}  // namespace

EndTensors::EndTensors(const Model& model, const EndSpec& end, EndScope& scope, Diagnostics& diagnostics)
    : scope_(scope),
      renamer_(*model.rules, end.side, end.dialects),
      diagnostics_(diagnostics),
      expected_(end.tensors),
      most_(most_names_at(end)) {
  for (const Coordinates& at : places_of(end)) places_.push_back(ranks_of(at, end.cuts()));
  stages_ = rank_counts(end.cuts())[stage_rank];
}

PlaceGroup* EndTensors::group(Ranks ranks, Stage stage) {
  if (stage == Stage::first) ranks[stage_rank] = 0;
  if (stage == Stage::last) ranks[stage_rank] = stages_ - 1;
  std::array<bool, 4> matters{};
  for (size_t i = 0; i < ranks.size(); ++i) matters[i] = ranks[i] != any_rank;
  for (uint32_t place = 0; !grouped_.contains(matters) && place < places_.size(); ++place)
    groups_[only(places_[place], matters)].places.push_back(place);
  grouped_.insert(matters);
  return &groups_[ranks];
}

const ShardSet& EndTensors::shards(PlaceGroup& group, const std::array<bool, 4>& splits) {
  const auto [at, added] = group.shards.try_emplace(splits);
  ShardSet& set = at->second;
  if (!added) return set;
  std::vector<Ranks> keys;
  std::map<Ranks, size_t> shard_of;
  for (uint32_t seat = 0; seat < group.places.size(); ++seat) {
    const Ranks ranks = only(places_[group.places[seat]], splits);
    const auto [shard, fresh] = shard_of.try_emplace(ranks, keys.size());
    if (fresh) {
      keys.push_back(ranks);
      set.shards.push_back({ranks, {}});
    }
    set.shards[shard->second].seats.push_back(seat);
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
  const bool full = names_.size() == most_;
  if ((full || name_bytes_ + spelled.size() > most_name_bytes) && name_ids_.find(hash, same) == IdTable::none) {
    const std::string most = format("the model makes more than {} MiB of names", most_name_bytes >> 20);
    if (full)
      tell_full(address);
    else
      diagnostics_.error("B03", address.span(), most);
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

void EndTensors::tell_full(const EndAddress& address) {
  if (std::exchange(full_, true)) return;
  const std::string sizes = address.captured().empty() ? "" : format(" ({})", address.sizes());
  const std::string held = expected_ ? format("; the source has {} tensors", *expected_) : "";
  diagnostics_.error("B03", address.span(), format("the model makes more than {} names{}{}", most_, sizes, held));
}

// Of the names that dialects write, no two of one place are the same.
bool EndTensors::alone(const Named& name, uint32_t place, const EndAddress& address) {
  if (!name.rule_name) return true;
  const auto [at, added] = renamed_.try_emplace(uint64_t{name.id} << 32 | place, name.rule_name);
  if (at->second == name.rule_name) return true;
  diagnostics_.error(
      "B02", address.span(),
      format("under these dialects `{}` and `{}` have one name, `{}`", *at->second, *name.rule_name, names_[name.id]));
  return false;
}

Instance* EndTensors::find(EndAddress& address, const Standing& standing, const std::vector<int64_t>& captured) {
  const int64_t tuple = address.tuple_number(captured);
  const auto fresh = static_cast<uint32_t>(instances_.size());
  const uint32_t id = instance_ids_.find_or_add(
      reinterpret_cast<uintptr_t>(&address) * 31 + static_cast<uint64_t>(tuple), fresh,
      [&](uint32_t known) { return instances_[known].address == &address && instances_[known].tuple == tuple; });
  if (id != fresh) return instances_[id].group ? &instances_[id] : nullptr;
  Instance& instance = instances_.emplace_back();
  instance.address = &address;
  instance.tuple = tuple;
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
