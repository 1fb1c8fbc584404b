// What is drawn of a graph: ids into it, so that narrowing copies nothing. Every drawing is a pass over a view.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/graph.h"
#include "plan/model.h"

namespace tessera {

// Takes text piece by piece: a drawing never stands in memory as a whole.
using Sink = std::function<void(std::string_view)>;

bool glob(std::string_view pattern, std::string_view text);  // `*` stands for anything

struct Narrowing {
  std::string glob;              // of tensors' names, `*` for anything; empty: all
  std::optional<int64_t> layer;  // a number that stands in the name as a whole segment
};

struct GraphView {
  const Graph& graph;
  const Model& model;
  const Sources& sources;
  std::vector<TensorId> tensors;     // ascending
  std::vector<uint32_t> moves;       // indices into Graph::moves, ascending
  std::vector<uint32_t> omissions;   // indices into Graph::omissions
  std::vector<std::string> ignored;  // of Graph::ignored; none when narrowed

  const RuleSet& rules() const { return *model.rules; }
  const Tensor& tensor(TensorId id) const { return graph.tensors[id]; }
};

// The moves that touch a tensor which is asked for, and every tensor that they touch.
GraphView view_of(const Graph& graph, const Model& model, const Sources& sources, const Narrowing& narrowing = {});

// What a view costs to carry out.
struct Costs {
  uint64_t sources = 0, outputs = 0, moves = 0, casts = 0,
           compares = 0;  // casts: copies that change the dtype or the value
  uint64_t bytes_read =
      0;  // of each source, what its moves take; a byte that several take counts once at most as the tensor has
  uint64_t bytes_written = 0;  // pads included
  uint64_t largest = 0;        // bytes of the largest tensor
};
Costs costs_of(const GraphView& view);

// --- words that drawings share
// ----------------------------------------------------------------------------------------

uint64_t bytes_of(const Tensor& tensor);
std::string place_text(const EndSpec& end,
                       const Coordinates& at);  // "tp1 pp0"; "" for an end of one place; etp where it is not tp
std::string fill_text(const FillValue& fill);   // "0", "by index"
std::string move_text(const Graph& graph, const Move& move);  // "[4, 8] [8, 1] -> 2 + [16, 1] | plus(1)"
std::string at_text(const Sources& sources, Span span);       // "rules/a.yaml:41:7"; "" for an unknown one
// "attn.<l>.weight  (g d) h | plus(1)", or its layout alone.
std::string address_text(const Address& address, bool with_name);

// Coordinates of both ends' places, once for a whole drawing.
class PlaceTexts {
 public:
  explicit PlaceTexts(const Model& model);
  const std::string& operator()(const Tensor& tensor) const;

 private:
  std::vector<std::string> from_, to_;
};

// --- drawings
// -----------------------------------------------------------------------------------------------------------

void draw_text(const GraphView& view, const Sink& sink);
// `head`: what the face knows of the whole plan; its entries come before the graph's. schemas/plan.schema.json.
void draw_json(const GraphView& view, const Map& head, const Sink& sink);
void draw_dot(const GraphView& view, const std::string& title, const Sink& sink);  // Graphviz; complete
void draw_svg(const GraphView& view, const std::string& title, const Sink& sink);  // a picture; folds what is alike
void draw_html(const GraphView& view, const Map& head, const Sink& sink);          // one self-contained page; complete

}  // namespace tessera
