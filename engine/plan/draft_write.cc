// The text of a draft, laid out as a person would: short things on one line, sides in columns, comments behind.
#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "plan/draft.h"

namespace tessera {
namespace {

constexpr size_t most_columns = 120;
constexpr size_t widest_pad = 64;  // columns are not drawn wider than this

std::string padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

bool is_null_or_bool(const std::string& word) {
  for (const char* taken : {"null", "Null", "NULL", "none", "true", "True", "TRUE", "false", "False", "FALSE"})
    if (word == taken) return true;
  return false;
}

// In quotes where YAML would take the name for something else.
std::string text_of(const DraftAddress& address) {
  const std::string text = address.layout.empty() ? address.name : address.name + "  " + address.layout;
  const bool misread = address.layout.empty() && is_null_or_bool(address.name);
  return misread || address.name == "-" ? yaml_quoted(text) : text;
}

}  // namespace

std::string flow_text(const std::string& text) {
  const bool plain = text.find_first_of(",[]{}#\"'") == text.npos && text.find(": ") == text.npos;
  return plain ? text : "'" + text + "'";
}
namespace {

// Outside of braces, commas and brackets within are plain too.
std::string block_value(const std::string& text) {
  const bool plain = text.find_first_of("#\"'") == text.npos && text.find(": ") == text.npos && text.front() != '[';
  return plain ? text : "'" + text + "'";
}

class DraftWriter {
 public:
  explicit DraftWriter(const RuleDraft& draft) : draft_(draft) {}

  std::string run() {
    line("# yaml-language-server: $schema=../schemas/rules.schema.json");
    for (const std::string& text : draft_.head) comment(0, text);
    line("rules: 1");
    line("family: " + yaml_text(draft_.family));
    if (!draft_.extends.empty()) line("extends: " + yaml_text(draft_.extends));
    if (draft_.sides != std::array<std::string, 2>{"hf", "mcore"})
      line(format("sides: [{}, {}]", draft_.sides[0], draft_.sides[1]));
    section("match", draft_.match);
    section("config", draft_.config);
    section("fixed", draft_.fixed);
    section("axes", draft_.axes);
    section("encodings", draft_.encodings);
    blocks();
    model();
    copies();
    if (!draft_.tail.empty()) line("");
    for (const std::string& text : draft_.tail) comment(0, text);
    return std::move(out_);
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }

  // Broken at blanks, so that it stays within the columns.
  void comment(size_t indent, const std::string& text) {
    const std::string before = std::string(indent, ' ') + "# ";
    std::string row = before;
    for (const std::string& word : split(text, ' ')) {
      if (row.size() > before.size() && row.size() + word.size() > most_columns) {
        line(row.substr(0, row.find_last_not_of(' ') + 1));
        row = before + "  ";
      }
      row += word + " ";
    }
    line(row.substr(0, row.find_last_not_of(' ') + 1));
  }

  // A line with its comment behind it, or above it where both are too long.
  void commented(size_t indent, const std::string& text, const std::string& about, size_t column = 0) {
    const std::string whole = std::string(indent, ' ') + text;
    if (about.empty()) return line(whole);
    const std::string row = padded(whole, column) + "  # " + about;
    if (row.size() <= most_columns) return line(row);
    comment(indent, about);
    line(whole);
  }

  static size_t column_of(const std::vector<std::string>& texts, size_t indent) {
    size_t widest = 0;
    for (const std::string& text : texts)
      if (text.size() <= widest_pad) widest = std::max(widest, text.size());
    return indent + widest;
  }

  void section(const std::string& name, const std::vector<DraftLine>& lines) {
    if (lines.empty()) return;
    line("");
    line(name + ":");
    std::vector<std::string> texts;
    for (const DraftLine& one : lines) texts.push_back(one.key + ": " + one.value);
    for (size_t i = 0; i < lines.size(); ++i) commented(2, texts[i], lines[i].comment, column_of(texts, 2));
  }

