// Axes and blocks.
#include "base/text.h"
#include "rules/parse_form.h"

namespace tessera {
namespace {

std::optional<Address> parse_one(const Node& node, const Text& label, const Form& form) {
  const Text* text = form.text(node, "an address");
  return text ? parse_address(*text, label, form.diagnostics) : std::nullopt;
}

// A text, or a map of labelled texts.
std::vector<Address> parse_addresses(const Node& node, const Form& form) {
  std::vector<Address> out;
  const auto add = [&](const Node& one, const Text& label) {
    if (auto address = parse_one(one, label, form)) out.push_back(*std::move(address));
  };
  if (node.kind != Node::Kind::map) {
    add(node, {});
    return out;
  }
  if (node.entries.empty()) form.wrong(node.span, "an address is missing");
  for (const auto& [key, value] : node.entries)
    if (form.is_name(key, "a part")) add(value, key);
  return out;
}

std::optional<Alternative> parse_alternative(const Node& node, const Form& form) {
  Alternative out;
  out.span = node.span;
  form.fields(node, "an alternative",
              {{"when", [&](const Text&, const Node& value) { out.when = form.expression(value, "a condition"); }},
               {"is", [&](const Text&, const Node& value) { out.addresses = parse_addresses(value, form); }}});
  if (node.kind == Node::Kind::map && (!node.find("when") || !node.find("is")))
    form.wrong(node.span, "an alternative has `when` and `is`");
  return out.when && !out.addresses.empty() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<DtypePin> parse_pin(const Node& node, const Form& form) {
  const Text* word = form.text(node, "a dtype");
  if (!word) return std::nullopt;
  DtypePin pin;
  pin.span = word->span;
  pin.dtype = dtype_by_word(word->s);
  if (!pin.dtype) pin.rule = word->s;
  return pin;
}

void parse_in(const Node& node, const Form& form, RuleDecl& rule) {
  const Text* words = form.text(node, "`in`");
  rule.has_in = true;
  if (!words) return;
  for (size_t at = words->s.find_first_not_of(' '); at != std::string::npos;) {
    const size_t end = std::min(words->s.find(' ', at), words->s.size());
    const Text word = words->sub(at, end);
    if (form.is_name(word, "an axis")) rule.in.push_back(word);
    at = words->s.find_first_not_of(' ', end);
  }
}

void parse_bias(const Node& node, const Form& form, RuleDecl& rule) {
  rule.has_bias = true;
  auto condition = form.expression(node, "`bias`");
  const bool always = condition && condition->nodes.size() == 1 && condition->root().value == Value(true);
  if (!always) rule.bias = std::move(condition);
}

RuleDecl parse_rule(const Text& name, const Node& node, const Form& form) {
  RuleDecl rule;
  rule.name = name;
  rule.span = name.span;
  rule.sides.resize(form.sides.size());
  rule.side_spans.resize(form.sides.size());
  rule.dtype.resize(form.sides.size());
  Form::Fields fields{
      {"when", [&](const Text&, const Node& value) { rule.when = form.expression(value, "a condition"); }},
      {"for", [&](const Text&, const Node& value) { rule.loops = form.ranges(value); }},
      {"dtype",
       [&](const Text&, const Node& value) {
         rule.dtype =
             form.side_or_all<DtypePin>(value, "`dtype`", [&](const Node& one) { return parse_pin(one, form); });
       }},
      {"in", [&](const Text&, const Node& value) { parse_in(value, form, rule); }},
      {"bias", [&](const Text&, const Node& value) { parse_bias(value, form, rule); }}};
  for (SideId id = 0; id < form.sides.size(); ++id)
    fields.emplace_back(form.sides[id].s, [&rule, &form, id](const Text& key, const Node& value) {
      rule.sides[id] = parse_side_form(value, form);
      rule.side_spans[id] = key.span;
    });
  form.fields(node, "a rule", fields);
  return rule;
}

void parse_block(const Text& name, const Node& node, const Form& form, RuleFile& file) {
  if (!form.is_map(node, "a block")) return;
  BlockDecl block;
  block.name = name;
  for (const auto& [key, value] : node.entries)
    if (form.is_name(key, "a rule")) block.rules.push_back(parse_rule(key, value, form));
  file.blocks.push_back(std::move(block));
}

// Even an axis whose size cannot be read is declared: one mistake, one message.
AxisDecl parse_axis(const Text& name, const Node& node, const Form& form) {
  AxisDecl axis{name, literal(1, name.span), {}, {}, name.span};
  axis.split.resize(form.sides.size());
  axis.pad.resize(form.sides.size());
  const auto size = [&](const Node& value) {
    if (auto expr = form.expression(value, "a size")) axis.size = *std::move(expr);
  };
  if (node.kind != Node::Kind::map) return size(node), axis;
  form.fields(node, "an axis",
              {{"size", [&](const Text&, const Node& value) { size(value); }},
               {"split",
                [&](const Text&, const Node& value) {
                  axis.split = form.side_or_all<Text>(
                      value, "`split`", [&](const Node& one) { return form.word(one, "a mesh dimension"); });
                }},
               {"pad", [&](const Text&, const Node& value) {
                  axis.pad = form.side_or_all<Expr>(
                      value, "`pad`", [&](const Node& one) { return form.expression(one, "a multiple to pad to"); });
                }}});
  if (!node.find("size")) form.wrong(name.span, format("the axis `{}` has no size", name.s));
  return axis;
}

}  // namespace

SideForm parse_side_form(const Node& node, const Form& form) {
  SideForm out;
  if (node.kind != Node::Kind::list) {
    out.push_back({std::nullopt, parse_addresses(node, form), node.span});
    return out;
  }
  if (node.items.empty()) form.wrong(node.span, "an address is missing");
  for (const Node& item : node.items)
    if (auto alternative = parse_alternative(item, form)) out.push_back(*std::move(alternative));
  return out;
}

void parse_axes(const Node& node, const Form& form, RuleFile& file) {
  if (!form.is_map(node, "`axes`")) return;
  for (const auto& [key, value] : node.entries)
    if (form.is_name(key, "an axis")) file.axes.push_back(parse_axis(key, value, form));
}

void parse_blocks(const Node& node, const Form& form, RuleFile& file) {
  if (!form.is_map(node, "`blocks`")) return;
  for (const auto& [key, value] : node.entries)
    if (form.is_name(key, "a block")) parse_block(key, value, form, file);
}

}  // namespace tessera
