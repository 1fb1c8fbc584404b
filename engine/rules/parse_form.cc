// Typed access to YAML nodes.
#include "rules/parse_form.h"

#include <algorithm>

#include "base/suggest.h"
#include "base/text.h"
#include "rules/expr_lex.h"

namespace tessera {
namespace {

constexpr size_t most_key_bytes = 4096;
constexpr std::ptrdiff_t most_key_steps = 32;  // maps that one key may call for, one in another

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return "a text";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      break;
  }
  return "a map";
}

std::string unexpected_kind(std::string_view what, std::string_view wanted, const Node& node) {
  return format("{} is {}; here stands {}", what, wanted, kind_name(node));
}

bool is_unquoted_none(const Node& node) {
  return node.kind == Node::Kind::scalar && !node.quoted && node.text.s == "none";
}

bool is_out_of_range(const Node& node) { return node.kind == Node::Kind::scalar && yaml_value(node).as_opaque(); }

using Question = bool (*)(const Node&);

const Node* find_node(const Node& node, Question wanted) {
  if (wanted(node)) return &node;
  for (const Node& item : node.items)
    if (const Node* found = find_node(item, wanted)) return found;
  for (const auto& [key, item] : node.entries)
    if (const Node* found = find_node(item, wanted)) return found;
  return nullptr;
}

}  // namespace

bool Form::is_map(const Node& node, std::string_view what) const {
  if (node.kind == Node::Kind::map) return true;
  wrong(node.span, unexpected_kind(what, "a map", node));
  return false;
}

const Text* Form::text(const Node& node, std::string_view what) const {
  if (node.kind == Node::Kind::scalar && !node.text.empty()) return &node.text;
  if (node.kind == Node::Kind::scalar)
    wrong(node.span, format("{} is missing", what));
  else
    wrong(node.span, unexpected_kind(what, "a text", node),
          node.kind == Node::Kind::null ? "" : "YAML reads brackets and braces itself; put the text into quotes");
  return nullptr;
}

std::optional<Text> Form::word(const Node& node, std::string_view what) const {
  const Text* found = text(node, what);
  return found && is_name(*found, what) ? std::optional(*found) : std::nullopt;
}

bool Form::is_name(const Text& key, std::string_view what) const {
  if (is_word(key.s) && !is_reserved(key.s)) return true;
  const char* why =
      is_reserved(key.s) ? "the word means something in expressions" : "a name has letters, digits and underscores";
  wrong(key.span, format("`{}` cannot be the name of {}", escape(key.s), what), why);
  return false;
}

bool Form::is_key_path(const Text& key) const {
  const bool path = is_path(key.s) && !is_reserved(key.s);
  if (!path)
    wrong(key.span, format("`{}` is not a configuration key", escape(key.s)),
          "a key is a word, or words with dots between");
  else if (key.s.size() > most_key_bytes)
    wrong(key.span, format("a configuration key has at most {} bytes", most_key_bytes));
  else if (std::count(key.s.begin(), key.s.end(), '.') >= most_key_steps)
    wrong(key.span, format("a configuration key has at most {} steps", most_key_steps));
  else
    return true;
  return false;
}

std::optional<Expr> Form::expression(const Node& node, std::string_view what) const {
  const Text* found = text(node, what);
  return found ? parse_expression(*found, diagnostics) : std::nullopt;
}

constexpr size_t most_ranges = 16;  // of one `for`

std::vector<Range> Form::ranges(const Node& node) const {
  std::vector<Range> out;
  if (node.items.size() > most_ranges)
    return wrong(node.span, format("a `for` has at most {} ranges", most_ranges)), out;
  const auto read = [&](const Node& one) {
    const Text* found = text(one, "a range");
    if (!found) return;
    if (auto range = parse_range(*found, diagnostics)) out.push_back(*std::move(range));
  };
  if (node.kind != Node::Kind::list) read(node);
  for (const Node& item : node.items) read(item);
  return out;
}

std::optional<Value> Form::value(const Node& node) const {
  if (const Node* none = find_node(node, is_unquoted_none))
    wrong(none->span, "`none` is no YAML value", "write `~` for none, `\"none\"` for the text");
  else if (const Node* far = find_node(node, is_out_of_range))
    wrong(far->span, "a number out of range", "put it into quotes if it is a text");
  else
    return yaml_value(node);
  return std::nullopt;
}

void Form::fields(const Node& node, std::string_view what, const Fields& fields) const {
  if (!is_map(node, what)) return;
  for (const auto& [key, value] : node.entries) {
    const Reader* reader = nullptr;
    for (const auto& [name, candidate] : fields)
      if (name == key.s) reader = &candidate;
    if (reader) {
      (*reader)(key, value);
      continue;
    }
    if (diagnostics.error_count() >= Diagnostics::most) {
      wrong(key.span, "");  // only counted
      continue;
    }
    std::vector<std::string> names;
    for (const auto& field : fields) names.push_back(field.first);
    const std::string nearest = diagnostics.full() ? "" : did_you_mean(key.s, names);
    wrong(key.span, format("{} has no `{}`{}", what, escape(key.s), nearest), "it may have: " + join(names, ", "));
  }
}

void Form::each_side(const Node& node, std::string_view what, const SideReader& read) const {
  Fields per_side;
  for (SideId id = 0; id < sides.size(); ++id)
    per_side.emplace_back(sides[id].s, [&read, id](const Text&, const Node& value) { read(id, value); });
  fields(node, what, per_side);
}

void Form::wrong(Span span, std::string message, std::string help) const {
  diagnostics.error("R01", span, std::move(message), std::move(help));
}

}  // namespace tessera
