// What the parsers of all sections share: typed access to nodes, with an R01 where the form is wrong.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/parse.h"

namespace tessera {

struct Form {
  const std::vector<Text>& sides;
  Diagnostics& diagnostics;

  // `what` names the thing in the message: "an axis", "a condition".
  bool is_map(const Node& node, std::string_view what) const;
  const Text* text(const Node& node, std::string_view what) const;          // one-line text, not empty
  std::optional<Text> word(const Node& node, std::string_view what) const;  // an identifier
  bool is_name(const Text& key, std::string_view what) const;               // ... as a key
  bool is_key_path(const Text& key) const;                                  // of a configuration: words with dots
  std::optional<Expr> expression(const Node& node, std::string_view what) const;
  std::vector<Range> ranges(const Node& node) const;   // one, or a list
  std::optional<Value> value(const Node& node) const;  // YAML's own; no unquoted `none`, no number out of range

  // Each entry goes to the reader of its key; the other keys are R01, with the nearest right one.
  using Reader = std::function<void(const Text& key, const Node& node)>;
  using Fields = std::vector<std::pair<std::string, Reader>>;
  void fields(const Node& node, std::string_view what, const Fields& fields) const;
  // { side: ... }
  using SideReader = std::function<void(SideId side, const Node& node)>;
  void each_side(const Node& node, std::string_view what, const SideReader& read) const;
  // One for all sides, or a side map; by SideId.
  template <class T>
  std::vector<std::optional<T>> side_or_all(const Node& node, std::string_view what,
                                            const std::function<std::optional<T>(const Node&)>& read) const {
    if (node.kind != Node::Kind::map) return std::vector<std::optional<T>>(sides.size(), read(node));
    std::vector<std::optional<T>> out(sides.size());
    each_side(node, what, [&](SideId id, const Node& value) { out[id] = read(value); });
    return out;
  }
  void wrong(Span span, std::string message, std::string help = {}) const;
};

// --- The sections ---------------------------------------------------------------------------------------------------

void parse_match(const Node& node, const Form& form, RuleFile& file);
void parse_config(const Node& node, const Form& form, RuleFile& file);
std::vector<KeyedExpr> parse_keyed(const Node& node, std::string_view what, const Form& form);  // defaults, derived
void parse_let(const Node& node, const Form& form, RuleFile& file);
void parse_nulls(const Node& node, const Form& form, RuleFile& file);
void parse_fixed(const Node& node, const Form& form, RuleFile& file);
void parse_derived(const Node& node, const Form& form, RuleFile& file);
void parse_options(const Node& node, const Form& form, RuleFile& file);
std::vector<Stated> parse_stated(const Node& node, std::string_view what, const Form& form);  // require, notes

void parse_axes(const Node& node, const Form& form, RuleFile& file);
void parse_blocks(const Node& node, const Form& form, RuleFile& file);
void parse_model(const Node& node, const Form& form, RuleFile& file);
void parse_same(const Node& node, const Form& form, RuleFile& file);
void parse_ignore(const Node& node, const Form& form, RuleFile& file);
void parse_companions(const Node& node, const Form& form, RuleFile& file);
void parse_encodings(const Node& node, const Form& form, RuleFile& file);

// A text, a map of texts, or a list of { when, is }.
SideForm parse_side_form(const Node& node, const Form& form);
Stage parse_stage(const Node& node, const Form& form);

// A tree that is whole: sections to AST.
RuleFile parse_tree(Node flat, std::string path, Diagnostics& diagnostics);

}  // namespace tessera
