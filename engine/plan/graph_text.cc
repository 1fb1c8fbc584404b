// The graph for people: every output with what fills it, then what is only compared or left out.
#include "base/text.h"
#include "plan/graph.h"
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

std::string text_of(const FillValue& fill) {
  if (fill.at) return "by index";
  return fill.is_integer ? format("{}", fill.integer) : show_float(fill.constant);
}

std::string text_of(const Strided& at) {
  if (at.strides.empty()) return format("{}", at.offset);
  const std::string strides = show_shape(at.strides);
  return at.offset == 0 ? strides : format("{} + {}", at.offset, strides);
}

class GraphText {
 public:
  GraphText(const Graph& graph, const RuleSet& rules, const Sources& sources)
      : graph_(graph), rules_(rules), sources_(sources) {}

  std::string run() {
    TensorId output = none_id;
    bool after = false;
    for (const Move& move : graph_.moves) {
      const bool writes = op_writes(move.op);
      if (writes && (move.to != output || after)) heading(move.to);
      if (!writes && !after) text_ += "compared\n";
      if (writes) output = move.to;
      after = !writes;
      line(move);
    }
    for (const Omission& omission : graph_.omissions) left_out(omission);
    for (const std::string& name : graph_.ignored) text_ += format("ignored {}\n", escape(name, 400));
    for (const std::string& range : graph_.empty_ranges) text_ += format("nothing made: {}\n", range);
    text_ += grade_name(graph_.verdict.grade);
    text_ += graph_.verdict.reason.empty() ? "\n" : format(": {}\n", graph_.verdict.reason);
    return std::move(text_);
  }

 private:
  std::string name(TensorId id) const {
    const Tensor& tensor = graph_.tensors[id];
    return tensor.place == 0 ? escape(tensor.name) : format("{}@{}", escape(tensor.name), tensor.place);
  }
  void heading(TensorId id) {
    const Tensor& tensor = graph_.tensors[id];
    text_ += format("{}  {} {}\n", name(id), info(tensor.dtype).short_name, show_shape(tensor.shape));
  }
  std::string why(RuleId rule, Span span) const {
    if (!span.known()) return rules_.rules[rule].name;
    return format("{} {}:{}", rules_.rules[rule].name, sources_.name(span.source), sources_.position(span).line);
  }
  void line(const Move& move) {
    text_ += format("  {}", op_name(move.op));
    if (move.pad) text_ += " pad";
    if (move.from != none_id) text_ += format(" {}", name(move.from));
    if (!op_writes(move.op) && move.to != none_id) text_ += format(" with {}", name(move.to));
    if (move.fill != none_id) text_ += format(" {}", text_of(graph_.fills[move.fill]));
    text_ += format("  {}", show_shape(move.box.shape));
    if (move.from != none_id) text_ += format(" {}", text_of(move.box.from));
    if (move.to != none_id) text_ += format(" -> {}", text_of(move.box.to));
    if (move.program != none_id)
      for (const ScalarStep& step : graph_.programs[move.program]) text_ += format(" | {}", to_text(step));
    text_ += format("  ({})\n", why(move.why, move.span));
  }
  void left_out(const Omission& omission) {
    constexpr const char* kinds[] = {"pad", "unused", "a copy with a scale of its own"};
    text_ +=
        format("left out {}  {} {}  ({}: {})\n", name(omission.tensor), show_shape(omission.region.shape),
               text_of(omission.region.at), rules_.rules[omission.why].name, kinds[static_cast<size_t>(omission.kind)]);
  }

  const Graph& graph_;
  const RuleSet& rules_;
  const Sources& sources_;
  std::string text_;
};

}  // namespace

std::vector<uint32_t> source_tensors(const Graph& graph, const Tensor& source) {
  return source.stored == none_id ? std::vector{source.index} : graph.stored[source.stored].fields;
}

std::string to_text(const Graph& graph, const RuleSet& rules, const Sources& sources) {
  return GraphText(graph, rules, sources).run();
}

}  // namespace tessera
