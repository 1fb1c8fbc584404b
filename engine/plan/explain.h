// What the rules say of single tensors of a graph: the addresses that name each, and where its parts' axes lie in its
// place.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "plan/graph.h"
#include "plan/model.h"
#include "plan/slab.h"

namespace tessera {

// One axis of a part in one place.
struct LaidAxis {
  std::string name;
  int64_t size = 0;   // global indices
  std::string split;  // the mesh dimension that splits it at this end; "" if none does
  Slots slots;        // which indices stand in which slots here
  bool star = false;  // copies: no axis of the part
  bool laid = false;  // the layout holds it: the next three
  uint32_t dimension = 0;
  int64_t step = 0;            // in coordinates of the dimension, before a cut
  int64_t stride = 0;          // in elements
  std::vector<int64_t> given;  // indices that the name or a loop gives it here, ascending; empty: all that are held
};

struct LaidPart {
  std::string name;             // "" for the nameless part
  std::vector<int64_t> offset;  // coordinates of its first slots, before a cut
  std::vector<LaidAxis> axes;   // in the part's order, captured ones first, stars last
};

// One address of a tensor.
struct Laying {
  RuleId rule = 0;
  const Copy* copy = nullptr;  // set: a further copy (`same`) of that rule
  const Address* address = nullptr;
  std::string name;  // as the rules spell it
  std::optional<LocalTensor::Cut> cut;
  std::vector<LaidPart> parts;
  std::vector<std::vector<FixedIndex>> tuples;  // indices of names and loops under which the address is this tensor
};

// For each tensor of `tensors` its addresses (of a field those of its weight), in order of the rules: several where
// rules fill one tensor together. Names are walked again, of the rules that the graph's moves of these tensors name.
std::vector<std::vector<Laying>> layings(const Model& model, const Graph& graph, const std::vector<TensorId>& tensors);

// The element of a part that stands at one element of a tensor.
struct PartElement {
  const Laying* laying = nullptr;
  const LaidPart* part = nullptr;
  struct Index {
    std::string axis;
    std::optional<int64_t> index;  // global; none: an empty slot, of a pad or a placement table
    bool star = false;             // which of the copies
  };
  std::vector<Index> indices;
};
// nullopt: no part is there (`rest`). Several addresses: the one that holds the element.
std::optional<PartElement> part_at(const std::vector<Laying>& layings, const Extents& shape, int64_t element);

}  // namespace tessera
