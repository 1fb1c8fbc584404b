// YAML as far as the language uses it (the only door of yaml-cpp): maps, lists and one-line text, a span on every node.
// Anchors, aliases, tags, block scalars, duplicate keys, tabs, several documents are R01.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/diagnostic.h"
#include "base/source.h"
#include "base/value.h"

namespace tessera {

struct NodeEntry;

struct Node {
  enum class Kind { null, scalar, list, map } kind = Kind::null;
  Span span;                       // of the node; of a map or list: from its first to its last child
  Text text;                       // scalar: its value, with the way back to the source
  bool quoted = false;             // scalar in '...' or "..."
  std::vector<Node> items;         // list
  std::vector<NodeEntry> entries;  // map, in order

  const Node* find(std::string_view key) const;
  const Text* key(std::string_view key) const;
};
struct NodeEntry {
  Text first;  // the key
  Node second;
};

struct YamlLimits {
  size_t bytes = size_t{1} << 20, nodes = 100'000, depth = 32, scalar = size_t{64} << 10;
};

// nullopt after an error. `~`, `null` and nothing are Kind::null when not quoted. The text was added to `sources` as
// `source`. Limits are checked before yaml-cpp sees the text where it could recurse or grow.
std::optional<Node> parse_yaml(const Sources& sources, SourceId source, Diagnostics& diagnostics,
                               const YamlLimits& limits = {});

// Merges a child file over its parent: maps key by key at all depths (the parent's place is kept, new keys follow),
// texts and lists replace, null deletes (R06 at the key when there is nothing to delete).
Node merge_nodes(const Node& parent, const Node& child, Diagnostics& diagnostics);
std::string to_yaml(const Node& node);  // for `check --flat`: reads back as the same tree

// YAML 1.2 core values of unquoted scalars: null, true/false, integers, floats; everything else text. (`yes`, `010`,
// `1e3` are text, a number that fits nothing is Opaque.) Lists and maps inside.
Value yaml_value(const Node& node);

}  // namespace tessera
