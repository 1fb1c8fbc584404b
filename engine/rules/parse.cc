// The sections of a rule file.
#include "rules/parse.h"

#include <algorithm>

#include "base/text.h"
#include "rules/parse_form.h"

namespace tessera {
namespace {

constexpr size_t most_sides = 16;

Text word_of_our_own(std::string word) { return {std::move(word), {}, {}}; }

// Words that a rule, entry or copy has beside its sides.
bool is_taken(std::string_view word) {
  constexpr std::array<std::string_view, 12> words{"when", "for", "dtype", "in",       "bias", "use",
                                                   "of",   "is",  "stage", "optional", "to",   "name"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

void add_side(const Node& node, const Form& form, std::vector<Text>& sides) {
  const auto name = form.word(node, "a side");
  if (!name) return;
  const bool twice = std::any_of(sides.begin(), sides.end(), [&](const Text& side) { return side.s == name->s; });
  if (sides.size() == most_sides) return form.wrong(name->span, format("a file has at most {} sides", most_sides));
  if (twice || is_taken(name->s))
    return form.wrong(name->span, format("`{}` cannot be the name of a{} side", name->s, twice ? " second" : ""));
  sides.push_back(*name);
}

std::vector<Text> parse_sides(const Node* node, Diagnostics& diagnostics) {
  std::vector<Text> sides;
  const Form form{sides, diagnostics};
  const size_t errors = diagnostics.error_count();
  if (node && node->kind == Node::Kind::list)
    for (size_t i = 0; i < std::min(node->items.size(), most_sides + 1); ++i) add_side(node->items[i], form, sides);
  if (sides.size() >= 2) return sides;
  if (node && diagnostics.error_count() == errors) form.wrong(node->span, "`sides` is a list of two sides or more");
  return {word_of_our_own("hf"), word_of_our_own("mcore")};
}

Form::Fields sections(const Form& form, RuleFile& file) {
  const auto by = [&](void (*parse)(const Node&, const Form&, RuleFile&)) {
    return [&form, &file, parse](const Text&, const Node& node) { parse(node, form, file); };
  };
  return {{"rules", [](const Text&, const Node&) {}},
          {"family",
           [&](const Text&, const Node& node) {
             if (const Text* name = form.text(node, "a family")) file.family = *name;
           }},
          {"match", by(parse_match)},
          {"sides", [](const Text&, const Node&) {}},
          {"config", by(parse_config)},
          {"defaults", [&](const Text&, const Node& node) { file.defaults = parse_keyed(node, "`defaults`", form); }},
          {"nulls", by(parse_nulls)},
          {"fixed", by(parse_fixed)},
          {"derived", by(parse_derived)},
          {"options", by(parse_options)},
          {"let", by(parse_let)},
          {"require", [&](const Text&, const Node& node) { file.require = parse_stated(node, "`require`", form); }},
          {"notes", [&](const Text&, const Node& node) { file.notes = parse_stated(node, "`notes`", form); }},
          {"axes", by(parse_axes)},
          {"blocks", by(parse_blocks)},
          {"model", by(parse_model)},
          {"same", by(parse_same)},
          {"ignore", by(parse_ignore)},
          {"companions", by(parse_companions)},
          {"encodings", by(parse_encodings)},
          {"extends", [](const Text&, const Node&) {}}};
}

}  // namespace

RuleFile parse_tree(Node flat, std::string path, Diagnostics& diagnostics) {
  RuleFile file;
  file.path = std::move(path);
  file.sides = parse_sides(flat.find("sides"), diagnostics);
  file.fixed.resize(file.sides.size());
  file.derived.resize(file.sides.size());
  const Form form{file.sides, diagnostics};
  form.fields(flat, "a rule file", sections(form, file));
  file.flat = std::move(flat);
  return file;
}

std::optional<SideId> RuleFile::side(std::string_view name) const {
  for (SideId id = 0; id < sides.size(); ++id)
    if (sides[id].s == name) return id;
  return std::nullopt;
}

const AxisDecl* RuleFile::axis(std::string_view name) const {
  for (const AxisDecl& axis : axes)
    if (axis.name.s == name) return &axis;
  return nullptr;
}

}  // namespace tessera
