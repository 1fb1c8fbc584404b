// What can be done with a YAML tree once it is read: look up, merge a child file over its parent, print, type.
// Recursion is bounded by the depth limit of parse_yaml.
#include <charconv>

#include "base/text.h"
#include "base/text_hash.h"
#include "rules/yaml.h"

namespace tessera {
namespace {

bool all_digits(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == text.npos; }

bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return all_digits(text) && (text.size() == 1 || text[0] != '0');
}

bool is_float(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const size_t dot = text.find('.');
  if (dot == text.npos || !all_digits(text.substr(0, dot))) return false;
  const std::string_view tail = text.substr(dot + 1);
  const size_t e = tail.find_first_of("eE");
  if (e == tail.npos) return all_digits(tail);
  std::string_view exponent = tail.substr(e + 1);
  if (exponent.starts_with('-') || exponent.starts_with('+')) exponent.remove_prefix(1);
  return all_digits(tail.substr(0, e)) && all_digits(exponent);
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Value scalar_value(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  if (!is_integer(text) && !is_float(text)) return text;
  if (is_integer(text))
    if (const auto value = number<int64_t>(text)) return *value;
  if (is_float(text))
    if (const auto value = number<double>(text)) return *value;
  return Opaque{"number", text};
}

std::string quote(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bool is_leaf(const Node& node) {
  return node.kind == Node::Kind::null || node.kind == Node::Kind::scalar ||
         (node.items.empty() && node.entries.empty());
}

std::string leaf(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "~";
    case Node::Kind::list:
      return "[]";
    case Node::Kind::map:
      return "{}";
    case Node::Kind::scalar:
      break;
  }
  return node.quoted ? quote(node.text.s) : node.text.s;
}

// A key was quoted if it has offsets of its own.
std::string key_text(const Text& key) { return key.offsets.empty() ? key.s : quote(key.s); }

void write_block(const Node& node, size_t indent, std::string& out);

void write_item(const std::string& head, const Node& node, size_t indent, std::string& out) {
  out.append(indent, ' ').append(head);
  if (is_leaf(node)) {
    out.append(" ").append(leaf(node)).append("\n");
  } else {
    out += '\n';
    write_block(node, indent + 2, out);
  }
}

void write_block(const Node& node, size_t indent, std::string& out) {
  for (const Node& item : node.items) write_item("-", item, indent, out);
  for (const auto& [key, value] : node.entries) write_item(key_text(key) + ":", value, indent, out);
}

using Entry = NodeEntry;
using Index = ViewMap<const Entry*>;

Index index_of(const Node& map) {
  Index index;
  for (const Entry& entry : map.entries) index.emplace(entry.first.s, &entry);
  return index;
}

// `key: ~` deletes; `key:` with nothing behind it is more likely an accident.
bool deletes(const Entry& entry, Diagnostics& diagnostics) {
  if (entry.second.kind != Node::Kind::null) return false;
  if (entry.second.text.empty())
    diagnostics.error("R01", entry.first.span, format("`{}` has no value", escape(entry.first.s)),
                      "write `~` to delete it");
  return true;
}

Entry merge_entries(const Entry& parent, const Entry& child, Diagnostics& diagnostics) {
  const bool maps = parent.second.kind == Node::Kind::map && child.second.kind == Node::Kind::map;
  return maps ? Entry{parent.first, merge_nodes(parent.second, child.second, diagnostics)} : child;
}

void add_new_keys(const Node& child, const Index& parent, Node& merged, Diagnostics& diagnostics) {
  for (const Entry& entry : child.entries) {
    const std::string& key = entry.first.s;
    if (parent.contains(key)) continue;
    if (!deletes(entry, diagnostics))
      merged.entries.push_back(entry);
    else if (!entry.second.text.empty())
      diagnostics.error("R06", entry.first.span, format("there is no `{}` to delete", escape(key)));
  }
}

}  // namespace

const Node* Node::find(std::string_view wanted) const {
  for (const auto& [key, value] : entries)
    if (key.s == wanted) return &value;
  return nullptr;
}

const Text* Node::key(std::string_view wanted) const {
  for (const auto& [key, value] : entries)
    if (key.s == wanted) return &key;
  return nullptr;
}

Node merge_nodes(const Node& parent, const Node& child, Diagnostics& diagnostics) {
  Node merged = child;
  merged.entries.clear();
  const Index ours = index_of(child);
  for (const Entry& entry : parent.entries) {
    const auto found = ours.find(entry.first.s);
    if (found == ours.end())
      merged.entries.push_back(entry);
    else if (!deletes(*found->second, diagnostics))
      merged.entries.push_back(merge_entries(entry, *found->second, diagnostics));
  }
  add_new_keys(child, index_of(parent), merged, diagnostics);
  return merged;
}

std::string to_yaml(const Node& node) {
  std::string out;
  if (is_leaf(node))
    out = leaf(node) + "\n";
  else
    write_block(node, 0, out);
  return out;
}

Value yaml_value(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return {};
    case Node::Kind::scalar:
      return node.quoted ? Value(node.text.s) : scalar_value(node.text.s);
    case Node::Kind::list: {
      List list;
      for (const Node& item : node.items) list.push_back(yaml_value(item));
      return list;
    }
    case Node::Kind::map:
      break;
  }
  Map map;
  for (const auto& [key, value] : node.entries) map.insert(key.s, yaml_value(value));
  return map;
}

}  // namespace tessera
