// The door of yaml-cpp: its events become Nodes with spans. yaml-cpp recurses over a document, but no deeper than 500
// levels, and its time is linear in the text; our own limits are applied at each event, so nothing grows before it is
// counted. A fault inside leaves the library by one private exception.
#include "rules/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "base/text_hash.h"
#include "rules/yaml_text.h"

namespace tessera {
namespace {

constexpr size_t most_key_bytes = 1024;  // with its quotes: the library looks for a `:` no further

struct Refusal {
  Span span;
  std::string message;
};

class Builder final : public YAML::EventHandler {
 public:
  Builder(SourceId source, std::string_view text, Diagnostics& diagnostics, const YamlLimits& limits)
      : source_(source), text_(text), diagnostics_(diagnostics), limits_(limits) {}

  std::optional<Node> root;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root) refuse(mark, "a rule file is one document");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    check_start(mark);
    add(null_at(mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases are not part of the language");
  }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    refuse(mark, "anchors are not part of the language");
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string& value) override {
    check_start(mark);
    add(scalar_at(mark, value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(mark, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(mark, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {  // a list or map that is still open
    Node node;
    std::optional<Text> key;  // map: read, its value is still to come
    TextMap<Span> keys;       // map: all so far
  };

  [[noreturn]] void refuse(Span span, std::string message) { throw Refusal{span, std::move(message)}; }
  [[noreturn]] void refuse(const YAML::Mark& mark, std::string message) {
    refuse(span_at(mark, 1), std::move(message));
  }
  [[noreturn]] void refuse_key(Span span) {
    refuse(span, format("a key is a text of at most {} bytes", most_key_bytes));
  }

  size_t offset(const YAML::Mark& mark) const {
    return mark.pos < 0 ? 0 : std::min(static_cast<size_t>(mark.pos), text_.size());
  }
  Span span_at(const YAML::Mark& mark, size_t length) const {
    const size_t begin = offset(mark), end = std::min(begin + length, text_.size());
    return {source_, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  }
  char first_byte(const YAML::Mark& mark) const { return offset(mark) < text_.size() ? text_[offset(mark)] : '\0'; }

  void check_start(const YAML::Mark& mark) {
    const char c = first_byte(mark);
    if (c == '!') refuse(mark, "tags are not part of the language");
    if (c == '&') refuse(mark, "anchors are not part of the language");
    if (c == '|' || c == '>') refuse(mark, "block scalars are not part of the language; a text stands on one line");
  }

  void count(Span span) {
    if (++nodes_ > limits_.nodes) refuse(span, format("a rule file has at most {} nodes", limits_.nodes));
  }

  Node scalar_at(const YAML::Mark& mark, const std::string& value) {
    Node node;
    node.kind = Node::Kind::scalar;
    const char c = first_byte(mark);
    node.quoted = c == '"' || c == '\'';
    if (value.size() > limits_.scalar) refuse(mark, format("a text has at most {} bytes", limits_.scalar));
    auto text = node.quoted ? unquote(source_, text_, offset(mark)) : Text{value, span_at(mark, value.size()), {}};
    const bool plain_on_one_line = node.quoted || text_.substr(offset(mark), value.size()) == value;
    if (!text || text->s != value || !plain_on_one_line)
      refuse(mark, "a text ends on its line; is a quote or a bracket missing?");
    for (size_t i = 0; i < value.size(); ++i)
      if (static_cast<unsigned char>(value[i]) < 0x20 || value[i] == 0x7f)
        refuse(text->at(i, i + 1), "a control character; a text stands on one line");
    node.text = std::move(*text);
    node.span = node.text.span;
    return node;
  }

  // `~` and `null` keep their text; where nothing stands, the text is empty and the place is that of the key.
  Node null_at(const YAML::Mark& mark) {
    Node node;
    const std::string_view rest = text_.substr(offset(mark));
    for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
      const std::string_view behind = rest.substr(std::min(word.size(), rest.size()));
      if (!rest.starts_with(word) || (!behind.empty() && std::string_view(" \r\n,]}").find(behind[0]) == behind.npos))
        continue;
      node.text = {std::string(word), span_at(mark, word.size()), {}};
    }
    const bool under_key = !open_.empty() && open_.back().key;
    if (node.text.empty()) node.text.span = under_key ? open_.back().key->span : span_at(mark, 0);
    node.span = node.text.span;
    return node;
  }

  void open(const YAML::Mark& mark, Node::Kind kind) {
    check_start(mark);
    count(span_at(mark, 1));
    if (!open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().key) refuse_key(span_at(mark, 1));
    if (open_.size() >= limits_.depth) refuse(mark, format("a rule file nests at most {} deep", limits_.depth));
    Frame frame;
    frame.node.kind = kind;
    frame.node.span = span_at(mark, 1);
    open_.push_back(std::move(frame));
  }

  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    if (!node.items.empty()) node.span = {source_, node.items.front().span.begin, node.items.back().span.end};
    if (!node.entries.empty())
      node.span = {source_, node.entries.front().first.span.begin, node.entries.back().second.span.end};
    place(std::move(node));
  }

  void add(Node node) {
    count(node.span);
    if (!open_.empty() && open_.back().node.kind == Node::Kind::map && !open_.back().key)
      return add_key(std::move(node));
    place(std::move(node));
  }

  // The library takes a lone word for a key without a value.
  void require_colon(const Node& key) {
    size_t at = key.span.end + (key.quoted ? 1 : 0);
    while (at < text_.size() && text_[at] == ' ') ++at;
    if (at >= text_.size() || text_[at] != ':') refuse(key.span, "a key without its `:`");
  }

  void add_key(Node node) {
    if (node.kind != Node::Kind::scalar) refuse_key(node.span);
    if (node.text.s == "<<" && !node.quoted) refuse(node.span, "merge keys are not part of the language");
    require_colon(node);
    Frame& frame = open_.back();
    const auto [known, fresh] = frame.keys.emplace(node.text.s, node.span);
    if (!fresh) {
      Diagnostic& twice = diagnostics_.error("R01", node.span, format("`{}` is given twice", escape(node.text.s)));
      twice.related.push_back({known->second, "first here"});
    }
    frame.key = std::move(node.text);
  }

  void place(Node node) {
    if (open_.empty()) {
      root = std::move(node);
    } else if (Frame& frame = open_.back(); frame.node.kind == Node::Kind::list) {
      frame.node.items.push_back(std::move(node));
    } else {
      frame.node.entries.push_back({std::move(*frame.key), std::move(node)});
      frame.key.reset();
    }
  }

  SourceId source_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  const YamlLimits& limits_;
  std::vector<Frame> open_;
  size_t nodes_ = 0;
};

std::string reason_of(const YAML::Exception& fault, std::string_view text, size_t at) {
  const size_t line = text.rfind('\n', at) + 1;
  if (fault.msg == YAML::ErrorMsg::MAP_VALUE && at - line > most_key_bytes)
    return format("a key has at most {} bytes", most_key_bytes);
  return "this is not YAML: " + fault.msg;
}

void handle_all(Builder& builder, const std::string& text, SourceId source) {
  std::istringstream stream(text);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& fault) {
    const size_t at = fault.mark.pos < 0 ? 0 : std::min(static_cast<size_t>(fault.mark.pos), text.size());
    const auto begin = static_cast<uint32_t>(at);
    throw Refusal{{source, begin, begin}, reason_of(fault, text, at)};
  }
}

}  // namespace

std::optional<Node> parse_yaml(const Sources& sources, SourceId source, Diagnostics& diagnostics,
                               const YamlLimits& limits) {
  const std::string& text = sources.text(source);
  if (const auto fault = find_byte_fault(source, text, limits.bytes)) {
    diagnostics.error("R01", fault->span, fault->message);
    return std::nullopt;
  }
  const size_t errors = diagnostics.error_count();
  Builder builder(source, text, diagnostics, limits);
  try {
    handle_all(builder, text, source);
    if (!builder.root) throw Refusal{{source, 0, 0}, "the file is empty"};
  } catch (const Refusal& refusal) {
    diagnostics.error("R01", refusal.span, refusal.message);
  }
  if (diagnostics.error_count() > errors) return std::nullopt;
  return std::move(builder.root);
}

}  // namespace tessera
