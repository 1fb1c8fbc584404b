// Companions of weights, and how a side stores values.
#include <array>
#include <charconv>

#include "base/text.h"
#include "rules/parse_form.h"

namespace tessera {
namespace {

// A name with <name> (the whole name) or <stem> (without its last `.weight`) in it once, and no other hole.
std::optional<Text> parse_template(const Node& node, const Form& form) {
  const Text* text = form.text(node, "a template");
  if (!text) return std::nullopt;
  if (text->s.size() > longest_name)
    return form.wrong(text->span, format("a template has at most {} bytes", longest_name)), std::nullopt;
  const size_t open = text->s.find('<');
  const size_t close = text->s.find('>');
  const std::string hole = open < close && close != std::string::npos ? text->s.substr(open, close - open + 1) : "";
  const bool once = text->s.find_first_of("<>", close + 1) == std::string::npos;
  const bool blank = text->s.find(' ') != std::string::npos;
  if ((hole == "<name>" || hole == "<stem>") && once && !blank) return *text;
  form.wrong(text->span, "a template is a name with `<name>` or `<stem>` in it, once");
  return std::nullopt;
}

struct CompanionRow {
  const char* name;
  CompanionDecl::Kind kind;
};
constexpr std::array<CompanionRow, 5> companion_rows{{{"exp_avg", CompanionDecl::Kind::exp_avg},
                                                      {"exp_avg_sq", CompanionDecl::Kind::exp_avg_sq},
                                                      {"master", CompanionDecl::Kind::master},
                                                      {"lora_A", CompanionDecl::Kind::lora_a},
                                                      {"lora_B", CompanionDecl::Kind::lora_b}}};

void parse_companion(CompanionDecl::Kind kind, const Text& key, const Node& node, const Form& form, RuleFile& file) {
  CompanionDecl companion;
  companion.kind = kind;
  companion.name = key;
  companion.templates.resize(form.sides.size());
  form.each_side(node, "a companion",
                 [&](SideId side, const Node& value) { companion.templates[side] = parse_template(value, form); });
  file.companions.push_back(std::move(companion));
}

constexpr size_t most_encodings = 64;  // each is looked for at each weight

struct EncodingRow {
  const char* name;
  EncodingDecl::Kind kind;
  std::vector<std::string> fields;  // in order of a list under `on`
};

const std::vector<EncodingRow>& encoding_rows() {
  static const std::vector<EncodingRow> rows{
      {"fp8_block", EncodingDecl::Kind::fp8_block, {""}},
      {"mxfp4", EncodingDecl::Kind::mxfp4, {"blocks", "scales"}},
      {"gptq", EncodingDecl::Kind::gptq, {"qweight", "qzeros", "scales", "g_idx"}}};
  return rows;
}

const EncodingRow* parse_kind(const Node& node, const Form& form) {
  const Node* kind = node.find("kind");
  if (!kind) return form.wrong(node.span, "an encoding has a kind"), nullptr;
  const Text* word = form.text(*kind, "a kind");
  if (!word) return nullptr;
  for (const EncodingRow& row : encoding_rows())
    if (row.name == word->s) return &row;
  form.wrong(word->span, format("there is no encoding of kind `{}`", escape(word->s)), "kinds: fp8_block, mxfp4, gptq");
  return nullptr;
}

int64_t parse_count(const Node& node, const Form& form) {
  const Value value = yaml_value(node);
  constexpr int64_t most = 1 << 20;
  if (value.as_int() && *value.as_int() > 0 && *value.as_int() <= most) return *value.as_int();
  form.wrong(node.span, format("a number from 1 to {} is wanted", most));
  return 1;
}

// Of one packed value: as many as fill 32 bits.
int64_t parse_bits(const Node& node, const Form& form) {
  const Value value = yaml_value(node);
  for (const int64_t bits : {2, 4, 8})
    if (value == Value(bits)) return bits;
  form.wrong(node.span, "`bits` is 2, 4 or 8");
  return 4;
}

void parse_fields_on(SideId side, const Node& node, const EncodingRow& row, const Form& form, EncodingDecl& encoding) {
  std::vector<const Node*> templates;
  if (node.kind != Node::Kind::list) templates = {&node};
  for (const Node& item : node.items) templates.push_back(&item);
  if (templates.size() != row.fields.size())
    return form.wrong(node.span,
                      format("{} has {} fields, here stand {}", row.name, row.fields.size(), templates.size()));
  for (size_t i = 0; i < templates.size(); ++i)
    if (auto text = parse_template(*templates[i], form))
      encoding.on[side].emplace_back(row.fields[i], *std::move(text));
}

void parse_block_shape(const Node& node, const Form& form, EncodingDecl& encoding) {
  if (node.kind != Node::Kind::list || node.items.size() != 2)
    return form.wrong(node.span, "`block` is a list of two numbers");
  for (const Node& item : node.items) encoding.block.push_back(parse_count(item, form));
}

Form::Fields encoding_fields(const EncodingRow& row, const Form& form, EncodingDecl& encoding) {
  Form::Fields fields{{"kind", [](const Text&, const Node&) {}},
                      {"on",
                       [&](const Text&, const Node& value) {
                         form.each_side(value, "`on`", [&](SideId side, const Node& templates) {
                           parse_fields_on(side, templates, row, form, encoding);
                         });
                       }},
                      {"write", [&](const Text&, const Node& value) {
                         encoding.write_never = value.kind == Node::Kind::scalar && value.text.s == "never";
                         if (!encoding.write_never) form.wrong(value.span, "`write` may be `never`");
                       }}};
  if (encoding.kind == EncodingDecl::Kind::fp8_block)
    fields.emplace_back("block", [&](const Text&, const Node& value) { parse_block_shape(value, form, encoding); });
  if (encoding.kind == EncodingDecl::Kind::gptq) {
    fields.emplace_back("bits", [&](const Text&, const Node& value) { encoding.bits = parse_bits(value, form); });
    fields.emplace_back("group", [&](const Text&, const Node& value) { encoding.group = parse_count(value, form); });
  }
  return fields;
}

void parse_encoding(const Text& key, const Node& node, const Form& form, RuleFile& file) {
  if (!form.is_map(node, "an encoding")) return;
  const EncodingRow* row = parse_kind(node, form);
  if (!row) return;
  EncodingDecl encoding;
  encoding.kind = row->kind;
  encoding.name = key;
  encoding.span = key.span;
  encoding.on.resize(form.sides.size());
  const auto fields = encoding_fields(*row, form, encoding);
  form.fields(node, "an encoding of this kind", fields);
  for (const auto& [name, reader] : fields)
    if (name != "write" && !node.find(name))
      form.wrong(key.span, format("an encoding of kind {} has `{}`", row->name, name));
  file.encodings.push_back(std::move(encoding));
}

}  // namespace

void parse_companions(const Node& node, const Form& form, RuleFile& file) {
  Form::Fields fields;
  for (const CompanionRow& row : companion_rows)
    fields.emplace_back(row.name, [&form, &file, kind = row.kind](const Text& key, const Node& value) {
      parse_companion(kind, key, value, form, file);
    });
  form.fields(node, "`companions`", fields);
}

void parse_encodings(const Node& node, const Form& form, RuleFile& file) {
  if (!form.is_map(node, "`encodings`")) return;
  if (node.entries.size() > most_encodings)
    return form.wrong(node.span, format("a file has at most {} encodings", most_encodings));
  for (const auto& [key, value] : node.entries)
    if (form.is_name(key, "an encoding")) parse_encoding(key, value, form, file);
}

}  // namespace tessera
