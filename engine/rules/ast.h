// What a rule file says, section by section, with a span on every word. Made by parse, joined into a RuleSet by link.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/dtype.h"
#include "base/source.h"
#include "base/value.h"
#include "layout/layout.h"
#include "layout/name.h"
#include "rules/expr.h"
#include "rules/yaml.h"

namespace tessera {

using SideId = uint32_t;  // index into RuleFile::sides; 0 is the canonical side

struct ValueOp {
  // `divide` is never written: a moment goes the other way than its weight.
  enum class Kind { plus, times, neg_exp, rest, divide } kind = Kind::plus;
  std::optional<Expr> operand;  // all but neg_exp
  int power = 1;                // of the operand; divide
  Span span;
};

// Where parts lie on one side: a tensor's name and layout, or no tensor at all.
struct Address {
  enum class Kind { tensor, constant, unused } kind = Kind::tensor;
  Text text;                // the whole address
  Text label;               // its key in a side map ({ q: ..., k: ... }); empty if it stands alone
  NameTemplate name;        // tensor: text and holes
  std::vector<Expr> holes;  // one for each hole of `name`
  Span name_span;
  std::string form;           // a companion's: what the files make of the weight's name (NameForm); empty: that name
  std::optional<Expr> value;  // constant, unused
  Layout layout;              // positions in text.s
  std::vector<ValueOp> ops;
};

struct Alternative {
  std::optional<Expr> when;        // none: always
  std::vector<Address> addresses;  // in order
  Span span;
};
using SideForm = std::vector<Alternative>;  // one without `when` unless the side is a list of { when, is }

struct DtypePin {
  std::optional<DType> dtype;
  std::string rule;  // instead: the dtype which that rule of the block has on this side
  Span span;
};

struct RuleDecl {
  Text name;
  std::vector<std::optional<SideForm>> sides;  // by SideId
  std::vector<Span> side_spans;                // of the side's key, by SideId
  std::optional<Expr> when;
  std::vector<Range> loops;
  std::vector<std::optional<DtypePin>> dtype;  // by SideId; a plain `dtype:` fills all
  std::vector<Text> in;                        // axes summed over
  bool has_in = false;
  bool has_bias = false;
  std::optional<Expr> bias;  // `bias: true` is has_bias without a condition
  Span span;
};

struct BlockDecl {
  Text name;
  std::vector<RuleDecl> rules;
};

enum class Stage { every, first, last };

struct EntryDecl {
  std::vector<Text> use;
  std::vector<std::optional<Text>> prefix;  // by SideId, without the dot
  std::optional<Expr> when;
  std::vector<Range> loops;
  Stage stage = Stage::every;
  Span stage_span, span;
};

struct CopyDecl {  // an item of `same`
  Text of;
  SideId side = 0;
  SideForm form;
  std::optional<Expr> when;
  std::vector<Range> loops;
  Stage stage = Stage::every;
  Span stage_span, span;
  bool optional = false;
};

struct IgnoreDecl {
  SideId side = 0;
  Text pattern_text;
  Pattern pattern;
  std::string reason;
};

struct AxisDecl {
  Text name;
  Expr size;
  std::vector<std::optional<Text>> split;  // by SideId: mesh dimension; vpp is R02
  std::vector<std::optional<Expr>> pad;    // by SideId: multiple to round up to
  Span span;
};

// One line of `config`, for one non-canonical side.
struct ConfigWay {
  enum class Kind { name, negated, bijection, both } kind = Kind::name;
  Text other;                                  // the other side's key path (name, negated, bijection, both)
  std::vector<std::pair<Value, Value>> table;  // bijection: canonical value, other value
  std::optional<Expr> to, from;                // both; a side map may lack none of them
  Span span;
};
struct ConfigLine {
  Text key;                                    // canonical path
  std::vector<std::optional<ConfigWay>> ways;  // by SideId; [0] empty
};

struct KeyedExpr {  // defaults, derived, let
  Text key;
  Expr value;
};
struct KeyedValue {  // fixed
  Text key;
  Value value;
  Span span;
};
struct OptionDecl {
  Text name;
  std::vector<Value> values;  // a list: the first is the default, no other is allowed
  bool any = false;           // a single value: only its type is fixed
  Span span;
};
struct Stated {  // require, notes: condition and text
  Expr condition;
  std::string text;
  Span span;
};

struct CompanionDecl {
  enum class Kind { exp_avg, exp_avg_sq, master, lora_a, lora_b } kind = Kind::exp_avg;
  Text name;
  std::vector<std::optional<Text>> templates;  // by SideId, with <name> or <stem>
};

struct EncodingDecl {
  enum class Kind { fp8_block, mxfp4, gptq } kind = Kind::fp8_block;
  Text name;
  std::vector<int64_t> block;   // fp8_block
  int64_t bits = 0, group = 0;  // gptq
  // by SideId: field name (or "" for the only one) -> template with <name>
  std::vector<std::vector<std::pair<std::string, Text>>> on;
  bool write_never = false;
  Span span;
};

struct RuleFile {
  std::string path;
  Node flat;  // after extends: for check --flat
  Text family;
  Map match;
  std::vector<Text> sides;
  std::vector<ConfigLine> config;
  std::vector<KeyedExpr> defaults, let;
  std::vector<Text> nulls;                      // canonical keys of which null is a value
  std::vector<std::vector<KeyedValue>> fixed;   // by SideId
  std::vector<std::vector<KeyedExpr>> derived;  // by SideId
  std::vector<OptionDecl> options;
  std::vector<Stated> require, notes;
  std::vector<AxisDecl> axes;
  std::vector<BlockDecl> blocks;
  std::vector<EntryDecl> model;
  std::vector<CopyDecl> same;
  std::vector<IgnoreDecl> ignore;
  std::vector<CompanionDecl> companions;
  std::vector<EncodingDecl> encodings;

  std::optional<SideId> side(std::string_view name) const;
  const AxisDecl* axis(std::string_view name) const;
};

// A dialect or a packing: a bijective renaming of one side's names.
struct RenameLine {
  Text left_text, right_text;
  Pattern left, right;  // same holes by name
};
struct Dialect {
  std::string name, side, what, path;
  Text extends;                               // renames what that dialect has written; empty: what the rules say
  std::vector<RenameLine> rename;             // left as the rules write it, right as the files do
  std::vector<std::pair<Text, Text>> config;  // left rules' key, right the file's
  std::optional<Expr> when;                   // packings
  bool packing = false;
};

}  // namespace tessera
