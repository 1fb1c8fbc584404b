// What the picture shows of one band and all that are like it: nodes left and right, rules between, lines through them.
#pragma once
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "plan/sections.h"

namespace tessera {

struct SvgNode {
  std::string name;    // folded over the bands that are alike: "layers.<0..31>.mlp.w"
  std::string detail;  // "bf16 [4096, 1024]  tp0"
  std::string tip;     // names whole
  size_t count = 1;    // tensors that it stands for
};

struct SvgRule {
  std::string name, detail;  // "layer.qkv", "family.yaml:41"
  std::string tip;           // its moves
  bool writes = true;
};

// From a left node through a rule to a right one; -1: a constant, or a comparison that ends in its rule.
using SvgLine = std::tuple<int, int, int>;

struct SvgBand {
  std::vector<SvgNode> left, right;
  std::vector<SvgRule> rules;
  std::set<SvgLine> lines;
  size_t count = 1;  // bands that are alike
};

// `alike`: indices of bands, the first of which is drawn.
SvgBand svg_band(const GraphView& view, const Sections& sections, const std::vector<uint32_t>& alike,
                 const PlaceTexts& places);

}  // namespace tessera
