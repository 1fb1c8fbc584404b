// The sections about configuration. Whether a config line can be read back is a question of form, so R07 is said here
// where one line shows it; keys written twice are found by check.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "base/text_hash.h"
#include "rules/expr_lex.h"
#include "rules/parse_form.h"

namespace tessera {
namespace {

constexpr std::string_view r07_help =
    "a line is a name, `not` a name, `{ name, is }`, or `{ to: key = ..., from: ... }`";

// "key" or "not key".
std::optional<ConfigWay> parse_name_line(const Node& node, const Form& form) {
  const Text* text = form.text(node, "a config line");
  if (!text) return std::nullopt;
  ConfigWay way;
  way.span = node.span;
  const size_t head = text->s.starts_with("not ") ? std::min(text->s.find_first_not_of(' ', 4), text->s.size()) : 0;
  way.kind = head > 0 ? ConfigWay::Kind::negated : ConfigWay::Kind::name;
  way.other = text->sub(head, text->s.size());
  if (is_path(way.other.s) && !is_reserved(way.other.s))
    return form.is_key_path(way.other) ? std::optional(way) : std::nullopt;
  form.diagnostics.error("R07", node.span, "this line can be read in one direction only", std::string(r07_help));
  return std::nullopt;
}

// Keys have no Node of their own; one in quotes has offsets.
std::optional<Value> key_value(const Text& key, const Form& form) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = key;
  node.span = key.span;
  node.quoted = !key.offsets.empty();
  return form.value(node);
}

// Equal for values that are the same, as same_value() says.
std::string identity(const Value& value) {
  std::vector<std::string> parts;
  if (const List* list = value.as_list())
    for (const Value& item : *list) parts.push_back(identity(item));
  if (const Map* map = value.as_map())
    for (const auto& [key, item] : *map) parts.push_back(identity(key) + identity(item));
  if (value.as_map()) std::ranges::sort(parts);
  if (value.as_list() || value.as_map()) return format("{}({})", type_name(value), join(parts, ","));
  if (const auto* text = value.as_string()) return format("{}:{}", text->size(), *text);
  if (const auto* opaque = value.as_opaque()) return format("{}:{}", opaque->kind, opaque->text);
  const double* real = value.as_float();
  const bool whole = real && std::trunc(*real) == *real && std::abs(*real) < 0x1p63;
  return whole ? format("{}", static_cast<int64_t>(*real)) : show(value);
}

void add_pair(const Text& key, const Node& node, const Form& form, std::array<TextSet, 2>& seen, ConfigWay& way) {
  auto ours = key_value(key, form), theirs = form.value(node);
  if (!ours || !theirs) return;
  if (!seen[0].insert(identity(*ours)).second) form.wrong(key.span, format("{} is given twice", show(*ours)));
  if (!seen[1].insert(identity(*theirs)).second)
    form.diagnostics.error("R07", node.span, format("{} stands for two values: it cannot be read back", show(*theirs)));
  way.table.emplace_back(*std::move(ours), *std::move(theirs));
}

std::optional<ConfigWay> parse_bijection(const Node& node, const Form& form) {
  ConfigWay way;
  way.kind = ConfigWay::Kind::bijection;
  way.span = node.span;
  form.fields(node, "an enumeration",
              {{"name",
                [&](const Text&, const Node& value) {
                  const Text* name = form.text(value, "the other side's key");
                  if (name && form.is_key_path(*name)) way.other = *name;
                }},
               {"is", [&](const Text&, const Node& value) {
                  if (!form.is_map(value, "`is`")) return;
                  std::array<TextSet, 2> seen;
                  for (const auto& [key, item] : value.entries) add_pair(key, item, form, seen, way);
                }}});
  if (!node.find("name") || !node.find("is"))
    return form.wrong(node.span, "an enumeration has `name` and `is`"), std::nullopt;
  return way.other.empty() ? std::nullopt : std::optional(way);
}

// "key = expression"
void parse_to(const Node& node, const Form& form, ConfigWay& way) {
  const Text* text = form.text(node, "`to`");
  if (!text) return;
  const size_t end = std::min(text->s.find_first_of(" ="), text->s.size());
  const size_t equals = text->s.find_first_not_of(' ', end);
  way.other = text->sub(0, end);
  const bool assigns = equals != std::string::npos && text->s[equals] == '=' && text->s.compare(equals, 2, "==") != 0;
  if (!assigns || !is_path(way.other.s))
    return form.wrong(text->span, "`to` reads: the other side's key, `=`, an expression");
  if (!form.is_key_path(way.other)) return;
  const size_t begin = std::min(text->s.find_first_not_of(' ', equals + 1), text->s.size());
  way.to = parse_expression(text->sub(begin, text->s.size()), form.diagnostics);
}

std::optional<ConfigWay> parse_both(const Node& node, const Form& form) {
  ConfigWay way;
  way.kind = ConfigWay::Kind::both;
  way.span = node.span;
  form.fields(node, "a config line",
              {{"to", [&](const Text&, const Node& value) { parse_to(value, form, way); }},
               {"from", [&](const Text&, const Node& value) { way.from = form.expression(value, "`from`"); }}});
  if (!node.find("to") || !node.find("from"))
    form.diagnostics.error("R07", node.span, "`to` and `from` go together: a line is read in either direction",
                           std::string(r07_help));
  return way.to && way.from ? std::optional(way) : std::nullopt;
}

std::optional<ConfigWay> parse_way(const Node& node, const Form& form) {
  if (node.kind != Node::Kind::map) return parse_name_line(node, form);
  return node.find("name") || node.find("is") ? parse_bijection(node, form) : parse_both(node, form);
}

}  // namespace

