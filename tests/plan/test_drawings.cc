// Views of a graph and their drawings: what is asked for, what is alike, and names from hostile files.
#include <doctest/doctest.h>

#include <cmath>

#include "plan/built.h"
#include "plan/graph_view.h"
#include "plan/sections.h"

namespace tessera {
namespace {

// Three layers, of which the last has another shape; experts; a head beside the layers.
constexpr const char* layered =
    "axes: { l: 2, m: 1, h: 4, f: { size: 6, split: tp }, e: 3 }\n"
    "blocks:\n"
    "  head: { out: { hf: head.w  h, mcore: out.w  h } }\n"
    "  layer: { up: { hf: up.w  f h, mcore: fc.w  f h }, experts: { hf: x.<e>.w  h, mcore: x.w<e>  h } }\n"
    "  last: { up: { hf: up.w  h, mcore: fc.w  h } }\n"
    "model:\n"
    "  - { use: head }\n"
    "  - { use: layer, hf: layers.<l>, mcore: decoder.<l>, for: l in 0..2 }\n"
    "  - { use: last, hf: layers.<2 + m>, mcore: decoder.<2 + m>, for: m in 0..1 }\n";

struct Drawn {
  explicit Drawn(const std::string& sections, Mesh mesh = single_place) : built(sections) {
    const EndSpec from = built.end("hf"), to = built.end("mcore", mesh);
    const Contents source = built.declare(from);
    auto made = built.graph(from, to, source);
    INFO(built.errors());
    REQUIRE(made.has_value());
    graph = *std::move(made);
    merge(graph);
    order(graph, source);
  }
  GraphView view(const Narrowing& narrowing = {}) const {
    return view_of(graph, *built.model, built.rules.sources, narrowing);
  }

