// The graph for people: every output with what fills it, then what is only compared or left out.
#include <map>
#include <numeric>
#include <tuple>

#include "base/text.h"
#include "plan/graph_view.h"
#include "plan/values.h"

namespace tessera {

const char* op_name(Op op) {
  switch (op) {
#define TESSERA_OP(name, sources, writes, exactness) \
  case Op::name:                                     \
    return #name;
#include "plan/op_list.h"
#undef TESSERA_OP
  }
  return "";
}

bool op_writes(Op op) {
  switch (op) {
#define TESSERA_OP(name, sources, writes, exactness) \
  case Op::name:                                     \
    return writes;
#include "plan/op_list.h"
#undef TESSERA_OP
  }
  return false;
}

namespace {

std::string text_of(const Strided& at) {
  if (at.strides.empty()) return format("{}", at.offset);
  const std::string strides = show_shape(at.strides);
  return at.offset == 0 ? strides : format("{} + {}", at.offset, strides);
}

class GraphText {
 public:
  GraphText(const Graph& graph, const RuleSet& rules, const Sources& sources, const Sink& sink)
      : graph_(graph), rules_(rules), sources_(sources), sink_(sink) {}

  void run(const std::vector<uint32_t>& moves, const std::vector<uint32_t>& omissions,
           const std::vector<std::string>& ignored) {
    TensorId output = none_id;
    bool after = false;
    for (uint32_t index : moves) {
      const Move& move = graph_.moves[index];
      const bool writes = op_writes(move.op);
      if (writes && (move.to != output || after)) heading(move.to);
      if (!writes && !after) text_ += "compared\n";
      if (writes) output = move.to;
      after = !writes;
      line(move);
      hand_over_piece();
    }
    for (uint32_t index : omissions) {
      left_out(graph_.omissions[index]);
      hand_over_piece();
    }
    for (const std::string& name : ignored) {
      add("ignored {}\n", escape(name, 400));
      hand_over_piece();
    }
    for (const std::string& range : graph_.empty_ranges) add("nothing made: {}\n", range);
    const Verdict& verdict = graph_.verdict;
    add("{}{}{}\n", grade_name(verdict.grade), verdict.reason.empty() ? "" : ": ", verdict.reason);
    hand_over();
  }

 private:
  using Likeness = std::tuple<const Box*, uint32_t, uint32_t, bool, bool, RuleId, SourceId, uint32_t>;
  static constexpr size_t most_tails = 4096;  // kept at once

  template <class... Args>
  void add(fmt::format_string<Args...> form, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), form, std::forward<Args>(args)...);
  }
  void hand_over() {
    sink_(text_);
    text_.clear();
  }
  void hand_over_piece() {
    constexpr size_t piece = 64 << 10;  // bytes
    if (text_.size() >= piece) hand_over();
  }
  void add_name(TensorId id) {
    const Tensor& tensor = graph_.tensors[id];
    text_ += escape(tensor.name);
    if (tensor.place != 0) add("@{}", tensor.place);
  }
  void heading(TensorId id) {
    const Tensor& tensor = graph_.tensors[id];
    add_name(id);
    add("  {} {}\n", info(tensor.dtype).short_name, show_shape(tensor.shape));
  }
  std::string why(RuleId rule, Span span) const {
    if (!span.known()) return rules_.rules[rule].name;
    return format("{} {}:{}", rules_.rules[rule].name, sources_.name(span.source), sources_.position(span).line);
  }
  void line(const Move& move) {
    add("  {}", op_name(move.op));
    if (move.pad) text_ += " pad";
    if (move.from != none_id) text_ += ' ', add_name(move.from);
    if (!op_writes(move.op) && move.to != none_id) text_ += " with ", add_name(move.to);
    text_ += tail(move);
  }
  // What follows the names: the same for most layers, since they share a box.
  const std::string& tail(const Move& move) {
    if (tails_.size() == most_tails) tails_.clear();
    const Likeness like{&*move.box,         move.fill, move.program,     move.from != none_id,
                        move.to != none_id, move.why,  move.span.source, move.span.begin};
    const auto [at, fresh] = tails_.try_emplace(like);
    if (fresh)
      at->second =
          format("{}{}  ({})\n", move.fill != none_id ? " " : "  ", move_text(graph_, move), why(move.why, move.span));
    return at->second;
  }
  void left_out(const Omission& omission) {
    constexpr const char* kinds[] = {"pad", "unused", "a copy with a scale of its own"};
    text_ += "left out ";
    add_name(omission.tensor);
    add("  {} {}  ({}: {})\n", show_shape(omission.region.shape), text_of(omission.region.at),
        rules_.rules[omission.why].name, kinds[static_cast<size_t>(omission.kind)]);
  }

  const Graph& graph_;
  const RuleSet& rules_;
  const Sources& sources_;
  const Sink& sink_;
  std::string text_;  // not handed over yet
  std::map<Likeness, std::string> tails_;
};

}  // namespace

std::vector<uint32_t> source_tensors(const Graph& graph, const Tensor& source) {
  return source.stored == none_id ? std::vector{source.index} : graph.stored[source.stored].fields;
}

std::string move_text(const Graph& graph, const Move& move) {
  std::string text = move.fill != none_id ? fill_text(graph.fills[move.fill]) + "  " : "";
  text += show_shape(move.box->shape);
  if (move.from != none_id) text += format(" {}", text_of(move.box->from));
  if (move.to != none_id) text += format(" -> {}", text_of(move.box->to));
  if (move.program != none_id)
    for (const ScalarStep& step : graph.programs[move.program]) text += format(" | {}", to_text(step));
  return text;
}

void draw_text(const GraphView& view, const Sink& sink) {
  GraphText(view.graph, view.rules(), view.sources, sink).run(view.moves, view.omissions, view.ignored);
}

std::string to_text(const Graph& graph, const RuleSet& rules, const Sources& sources) {
  std::string text;
  const auto all = [](size_t count) {
    std::vector<uint32_t> ids(count);
    std::iota(ids.begin(), ids.end(), 0u);
    return ids;
  };
  GraphText(graph, rules, sources, [&](std::string_view piece) {
    text += piece;
  }).run(all(graph.moves.size()), all(graph.omissions.size()), graph.ignored);
  return text;
}

}  // namespace tessera