void parse_match(const Node& node, const Form& form, RuleFile& file) {
  if (!form.is_map(node, "`match`")) return;
  for (const auto& [key, value] : node.entries)
    if (auto parsed = form.value(value); parsed && form.is_key_path(key)) file.match.insert(key.s, *std::move(parsed));
}

void parse_config(const Node& node, const Form& form, RuleFile& file) {
  if (!form.is_map(node, "`config`")) return;
  for (const auto& [key, value] : node.entries) {
    ConfigLine line;
    line.key = key;
    line.ways.resize(form.sides.size());
    if (!form.is_key_path(key)) continue;
    const auto read = [&](SideId side, const Node& way) {
      if (side == 0)
        return form.wrong(way.span, format("`{}` is the canonical side: its key stands on the left", form.sides[0].s));
      line.ways[side] = parse_way(way, form);
    };
    if (form.sides.size() == 2)
      line.ways[1] = parse_way(value, form);
    else
      form.each_side(value, "a config line of several sides", read);
    file.config.push_back(std::move(line));
  }
}

std::vector<KeyedExpr> parse_keyed(const Node& node, std::string_view what, const Form& form) {
  std::vector<KeyedExpr> out;
  if (!form.is_map(node, what)) return out;
  for (const auto& [key, value] : node.entries) {
    auto expr = form.expression(value, "an expression");
    if (expr && form.is_key_path(key)) out.push_back({key, *std::move(expr)});
  }
  return out;
}

void parse_let(const Node& node, const Form& form, RuleFile& file) {
  if (!form.is_map(node, "`let`")) return;
  for (const auto& [key, value] : node.entries) {
    auto expr = form.expression(value, "an expression");
    if (expr && form.is_name(key, "a let")) file.let.push_back({key, *std::move(expr)});
  }
}

void parse_nulls(const Node& node, const Form& form, RuleFile& file) {
  if (node.kind != Node::Kind::list) return form.wrong(node.span, "`nulls` is a list of keys");
  ViewSet seen;
  for (const Node& item : node.items) {
    const Text* key = form.text(item, "a key");
    if (!key || !form.is_name(*key, "a key")) continue;
    if (!seen.insert(key->s).second) form.wrong(key->span, format("`{}` is given twice", key->s));
    file.nulls.push_back(*key);
  }
}

void parse_fixed(const Node& node, const Form& form, RuleFile& file) {
  form.each_side(node, "`fixed`", [&](SideId side, const Node& keys) {
    if (!form.is_map(keys, "what is fixed on a side")) return;
    for (const auto& [key, value] : keys.entries)
      if (auto parsed = form.value(value); parsed && form.is_key_path(key))
        file.fixed[side].push_back({key, *std::move(parsed), value.span});
  });
}

void parse_derived(const Node& node, const Form& form, RuleFile& file) {
  form.each_side(node, "`derived`", [&](SideId side, const Node& keys) {
    file.derived[side] = parse_keyed(keys, "what is derived on a side", form);
  });
}

namespace {

void add_choice(const Node& node, const Form& form, TextSet& seen, OptionDecl& option) {
  if (node.kind != Node::Kind::scalar)
    return form.wrong(node.span, "an option's value is a text, a number or a switch");
  auto value = form.value(node);
  if (!value) return;
  if (!seen.insert(identity(*value)).second) return form.wrong(node.span, format("{} is given twice", show(*value)));
  option.values.push_back(*std::move(value));
}

}  // namespace

void parse_options(const Node& node, const Form& form, RuleFile& file) {
  if (!form.is_map(node, "`options`")) return;
  for (const auto& [key, value] : node.entries) {
    OptionDecl option;
    option.name = key;
    option.span = value.span;
    option.any = value.kind != Node::Kind::list;
    if (!form.is_name(key, "an option")) continue;
    TextSet seen;
    if (option.any) add_choice(value, form, seen, option);
    for (const Node& item : value.items) add_choice(item, form, seen, option);
    if (!option.any && value.items.empty()) form.wrong(key.span, "an option's list has at least one value");
    if (!option.values.empty()) file.options.push_back(std::move(option));
  }
}

std::vector<Stated> parse_stated(const Node& node, std::string_view what, const Form& form) {
  std::vector<Stated> out;
  if (!form.is_map(node, what)) return out;
  for (const auto& [key, value] : node.entries) {
    auto condition = parse_expression(key, form.diagnostics);
    const Text* reason = form.text(value, "the text for a reader");
    if (condition && reason) out.push_back({*std::move(condition), reason->s, key.span});
  }
  return out;
}

}  // namespace tessera
