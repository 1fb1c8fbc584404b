// The compiled transform graph: tensors are its nodes, moves its edges, rules its labels. Complete before a byte moves.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/shared.h"
#include "base/source.h"
#include "layout/box.h"
#include "rules/ruleset.h"

namespace tessera {

using TensorId = uint32_t;
inline constexpr uint32_t none_id = UINT32_MAX;

enum class Op : uint8_t {
#define TESSERA_OP(name, sources, writes, exactness) name,
#include "plan/op_list.h"
#undef TESSERA_OP
};
const char* op_name(Op op);
bool op_writes(Op op);

// A source weight that is stored encoded: its values are made of the fields when it is read.
struct Stored {
  EncodingDecl::Kind kind = EncodingDecl::Kind::fp8_block;
  std::vector<int64_t> block;      // fp8_block
  std::vector<uint32_t> fields;    // indices into Contents::tensors, in the order of the encoding's fields
  std::vector<std::string> names;  // theirs
  uint64_t bytes = 0;              // all of theirs
};

struct Tensor {
  SharedText name;
  DType dtype = DType::f32;
  Shared<Extents> shape;
  uint32_t place = 0;  // index into the end's places
  bool output = false;
  uint32_t index = none_id;   // source: index into Contents::tensors; output: index into OutputSpec::tensors
  Span why;                   // the address that named it
  SharedText weight{};        // a field of an encoded weight: that weight's name; empty: this is a weight
  uint32_t stored = none_id;  // an encoded source: index into Graph::stored; dtype is that of its values, f32
};

// One arithmetic step on a value, in f32 (f64 for f64): what a `|` says, or its inverse.
struct ScalarStep {
  enum class Kind { plus, times, divide, neg_exp, log_neg } kind = Kind::plus;  // x+c, x*c, x/c, -exp x, log(-x)
  double operand = 0;
  bool operator==(const ScalarStep&) const = default;
};
using Program = std::vector<ScalarStep>;

// A value for each element of a box's index space: one number, or a function of the box's (unmerged) indices.
struct FillValue {
  double constant = 0;
  bool is_integer = false;  // write `integer` exactly to integer dtypes
  int64_t integer = 0;
  // Not null: the value at index (i0, i1, ...) of the move's box as built; such boxes are never merged.
  std::function<double(const std::vector<int64_t>&)> at;
  // Compared and not equal: X01, unless it says something else.
  const char* id = "X01";
  std::string fault;
};

struct Move {
  Op op = Op::copy;
  TensorId from = none_id;  // copy, compare, compare_fill: a source tensor (compare: the one to be checked)
  TensorId to = none_id;    // copy, fill: an output; compare: the source tensor that was read
  Shared<Box> box;
  uint32_t program = none_id;  // copy: index into Graph::programs
  uint32_t fill = none_id;     // fill, compare_fill: index into Graph::fills
  bool pad = false;            // fill or copy of a pad: holds nothing
  RuleId why = 0;
  Span span;  // the address that explains it best (the reading one for compares)
};

// Source elements that no move takes, and why that is right.
struct Omission {
  enum class Kind {
    pad,
    unused,
    copy
  } kind = Kind::pad;  // a pad; `unused` on the other side; a copy with a scale of its own
  TensorId tensor = none_id;
  Image region;
  RuleId why = 0;
};

struct Graph {
  std::vector<Tensor> tensors;
  std::vector<Move> moves;  // moves of one output stand together after order()
  std::vector<Omission> omissions;
  std::vector<Program> programs;
  std::vector<FillValue> fills;
  std::map<std::vector<int64_t>, uint32_t> program_ids, constant_ids;  // by their bits, while it is built
  std::vector<Stored> stored;
  Verdict verdict;
  std::vector<std::string> ignored;       // "name: reason" of source tensors that are left out
  std::vector<uint32_t> unmapped;         // of a partial graph: indices into Contents::tensors that no rule names
  std::vector<std::string> empty_ranges;  // "mtp: for t in 0..0": made nothing
};

// The tensors of Contents that a source is read from: itself, or the fields of an encoded one.
std::vector<uint32_t> source_tensors(const Graph& graph, const Tensor& source);

std::string to_text(const Graph& graph, const RuleSet& rules, const Sources& sources);

}  // namespace tessera
