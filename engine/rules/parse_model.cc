// Where blocks stand, further copies, and names without weight.
#include "base/text.h"
#include "rules/parse_form.h"

namespace tessera {
namespace {

bool is_list(const Node& node, std::string_view what, const Form& form) {
  if (node.kind == Node::Kind::list) return true;
  form.wrong(node.span, format("{} is a list", what));
  return false;
}

// A prefix has the form of a name; what else an address may have is out of place.
std::optional<Text> parse_prefix(const Node& node, const Form& form) {
  const Text* text = form.text(node, "a prefix");
  if (!text) return std::nullopt;
  const auto address = parse_address(*text, {}, form.diagnostics);
  if (!address) return std::nullopt;
  if (address->kind == Address::Kind::tensor && address->name_span == text->at(0, text->s.size())) return *text;
  form.wrong(text->span, "a prefix is a name and nothing else");
  return std::nullopt;
}

void parse_use(const Node& node, const Form& form, EntryDecl& entry) {
  const auto add = [&](const Node& one) {
    if (auto name = form.word(one, "a block")) entry.use.push_back(*std::move(name));
  };
  if (node.kind != Node::Kind::list) return add(node);
  for (const Node& item : node.items) add(item);
}

EntryDecl parse_entry(const Node& node, const Form& form) {
  EntryDecl entry;
  entry.span = node.span;
  entry.prefix.resize(form.sides.size());
  Form::Fields fields{
      {"use", [&](const Text&, const Node& value) { parse_use(value, form, entry); }},
      {"when", [&](const Text&, const Node& value) { entry.when = form.expression(value, "a condition"); }},
      {"for", [&](const Text&, const Node& value) { entry.loops = form.ranges(value); }},
      {"stage", [&](const Text&, const Node& value) {
         entry.stage = parse_stage(value, form);
         entry.stage_span = value.span;
       }}};
  for (SideId id = 0; id < form.sides.size(); ++id)
    fields.emplace_back(form.sides[id].s, [&entry, &form, id](const Text&, const Node& value) {
      entry.prefix[id] = parse_prefix(value, form);
    });
  form.fields(node, "a model entry", fields);
  const Node* use = node.find("use");
  if (node.kind == Node::Kind::map && (!use || (use->kind == Node::Kind::list && use->items.empty())))
    form.wrong(node.span, "a model entry says which blocks it uses");
  return entry;
}

bool parse_switch(const Node& node, const Form& form) {
  const Value value = yaml_value(node);
  if (!value.as_bool()) form.wrong(node.span, "true or false is wanted");
  return value.as_bool() && *value.as_bool();
}

void parse_copy(const Node& node, const Form& form, RuleFile& file) {
  CopyDecl copy;
  copy.span = node.span;
  size_t sides = 0;
  Form::Fields fields{
      {"of",
       [&](const Text&, const Node& value) {
         if (const Text* of = form.text(value, "the rule's full name")) copy.of = *of;
       }},
      {"when", [&](const Text&, const Node& value) { copy.when = form.expression(value, "a condition"); }},
      {"for", [&](const Text&, const Node& value) { copy.loops = form.ranges(value); }},
      {"optional", [&](const Text&, const Node& value) { copy.optional = parse_switch(value, form); }},
      {"stage", [&](const Text&, const Node& value) {
         copy.stage = parse_stage(value, form);
         copy.stage_span = value.span;
       }}};
  for (SideId id = 0; id < form.sides.size(); ++id)
    fields.emplace_back(form.sides[id].s, [&, id](const Text& key, const Node& value) {
      if (++sides > 1) return form.wrong(key.span, "a copy stands on one side", "write one item for each side");
      copy.side = id;
      copy.form = parse_side_form(value, form);
    });
  form.fields(node, "a copy", fields);
  if (node.kind != Node::Kind::map) return;
  if (!node.find("of")) form.wrong(node.span, "a copy says what it is a copy of: `of: block.rule`");
  if (sides == 0) form.wrong(node.span, "a copy has an address on one side");
  if (!copy.of.empty() && !copy.form.empty()) file.same.push_back(std::move(copy));
}

void parse_ignored(SideId side, const Text& key, const Node& reason, const Form& form, RuleFile& file) {
  IgnoreDecl ignored;
  ignored.side = side;
  ignored.pattern_text = key;
  if (reason.kind != Node::Kind::scalar || reason.text.empty())
    return form.wrong(key.span, format("`{}` is ignored without a reason", escape(key.s)),
                      "say in a few words why nothing is lost");
  PatternFault fault;
  auto pattern = parse_pattern(key.s, true, fault);
  if (!pattern) return form.wrong(key.at(fault.begin, fault.end), fault.message);
  ignored.pattern = *std::move(pattern);
  ignored.reason = reason.text.s;
  file.ignore.push_back(std::move(ignored));
}

}  // namespace

Stage parse_stage(const Node& node, const Form& form) {
  const Text* word = form.text(node, "a stage");
  if (word && word->s == "first") return Stage::first;
  if (word && word->s == "last") return Stage::last;
  if (word) form.wrong(word->span, format("`{}` is no stage: first or last", escape(word->s)));
  return Stage::every;
}

void parse_model(const Node& node, const Form& form, RuleFile& file) {
  if (!is_list(node, "`model`", form)) return;
  for (const Node& item : node.items) file.model.push_back(parse_entry(item, form));
}

void parse_same(const Node& node, const Form& form, RuleFile& file) {
  if (!is_list(node, "`same`", form)) return;
  for (const Node& item : node.items) parse_copy(item, form, file);
}

void parse_ignore(const Node& node, const Form& form, RuleFile& file) {
  form.each_side(node, "`ignore`", [&](SideId side, const Node& templates) {
    if (!form.is_map(templates, "what a side ignores")) return;
    for (const auto& [key, reason] : templates.entries) parse_ignored(side, key, reason, form, file);
  });
}

}  // namespace tessera
