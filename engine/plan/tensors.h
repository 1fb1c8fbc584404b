// The tensors of one end: one for each address, tuple of captured indices and place that holds it. Names are made once
// for each tuple, and are those of the files (dialects applied).
#pragma once
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "plan/address.h"
#include "plan/dialects.h"
#include "plan/graph.h"

namespace tessera {

// Places whose tensors are alike.
struct Shard {
  Ranks ranks = any_ranks;
  std::vector<uint32_t> seats;  // indices into PlaceGroup::places
};
struct ShardSet {
  uint32_t id = 0;              // equal for equal lists of ranks
  std::vector<Shard> shards;
};

// The places that hold one tuple of captured indices.
struct PlaceGroup {
  std::vector<uint32_t> places;
  std::map<std::array<bool, 4>, ShardSet> shards;
};

// One address with its indices filled in; tensors[i] stands in group->places[i], with a shape of its own there.
struct Instance {
  PlaceGroup* group = nullptr;
  std::vector<TensorId> tensors;  // none_id: has no elements there
  bool fresh = true;              // until fills of its own (rest) are made
};

// Where an address stands in the model: the order of writing.
struct Standing {
  RuleId rule = 0;
  uint32_t entry = 0, turn = 0, address = 0;
  Stage stage = Stage::every;
  bool optional = false;
  auto order() const { return std::array{entry, turn, rule, address}; }
};

struct EndTensor {
  uint32_t name = 0;  // index into EndTensors::names()
  uint32_t place = 0;
  Extents shape;
  Standing standing;
  Span why;
  const Address* address = nullptr;               // the last that named it, and the indices it had then
  const std::vector<int64_t>* captured = nullptr;
};

class EndTensors {
 public:
  EndTensors(const Model& model, const EndSpec& end, EndScope& scope, Diagnostics& diagnostics);

  // nullptr after an error (B01, B02, B03).
  Instance* find(EndAddress& address, const Standing& standing, const std::vector<int64_t>& captured);
  const ShardSet& shards(PlaceGroup& group, const std::array<bool, 4>& splits);
  const Ranks& place(uint32_t index) const { return places_[index]; }
  const std::vector<EndTensor>& tensors() const { return tensors_; }
  const std::string& name(const EndTensor& tensor) const { return names_[tensor.name]; }

 private:
  struct Hash {
    size_t operator()(const std::vector<int64_t>& key) const;
  };
  PlaceGroup* group(Ranks ranks, Stage stage);
  std::optional<uint32_t> name_of(EndAddress& address, const std::vector<int64_t>& captured);
  bool add(EndAddress& address, const Standing& standing, uint32_t name, uint32_t place, const LocalTensor& local,
           const std::vector<int64_t>& captured, Instance& instance);
  bool agree(const EndTensor& known, EndAddress& address, const LocalTensor& local, const std::vector<int64_t>& captured);

  EndScope& scope_;
  Renamer renamer_;
  Diagnostics& diagnostics_;
  std::vector<Ranks> places_;
  int32_t stages_ = 1;
  std::map<Ranks, PlaceGroup> groups_;
  std::map<std::vector<Ranks>, uint32_t> shard_ids_;
  std::unordered_map<const EndAddress*, std::unordered_map<std::vector<int64_t>, Instance, Hash>> instances_;
  std::unordered_map<std::string, uint32_t> name_ids_;
  std::vector<std::string> names_;
  std::unordered_map<uint32_t, std::string> renamed_;  // by name id: what the rules call it, where that differs
  std::unordered_map<uint64_t, TensorId> ids_;         // name << 32 | place
  std::vector<EndTensor> tensors_;
};

}  // namespace tessera
