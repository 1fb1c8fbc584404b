// A graph in pieces that can be looked at one by one: bands, layers, and sections of layers that are alike.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "plan/graph_view.h"

namespace tessera {

// Moves that hang together through their tensors: nothing else touches these.
struct Band {
  std::vector<uint32_t> moves;  // positions in GraphView::moves, ascending
};

struct Layer {
  std::string title;                         // "model.layers.7"; "" for what stands outside of layers
  std::vector<std::vector<uint32_t>> kinds;  // bands (indices into Sections::bands); those of one kind are alike
};

// Layers that differ in their numbers alone: kind k of one is like kind k of every other.
struct Section {
  std::string title;             // "model.layers.<0..31>"
  std::vector<uint32_t> layers;  // indices into Sections::layers
};

struct Sections {
  std::vector<Band> bands;
  std::vector<Layer> layers;
  std::vector<Section> sections;
};

Sections sections_of(const GraphView& view);

// A name up to its first number that is a whole segment: "model.layers.7" of "model.layers.7.mlp.w"; "" without one.
std::string_view layer_of(std::string_view name);
// A band's tensors in order of first appearance, which is the same for bands that are alike.
std::vector<TensorId> tensors_of(const GraphView& view, const Band& band);

}  // namespace tessera
