// A rule file and its parents: loaded one by one, merged from the oldest on.
#include <algorithm>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "rules/expr_lex.h"
#include "rules/parse_form.h"
#include "rules/source_file.h"

namespace tessera {
namespace {

constexpr size_t most_parents = 32;
constexpr size_t most_bytes = size_t{2} << 20;  // of a file and its parents

Span start_of(const Node& root) { return {root.span.source, root.span.begin, root.span.begin}; }

// What each file of a chain must say for itself.
bool check_head(const Node& root, Diagnostics& diagnostics) {
  if (root.kind != Node::Kind::map)
    return diagnostics.error("R01", root.span, "a rule file is a map of sections"), false;
  const Node* version = root.find("rules");
  if (!version) return diagnostics.error("R01", start_of(root), "the version is missing: `rules: 1`"), false;
  if (version->kind != Node::Kind::scalar || version->quoted || version->text.s != "1")
    return diagnostics.error("R01", version->span,
                             version->kind == Node::Kind::scalar
                                 ? format("version {} of the language is not known", escape(version->text.s))
                                 : "the version is a number",
                             "this program knows `rules: 1`"),
           false;
  if (!root.find("family"))
    return diagnostics.error("R01", start_of(root), "the name is missing: `family: ...`"), false;
  return true;
}

struct Parent {
  std::filesystem::path path;
  std::string text;
};

// Beside the file, else in the rule path.
std::optional<Parent> find_parent(const std::string& name, const std::filesystem::path& child,
                                  const RulePath& rule_path) {
  std::vector<std::filesystem::path> folders{child.parent_path()};
  folders.insert(folders.end(), rule_path.folders.begin(), rule_path.folders.end());
  for (const auto& folder : folders) {
    const auto path = path_in(folder, name + ".yaml");
    if (auto text = rule_path.load(path)) return Parent{path, *std::move(text)};
  }
  return std::nullopt;
}

// A family name is one file name: letters, digits, `_`, `-`; nothing leads out of a folder.
bool is_family(const Node& node) {
  const bool safe = node.text.s.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                    std::string::npos;
  return node.kind == Node::Kind::scalar && !node.text.empty() && safe;
}

class Chain {
 public:
  Chain(const RulePath& rule_path, Sources& sources, Diagnostics& diagnostics)
      : rule_path_(rule_path), sources_(sources), diagnostics_(diagnostics) {}

  // Adds the file and its parents. False after an error.
  bool add(const std::filesystem::path& path, std::string text) {
    for (Parent next{path, std::move(text)};;) {
      paths_.push_back(plain_path(next.path));
      auto root = parse_source(next.path, std::move(next.text), sources_, diagnostics_);
      if (!root || !check_head(*root, diagnostics_)) return false;
      nodes_.push_back(*std::move(root));
      const Node* extends = nodes_.back().find("extends");
      if (!extends) return true;
      auto parent = load_parent(*extends);
      if (!parent) return false;
      next = *std::move(parent);
    }
  }

  Node merged() {
    Node tree = std::move(nodes_.back());
    for (size_t i = nodes_.size() - 1; i-- > 0;) {
      std::erase_if(nodes_[i].entries, [](const auto& entry) { return entry.first.s == "extends"; });
      tree = merge_nodes(tree, nodes_[i], diagnostics_);
    }
    return tree;
  }

 private:
  std::optional<Parent> load_parent(const Node& extends) {
    const auto wrong = [&](std::string message) {
      diagnostics_.error("R01", extends.span, std::move(message));
      return std::nullopt;
    };
    if (!is_family(extends)) return wrong("`extends` names one family: letters, digits, `_` and `-`");
    auto parent = find_parent(extends.text.s, paths_.back(), rule_path_);
    if (!parent)
      return wrong(format("there is no rule file `{}.yaml` beside this file or in the rule path", extends.text.s));
    if (std::find(paths_.begin(), paths_.end(), plain_path(parent->path)) != paths_.end())
      return wrong(format("`{}` extends itself: the files form a ring", extends.text.s));
    if (paths_.size() >= most_parents) return wrong(format("at most {} files extend one another", most_parents));
    if ((bytes_ += parent->text.size()) > most_bytes)
      return wrong(format("a file and its parents have at most {} bytes", most_bytes));
    return parent;
  }

  const RulePath& rule_path_;
  Sources& sources_;
  Diagnostics& diagnostics_;
  std::vector<std::filesystem::path> paths_;
  size_t bytes_ = 0;         // of the parents
  std::vector<Node> nodes_;  // the file, its parent, ...
};

}  // namespace

std::optional<Node> parse_source(const std::filesystem::path& path, std::string text, Sources& sources,
                                 Diagnostics& diagnostics) {
  const YamlLimits limits;
  const bool too_long = text.size() > limits.bytes;
  const SourceId source = sources.add(path.string(), too_long ? std::string() : std::move(text));
  if (!too_long) return parse_yaml(sources, source, diagnostics, limits);
  diagnostics.error("R01", {source, 0, 0}, format("a rule file has at most {} bytes", limits.bytes));
  return std::nullopt;
}

std::optional<RuleFile> parse_rule_file(const std::filesystem::path& path, const RulePath& rule_path, Sources& sources,
                                        Diagnostics& diagnostics) {
  auto text = rule_path.load(path);
  if (!text) fail_world(escape(path.string()) + ": no such rule file");
  Chain chain(rule_path, sources, diagnostics);
  if (!chain.add(path, *std::move(text))) return std::nullopt;
  return parse_tree(chain.merged(), path.string(), diagnostics);
}

}  // namespace tessera
