// Tensors that are alike within a band (the ranks of a large mesh, the experts of a stack) are one node with a count.
#include "plan/svg_bands.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/text.h"
#include "plan/folded.h"

namespace tessera {
namespace {

constexpr size_t most_alike = 4;   // tensors of one address and shape that are shown one by one
constexpr size_t most_moves = 12;  // in a tip

struct Cell {  // where a tensor or a rule is drawn
  bool right = false;
  int at = -1;
};

std::string folded(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (const FoldedName& one : fold_names(texts)) out.push_back(one.text);
  return join(out, ", ");
}

class BandDrawing {
 public:
  BandDrawing(const GraphView& view, const Sections& sections, const std::vector<uint32_t>& alike,
              const PlaceTexts& places)
      : view_(view), places_(places), band_(sections.bands[alike.front()]) {
    out_.count = alike.size();
    for (uint32_t one : alike) tensors_.push_back(tensors_of(view, sections.bands[one]));
  }

  SvgBand run() {
    add_nodes();
    for (uint32_t position : band_.moves) add_move(view_.graph.moves[view_.moves[position]]);
    return std::move(out_);
  }

 private:
  void add_nodes() {
    const auto key = [&](TensorId id) {
      const Tensor& t = view_.tensor(id);
      return std::tuple(t.output, t.why.source, t.why.begin, t.why.end, t.dtype, *t.shape);
    };
    std::map<decltype(key(0)), std::vector<size_t>> groups;
    for (size_t i = 0; i < tensors_[0].size(); ++i) groups[key(tensors_[0][i])].push_back(i);
    for (size_t i = 0; i < tensors_[0].size(); ++i) {
      const std::vector<size_t>& group = groups[key(tensors_[0][i])];
      if (group.size() <= most_alike)
        add_node({i});
      else if (group.front() == i)
        add_node(group);
    }
  }

  // `members`: positions in the lists of tensors, one list for each band that is alike.
  void add_node(const std::vector<size_t>& members) {
    std::vector<std::string> names, places;
    for (const std::vector<TensorId>& tensors : tensors_)
      for (size_t member : members) {
        names.push_back(view_.tensor(tensors[member]).name);
        places.push_back(places_(view_.tensor(tensors[member])));
      }
    const Tensor& tensor = view_.tensor(tensors_[0][members[0]]);
    std::vector<SvgNode>& column = tensor.output ? out_.right : out_.left;
    for (size_t member : members) cells_[tensors_[0][member]] = {tensor.output, int(column.size())};
    SvgNode node;
    node.count = names.size();
    node.name = folded(names);
    const std::string place = folded(places);
    node.detail = format("{} {}", info(tensor.dtype).short_name, show_shape(tensor.shape));
    node.tip = format("{}\n{}{}{}", node.name, node.detail, place.empty() ? "" : "\n", place);
    if (!place.empty()) node.detail += "  " + place;
    column.push_back(std::move(node));
  }

  int rule_of(const Move& move) {
    const bool writes = op_writes(move.op);
    const auto [at, added] = rules_.try_emplace(std::pair(move.why, writes), int(out_.rules.size()));
    if (added) {
      const Span span = view_.rules().rules[move.why].span;
      std::string where;
      if (span.known()) {
        const std::string& file = view_.sources.name(span.source);
        where = format("{}:{}", file.substr(file.rfind('/') + 1), view_.sources.position(span).line);
      }
      out_.rules.push_back({view_.rules().rules[move.why].name, writes ? where : "compared  " + where,
                            at_text(view_.sources, span), writes});
      told_.push_back(0);
    }
    return at->second;
  }

  void add_move(const Move& move) {
    const int rule = rule_of(move);
    const auto cell = [&](TensorId id) { return id == none_id ? Cell{} : cells_.at(id); };
    const Cell from = cell(move.from), to = cell(move.to);
    if (op_writes(move.op)) {
      out_.lines.emplace(from.at, rule, to.at);
    } else {
      for (const Cell& one : {from, to})
        if (one.at >= 0) out_.lines.emplace(one.at, rule, -1);
    }
    std::string& tip = out_.rules[size_t(rule)].tip;
    if (++told_[size_t(rule)] <= most_moves)
      tip += format("\n{}{} {}", op_name(move.op), move.pad ? " pad" : "", move_text(view_.graph, move));
    else if (told_[size_t(rule)] == most_moves + 1)
      tip += "\n...";
  }

  const GraphView& view_;
  const PlaceTexts& places_;
  const Band& band_;
  std::vector<std::vector<TensorId>> tensors_;
  std::unordered_map<TensorId, Cell> cells_;
  std::map<std::pair<RuleId, bool>, int> rules_;
  std::vector<size_t> told_;
  SvgBand out_;
};

}  // namespace

SvgBand svg_band(const GraphView& view, const Sections& sections, const std::vector<uint32_t>& alike,
                 const PlaceTexts& places) {
  return BandDrawing(view, sections, alike, places).run();
}

}  // namespace tessera
