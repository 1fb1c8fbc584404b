// The graph for Graphviz: tensors are nodes in clusters (end, place, layer), moves edges, rules their labels.
#include <map>
#include <string>

#include "base/text.h"
#include "plan/sections.h"

namespace tessera {
namespace {

// What a quoted text of dot takes for something else: quotes, backslashes, and ampersands (it reads entities).
std::string dot_text(std::string_view raw) {
  std::string out = "\"";
  for (char c : escape(raw, 2000)) {
    if (c == '&') {
      out += "&amp;";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// Lines, each escaped, in one quoted text.
std::string lines(const std::vector<std::string>& texts) {
  std::string out = "\"";
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string one = dot_text(texts[i]);
    out += (i ? "\\n" : "") + one.substr(1, one.size() - 2);
  }
  return out + '"';
}

class GraphDot {
 public:
  GraphDot(const GraphView& view, const Sink& sink) : view_(view), sink_(sink), places_(view.model) {}

  void run(const std::string& title) {
    sink_(format("digraph plan {{\n  label={};\n", dot_text(title)));
    sink_(
        "  rankdir=LR; ranksep=2; nodesep=0.1; fontname=\"monospace\"; labelloc=t;\n"
        "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"monospace\", fontsize=10];\n"
        "  edge [fontname=\"monospace\", fontsize=9, arrowsize=0.6];\n");
    for (const bool output : {false, true}) end(output);
    for (uint32_t index : view_.moves) edge(index);
    sink_("}\n");
  }

 private:
  void end(bool output) {
    const EndSpec& end = output ? view_.model.to : view_.model.from;
    std::map<uint32_t, std::map<std::string_view, std::vector<TensorId>>> by_place;
    for (TensorId id : view_.tensors)
      if (const Tensor& tensor = view_.tensor(id); tensor.output == output)
        by_place[tensor.place][layer_of(tensor.name)].push_back(id);
    open(view_.rules().file.sides[end.side].s, output ? "#eef6ee" : "#eef2fa");
    for (const auto& [place, by_layer] : by_place) {
      const std::string& label = places_(view_.tensor(by_layer.begin()->second.front()));
      if (!label.empty()) open(label, "#ffffff80");
      for (const auto& [layer, tensors] : by_layer) cluster(layer, tensors);
      if (!label.empty()) sink_("}\n");
    }
    sink_("}\n");
  }
  void open(std::string_view label, const char* color) {
    sink_(format("subgraph cluster_{} {{ label={}; style=filled; color=\"#8888a0\"; fillcolor=\"{}\";\n", clusters_++,
                 dot_text(label), color));
  }
  void cluster(std::string_view layer, const std::vector<TensorId>& tensors) {
    if (!layer.empty()) open(layer, "#ffffff80");
    for (TensorId id : tensors) {
      const Tensor& tensor = view_.tensor(id);
      sink_(format("  t{} [label={}];\n", id,
                   lines({tensor.name, format("{} {}", info(tensor.dtype).short_name, show_shape(tensor.shape))})));
    }
    if (!layer.empty()) sink_("}\n");
  }

  // A constant is a node of its own beside what it fills, or what is compared with it.
  void edge(uint32_t index) {
    const Move& move = view_.graph.moves[index];
    if (move.fill != none_id)
      sink_(format("  c{} [shape=plaintext, style=\"\", label={}];\n", index,
                   dot_text((move.pad ? "pad " : "") + fill_text(view_.graph.fills[move.fill]))));
    const std::string constant = format("c{}", index);
    const std::string from = move.from != none_id ? format("t{}", move.from) : constant;
    const std::string to = move.to != none_id ? format("t{}", move.to) : constant;
    const char* style = op_writes(move.op) ? "" : ", style=dashed, constraint=false";
    const std::string at = at_text(view_.sources, move.span.known() ? move.span : view_.rules().rules[move.why].span);
    sink_(format("  {} -> {} [label={}, tooltip={}{}];\n", from, to, lines({view_.rules().rules[move.why].name, at}),
                 dot_text(format("{} {}", op_name(move.op), move_text(view_.graph, move))), style));
  }

  const GraphView& view_;
  const Sink& sink_;
  PlaceTexts places_;
  int clusters_ = 0;
};

}  // namespace

void draw_dot(const GraphView& view, const std::string& title, const Sink& sink) { GraphDot(view, sink).run(title); }

}  // namespace tessera
