// A first rule file from the headers of a checkpoint: the nouns and passes of `tessera init`. No model is known here;
// what is guessed says so in a comment behind its line. In order:
//   fold     names that differ in captured numbers alone become one          draft_fold.cc
//   known    what a rule file that is there already explains                 draft_known.h
//   pair     tensors of the other side's checkpoint, by shapes and names     draft_pair.cc
//   compose  axes, rules, blocks, entries                                    draft_compose.cc
//   write    the YAML text                                                   draft_write.cc
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text_hash.h"
#include "store/checkpoint.h"

namespace tessera {

// --- fold -----------------------------------------------------------------------------------------------------------

// Numbers at one place of names: "model.layers.<>." holds 0..31.
struct IndexAxis {
  std::string trunk;               // the text before the number; earlier captures as <>
  int64_t size = 0;                // the largest index, and one
  std::optional<uint32_t> parent;  // the capture before it
};

struct Capture {
  uint32_t axis = 0;             // into Folds::axes
  std::vector<int64_t> indices;  // those that are there, ascending
};

// Tensors of one name but for captured numbers, one shape and one dtype; every tuple of the captures' indices is there.
struct Folded {
  std::vector<std::string> texts;  // one more than there are holes
  std::vector<uint32_t> holes;     // into captures; two holes may hold the same
  std::vector<Capture> captures;
  std::vector<int64_t> shape;
  DType dtype = DType::f32;
};

struct Folds {
  std::vector<IndexAxis> axes;
  std::vector<Folded> tensors;           // in order of their first names
  std::vector<std::string> unspeakable;  // names that no address can spell
};
// `skip`: names that say what is captured, but are explained already.
Folds fold_tensors(const std::vector<TensorInfo>& tensors, const TextSet& skip);

// The name with holes: "model.layers.<l>.w". `words`: what stands in the hole of each capture.
std::string folded_name(const Folded& tensor, const std::vector<std::string>& words);
// A name as people know it: "model.layers.<0..31>.w".
std::string shown_name(const Folded& tensor);

// --- pair -----------------------------------------------------------------------------------------------------------

// One rule: `many` tensors of one side (the parts; usually one) are `one` tensor of the other.
struct Match {
  size_t apart = 0;                 // the side of `many`: 0 canonical, 1 the other
  std::vector<uint32_t> many;       // into that side's Folds::tensors
  uint32_t one = 0;                 // into the other side's
  std::vector<uint32_t> order;      // dimension k of `one` is dimension order[k] of each part
  std::optional<uint32_t> joined;   // the dimension of `one` in which parts lie one behind the other
  std::optional<uint32_t> stacked;  // the dimension of `one` that is the parts' last capture; order[] skips it
  std::vector<std::string> doubts;  // empty: nothing else fits
};

struct Pairs {
  std::vector<Match> matches;                  // by the first of the canonical side's tensors
  std::array<std::vector<uint32_t>, 2> alone;  // tensors without a partner, by side
};
Pairs pair_tensors(const Folds& canonical, const Folds& other);
// No checkpoint of the other side: each tensor has the same name there.
Pairs pair_with_itself(const Folds& canonical);

// --- compose --------------------------------------------------------------------------------------------------------

using Lines = std::vector<std::string>;
// A key and what stands behind it, each with a comment that may be empty.
struct DraftLine {
  std::string key, value, comment;
};

struct DraftAddress {
  std::string label;  // empty: the side's only one
  std::string name, layout;
};
struct DraftRule {
  std::string name;
  std::array<std::vector<DraftAddress>, 2> sides;
  std::string loop;  // `for`, empty if none
  std::string comment;
};
struct DraftBlock {
  std::string name;
  std::vector<DraftRule> rules;
};
struct DraftEntry {
  Lines fields;  // "use: layer", "hf: model.layers.<l>", ...
  std::string comment;
};

// What is to be written, section by section.
struct RuleDraft {
  std::string family, extends;
  std::array<std::string, 2> sides;
  Lines head, tail;  // comments above and below all
  std::vector<DraftLine> match, fixed, config, axes, encodings;
  std::vector<DraftLine> deleted;  // blocks and rules of the parent that this file does not have
  std::optional<Lines> same;       // in place of the parent's copies
  std::vector<DraftBlock> blocks;
  std::vector<DraftEntry> model;
  bool whole_model = true;  // false: the parent's stands
};

// --- write ----------------------------------------------------------------------------------------------------------

std::string draft_text(const RuleDraft& draft);
// An expression or range as a value within braces: in quotes where commas, brackets or quotes ask for it.
std::string flow_text(const std::string& text);
// A text as a YAML value: plain where it is a simple word, else in quotes.
std::string yaml_text(const std::string& text);
std::string yaml_quoted(const std::string& text);

}  // namespace tessera