  Built built;
  Graph graph;
};

template <class Draw>
std::string drawn(Draw draw) {
  std::string text;
  draw([&](std::string_view piece) { text += piece; });
  return text;
}

std::vector<std::string> names(const GraphView& view) {
  std::vector<std::string> out;
  for (TensorId id : view.tensors) out.push_back(view.tensor(id).name);
  return out;
}

TEST_CASE("a view holds what touches a name that is asked for, and nothing is renumbered") {
  const Drawn d(layered, {2, 1, 1, 1, 1});
  CHECK(d.view().tensors.size() == d.graph.tensors.size());
  CHECK(d.view().moves.size() == d.graph.moves.size());
  CHECK(names(d.view({"*up.w", 1})) == std::vector<std::string>{"layers.1.up.w", "decoder.1.fc.w", "decoder.1.fc.w"});
  CHECK(names(d.view({"layers.*.up", {}})).empty());
  CHECK(names(d.view({"head*", {}})) == std::vector<std::string>{"head.w", "out.w", "out.w"});
  for (uint32_t index : d.view({"", 1}).moves) CHECK(d.graph.moves[index].box->shape.size() > 0);
}

TEST_CASE("layers that differ in their numbers alone are one section; bands that do, one kind") {
  const Drawn d(layered);
  const GraphView view = d.view();
  const Sections all = sections_of(view);
  std::vector<std::string> titles;
  for (const Section& section : all.sections) titles.push_back(section.title);
  CHECK(join(titles, "; ") == "outside of the layers; layers.<0, 1>; layers.2");
  const Layer& layer = all.layers[all.sections[1].layers[1]];
  CHECK(layer.title == "layers.1");
  REQUIRE(layer.kinds.size() == 2);  // `up`, and three experts that are alike
  CHECK(layer.kinds[0].size() == 1);
  CHECK(layer.kinds[1].size() == 3);
  size_t moves = 0;
  for (const Band& band : all.bands) moves += band.moves.size();
  CHECK(moves == view.moves.size());
}

TEST_CASE("layers count within a stage where no end has them all") {
  Drawn d(layered);
  d.built.model->from.mesh = d.built.model->to.mesh = {1, 2, 1, 1, 1};
  for (Tensor& tensor : d.graph.tensors) tensor.place = tensor.name->find(".1.") != std::string::npos;
  const Sections all = sections_of(d.view());
  CHECK(all.layers[1].title == "decoder.0 on pp0");
  CHECK(all.layers[2].title == "decoder.1 on pp1");
}

TEST_CASE("layer_of: up to the first number that is a whole segment") {
  CHECK(layer_of("model.layers.7.mlp.w") == "model.layers.7");
  CHECK(layer_of("h.12") == "h.12");
  CHECK(layer_of("norm1.w2") == "");
  CHECK(layer_of("") == "");
  CHECK(layer_of("..3.") == "..3");
}

TEST_CASE("costs: what several moves take of a source counts once") {
  const Drawn d(layered, {2, 1, 1, 1, 1});
  const Costs costs = costs_of(d.view({"head*", {}}));
  CHECK(costs.sources == 1);
  CHECK(costs.outputs == 2);
  CHECK(costs.moves == 2);
  CHECK(costs.bytes_read == 16);
  CHECK(costs.bytes_written == 32);
  CHECK(costs.casts == 0);
  CHECK(costs.largest == 16);
}

TEST_CASE("the picture shows layers that are alike once, and as many tensors as there are") {
  const Drawn d(layered);
  const std::string svg = drawn([&](const Sink& sink) { draw_svg(d.view(), "t", sink); });
  CHECK(svg.find("layers.&lt;0, 1&gt;.x.&lt;0..2&gt;.w") != svg.npos);
  CHECK(svg.find("\u00d76<") != svg.npos);  // two layers of three experts
  CHECK(svg.find("2 alike, drawn once") != svg.npos);
}

TEST_CASE("an address is told as the rule derives it; a copy that shares it hides its name") {
  const Drawn d(
      "axes: { h: 4, f: 6 }\n"
      "blocks: { b: { w: { hf: w.weight  f h, mcore: x.weight  h f, in: h, bias: true }, e: { hf: e  h, mcore: e  h } "
      "} }\n"
      "model: [{ use: b }]\n"
      "same: [{ of: b.e, mcore: again }]\n");
  const std::string json = drawn([&](const Sink& sink) { draw_json(d.view(), {}, sink); });
  const Value read = parse_json(json, "json");
  std::vector<std::string> texts;
  for (const Value& one : *find_path(*read.as_map(), "graph.addresses")->as_list())
    texts.push_back(*one.as_map()->find("text")->as_string());
  CHECK(join(texts, "; ") == "w.weight  f h; x.weight  h f; w.bias  f; x.bias  f; e  h; h");
}

TEST_CASE("numbers that JSON cannot say are texts") {
  const Drawn d(layered);
  Map head, config;
  config["a"] = List{HUGE_VAL, -HUGE_VAL, std::nan(""), 1.5};
  head["config"] = config;
  const std::string json = drawn([&](const Sink& sink) { draw_json(d.view(), head, sink); });
  const Value read = parse_json(json, "json");
  CHECK(show(*find_path(*read.as_map(), "config.a")) == "[\"inf\", \"-inf\", \"nan\", 1.5]");
}

TEST_CASE("a hostile name stays text in every drawing") {
  Drawn d(layered);
  const std::string evil = "</script><img src=x onerror=alert(1)>\"'&amp;\\N\x1b[31m\xff\xe2\x80\xae]]>-->";
  for (Tensor& tensor : d.graph.tensors) tensor.name = evil;
  const GraphView view = d.view();
  Map head;
  head["family"] = evil;
  const std::string html = drawn([&](const Sink& sink) { draw_html(view, head, sink); });
  const std::string json = drawn([&](const Sink& sink) { draw_json(view, head, sink); });
  const std::string svg = drawn([&](const Sink& sink) { draw_svg(view, evil, sink); });
  const std::string dot = drawn([&](const Sink& sink) { draw_dot(view, evil, sink); });
  CHECK(html.find("<img") == html.npos);
  CHECK(html.find("\\u003c/script>\\u003cimg src=x onerror=alert(1)>") != html.npos);
  CHECK(parse_json(json, "json").as_map());
  CHECK(svg.find("<img") == svg.npos);
  CHECK(svg.find("&lt;/script&gt;&lt;img src=x") != svg.npos);
  for (const std::string& picture : {svg, dot}) {
    CHECK(is_utf8(picture));
    CHECK(picture.find('\x1b') == picture.npos);
    CHECK(picture.find("\xe2\x80\xae") == picture.npos);
  }
  CHECK(dot.find("\\\"'&amp;amp;\\\\") != dot.npos);
}

}  // namespace
}  // namespace tessera