  void blocks() {
    if (draft_.blocks.empty() && draft_.deleted.empty()) return;
    line("");
    line("blocks:");
    for (const DraftLine& gone : draft_.deleted) {
      if (gone.value == "~") {
        line(format("  {}: ~", gone.key));
        continue;
      }
      line(format("  {}:", gone.key));
      for (const std::string& rule : split(gone.value, '\n')) line("    " + rule);
    }
    for (const DraftBlock& block : draft_.blocks) {
      line(format("  {}:", block.name));
      rules(block);
    }
  }

  static bool is_flat(const DraftRule& rule) {
    return std::all_of(rule.sides.begin(), rule.sides.end(), [](const auto& side) { return side.size() == 1; });
  }

  // Columns: the rule's name, the first side's address, the comment.
  void rules(const DraftBlock& block) {
    size_t name = 0, address = 0, column = 0;
    for (const DraftRule& rule : block.rules) {
      if (!is_flat(rule)) continue;
      name = std::max(name, std::min(rule.name.size() + 1, widest_pad / 2));
      const size_t width = text_of(rule.sides[0][0]).size();
      if (width <= widest_pad) address = std::max(address, width + 1);
    }
    std::vector<std::string> rows;
    for (const DraftRule& rule : block.rules) {
      rows.push_back(is_flat(rule) ? flat(rule, name, address) : "");
      if (rows.back().size() + 4 > most_columns) rows.back().clear();
      if (rows.back().size() + rule.comment.size() + 8 <= most_columns)
        column = std::max(column, rows.back().size() + 4);
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      const bool fits = column + block.rules[i].comment.size() + 4 <= most_columns;
      if (rows[i].empty())
        tall(block.rules[i]);
      else
        commented(4, rows[i], block.rules[i].comment, fits ? column : 0);
    }
  }

  std::string flat(const DraftRule& rule, size_t name, size_t address) const {
    const std::string loop = rule.loop.empty() ? "" : ", for: " + flow_text(rule.loop);
    return padded(rule.name + ":", name) + " { " + draft_.sides[0] + ": " +
           padded(text_of(rule.sides[0][0]) + ",", address) + "  " + draft_.sides[1] + ": " +
           text_of(rule.sides[1][0]) + loop + " }";
  }

  void tall(const DraftRule& rule) {
    commented(4, rule.name + ":", rule.comment);
    for (size_t side = 0; side < 2; ++side) {
      const auto& addresses = rule.sides[side];
      if (addresses.size() == 1 && addresses[0].label.empty()) {
        line(format("      {}: {}", draft_.sides[side], text_of(addresses[0])));
        continue;
      }
      line(format("      {}:", draft_.sides[side]));
      for (const DraftAddress& address : addresses) line(format("        {}: {}", address.label, text_of(address)));
    }
    if (!rule.loop.empty()) line("      for: " + block_value(rule.loop));
  }

  void model() {
    if (!draft_.whole_model) return;
    line("");
    line("model:");
    for (const DraftEntry& entry : draft_.model) {
      const std::string row = "- { " + join(entry.fields, ", ") + " }";
      if (row.size() + 2 <= most_columns) {
        commented(2, row, entry.comment);
        continue;
      }
      commented(2, "- " + entry.fields[0], entry.comment);
      for (size_t i = 1; i < entry.fields.size(); ++i) line("    " + entry.fields[i]);
    }
  }

  void copies() {
    if (!draft_.same) return;
    line("");
    line(draft_.same->empty() ? "same: ~" : "same:");
    for (const std::string& copy : *draft_.same) line("  - " + copy);
  }

  const RuleDraft& draft_;
  std::string out_;
};

}  // namespace

std::string yaml_quoted(const std::string& text) { return to_json(Value(text), shown_json_line); }

std::string yaml_text(const std::string& text) {
  const auto is_simple = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  const bool word = !text.empty() && std::all_of(text.begin(), text.end(), is_simple) &&
                    !(text[0] >= '0' && text[0] <= '9') && text[0] != '-' && text[0] != '.';
  return word && !is_null_or_bool(text) ? text : yaml_quoted(text);
}

std::string draft_text(const RuleDraft& draft) { return DraftWriter(draft).run(); }

}  // namespace tessera
