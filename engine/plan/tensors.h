// The tensors of one end: one for each address, tuple of captured indices and place that holds it. Names are made once
// for each tuple, and are those of the files (dialects applied).
#pragma once
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/id_table.h"
#include "base/text_hash.h"
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
  uint32_t id = 0;  // equal for equal lists of ranks
  std::vector<Shard> shards;
};

// The places that hold one tuple of captured indices.
struct PlaceGroup {
  std::vector<uint32_t> places;
  std::map<std::array<bool, 4>, ShardSet> shards;
};

// One address with its indices filled in; tensors[i] stands in group->places[i], with a shape of its own there.
struct Instance {
  const EndAddress* address = nullptr;
  int64_t tuple = 0;
  PlaceGroup* group = nullptr;    // null after an error
  std::vector<TensorId> tensors;  // none_id: has no elements there
  bool fresh = true;              // until fills of its own (rest) are made
};

// Where an address stands in the model: the order of writing.
struct Standing {
  RuleId rule = 0;
  uint32_t entry = 0, turn = 0, address = 0;
  Stage stage = Stage::every;
  bool optional = false;
  std::optional<DType> field = std::nullopt;  // of an encoded weight: it keeps the dtype that it is stored in
  auto order() const { return std::array{entry, turn, rule, address}; }
};

struct EndTensor {
  uint32_t name = 0;
  uint32_t place = 0;
  Shared<Extents> shape;
  Standing standing;
  Span why;
  const Address* address = nullptr;  // the last that named it, and which of its tuples
  int64_t tuple = 0;
  bool dropped = false;       // stands there as its fields
  TensorId weight = none_id;  // of which this is a field
};

class EndTensors {
 public:
  EndTensors(const Model& model, const EndSpec& end, EndScope& scope, Diagnostics& diagnostics);

  // nullptr after an error (B01, B02, B03). The pointer is good for ever.
  Instance* find(EndAddress& address, const Standing& standing, const std::vector<int64_t>& captured);
  const ShardSet& shards(PlaceGroup& group, const std::array<bool, 4>& splits);
  const Ranks& place(uint32_t index) const { return places_[index]; }
  const std::vector<EndTensor>& tensors() const { return tensors_; }
  const SharedText& name(const EndTensor& tensor) const { return names_[tensor.name]; }
  // A field of an encoded weight, beside it; and the weight that its fields replace.
  TensorId add_field(TensorId weight, const std::string& name, Extents shape, DType dtype);
  bool full() const { return full_; }  // an error: no further name is made
  void drop(TensorId weight) { tensors_[weight].dropped = true; }

 private:
  PlaceGroup* group(Ranks ranks, Stage stage);
  // A name as the files spell it, and what the rules call it where that can differ.
  struct Named {
    uint32_t id = 0;
    const std::string* rule_name = nullptr;
  };
  std::optional<Named> name_of(EndAddress& address, const std::vector<int64_t>& captured);
  void tell_full(const EndAddress& address);
  bool alone(const Named& name, uint32_t place, const EndAddress& address);
  bool add(const EndTensor& tensor, EndAddress& address, Instance& instance);
  bool agree(const EndTensor& known, const EndTensor& tensor, EndAddress& address);

  EndScope& scope_;
  Renamer renamer_;
  Diagnostics& diagnostics_;
  std::vector<Ranks> places_;
  int32_t stages_ = 1;
  const std::optional<size_t> expected_;  // tensors of the source
  size_t most_ = 0;                       // names
  bool full_ = false;
  std::map<Ranks, PlaceGroup> groups_;
  std::set<std::array<bool, 4>> grouped_;  // by which ranks all places were put into groups_
  std::map<std::vector<Ranks>, uint32_t> shard_ids_;
  std::deque<Instance> instances_;  // never moved
  IdTable instance_ids_;            // by address and tuple
  std::vector<SharedText> names_;
  size_t name_bytes_ = 0;
  IdTable name_ids_;
  TextSet rule_names_;                                        // under dialects: what the rules call them
  std::unordered_map<uint64_t, const std::string*> renamed_;  // name << 32 | place: into rule_names_
  IdTable ids_;                                               // of tensors_, by name and place
  std::vector<EndTensor> tensors_;
};

}  // namespace tessera
