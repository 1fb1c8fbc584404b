// An explanation for people: the tensor that was asked for, then each tensor at the other ends of its moves.
#include <algorithm>

#include "base/text.h"
#include "explaining.h"

namespace tessera {
namespace {

std::string strided_text(const Strided& at) {
  if (at.strides.empty()) return format("{}", at.offset);
  return at.offset == 0 ? show_shape(at.strides) : format("{} + {}", at.offset, show_shape(at.strides));
}

std::string bytes_text(const FileBytes& bytes) {
  const std::string range = bytes.end - bytes.begin <= 8 ? format("byte {}", bytes.begin)
                                                         : format("bytes {}..{}", bytes.begin, bytes.end - 1);
  const std::string packed =
      bytes.packed_at ? format(" of what unpacks from byte {}", *bytes.packed_at) : std::string();
  return format("{}, {}{}", escape(bytes.file, 400), range, packed);
}

// Which indices stand here: "2..3 of 4".
std::string held_text(const LaidAxis& axis) {
  std::vector<int64_t> held = axis.given;
  constexpr int64_t most_listed = 4096;
  for (const SlotRun& run : axis.slots.held)
    for (int64_t i = 0; axis.given.empty() && i < run.length && i < most_listed; ++i) held.push_back(run.index + i);
  const bool all = axis.given.empty() && axis.slots.held.size() == 1 && axis.slots.held[0].length == axis.size;
  std::ranges::sort(held);
  return all ? format("{}", axis.size) : format("{} of {}", fold_numbers(held), axis.size);
}

std::string axis_text(const LaidAxis& axis) {
  std::string text = axis.name + " " + held_text(axis);
  if (!axis.split.empty()) text += " by " + axis.split;
  if (axis.star) text += " copies";
  if (axis.laid) text += format(" stride {}", axis.stride);
  int64_t empty = 0;
  for (const SlotRun& run : axis.slots.empty) empty += run.length;
  if (empty > 0 && axis.laid) text += format(" and {} empty", empty);
  return text;
}

class ExplanationText {
 public:
  ExplanationText(const ExplainContext& context, const Explanation& explanation)
      : context_(context), graph_(context.prepared.plan.graph), rules_(context.prepared.rules.set), it_(explanation) {}

  std::vector<std::string> run() {
    if (it_.element) {
      element(*it_.element);
    } else {
      tensor(it_.tensors[0]);
      rules();
      lines_of(0);
    }
    left_out();
    for (size_t i = 1; i < it_.tensors.size() && !it_.element; ++i) {
      tensor(it_.tensors[i]);
      lines_of(i);
    }
    return std::move(lines_);
  }

 private:
  void line(const std::string& title, const std::string& text) { lines_.push_back(format("  {:<9} {}", title, text)); }
  void more(const std::string& text) { lines_.push_back("            " + text); }

  std::string name(const ToldTensor& one) const {
    return escape(one.label.empty() ? one.name : one.label + ":" + one.name, 400);
  }
  std::string name_of(TensorId id) const { return name(*std::ranges::find(it_.tensors, id, &ToldTensor::id)); }
  std::string side(const ToldTensor& one) const {
    const Model& model = context_.prepared.plan.model;
    const EndSpec& end = one.output ? model.to : model.from;
    const auto same = [&](size_t d) {
      return MeshDim(d) == MeshDim::etp && end.mesh[d] == end.mesh[size_t(MeshDim::tp)];
    };
    std::string ranks;
    for (size_t d = 0; d < one.at.size(); ++d)
      if (end.mesh[d] > 1 && !same(d)) ranks += format(" {}{}", mesh_dim_names[d], one.at[d]);
    return format("{} {}{}", one.output ? "target" : "source", rules_.file.sides[end.side].s, ranks);
  }

  void tensor(const ToldTensor& one) {
    lines_.push_back(format("{}  {} {}  {}", name(one), info(one.dtype).short_name, show_shape(one.shape), side(one)));
    for (const FileBytes& range : one.bytes) line("bytes", bytes_text(range));
    encoded(one);
    renamed(one);
    for (const Laying& laying : one.layings) layout(laying);
  }

  void encoded(const ToldTensor& one) {
    if (one.id == none_id) return;
    const Tensor& tensor = graph_.tensors[one.id];
    if (!tensor.weight.empty()) line("field", "of the encoded weight " + escape(tensor.weight, 400));
    if (tensor.stored == none_id) return;
    std::vector<std::string> names;
    for (const std::string& name : graph_.stored[tensor.stored].names) names.push_back(escape(name, 400));
    line("decoded", "of " + join(names, ", "));
  }

  void renamed(const ToldTensor& one) {
    if (one.renamed_by.empty()) return;
    line("renamed", escape(one.layings[0].name, 400) + ", as the rules write it");
    for (const RenameLine* by : one.renamed_by)
      more(format("{}  {}: {}", place_text(context_, by->left_text.span), by->left_text.s, by->right_text.s));
  }

  void layout(const Laying& laying) {
    const std::string text = to_text(laying.address->layout);
    line("layout", format("{}{}", text.empty() ? "a scalar" : text,
                          laying.copy ? format("  (a further copy of {})", rules_.rules[laying.rule].name) : ""));
    for (const LaidPart& part : laying.parts) {
      std::vector<std::string> axes;
      for (const LaidAxis& axis : part.axes) axes.push_back(axis_text(axis));
      if (!axes.empty()) more(format("{}{}", part.name.empty() ? "" : part.name + ": ", join(axes, ", ")));
    }
  }

  void rules() {
    for (const RuleId rule : rules_of(graph_, it_)) {
      line("rule", rules_.rules[rule].name);
      for (const RuleLine& one : rule_lines(context_, it_, rule)) more(one.at + "  " + one.text);
    }
  }

  // The tensor under which a move is told: the one at its other end.
  size_t told_under(const Move& move) const {
    const TensorId asked = it_.tensors[0].id;
    const TensorId other = move.from != none_id && move.from != asked ? move.from : move.to;
    for (size_t i = 0; i < it_.tensors.size(); ++i)
      if (it_.tensors[i].id == other) return i;
    return 0;
  }

  void lines_of(size_t tensor) {
    for (const uint32_t i : it_.moves)
      if (told_under(graph_.moves[i]) == tensor) move(graph_.moves[i]);
  }

  void move(const Move& one) {
    std::string text = show_shape(one.box->shape);
    if (one.from != none_id) text += " from " + strided_text(one.box->from);
    if (one.to != none_id) text += (op_writes(one.op) ? " to " : " with ") + strided_text(one.box->to);
    for (const std::string& step : steps_text(context_, one)) text += " | " + step;
    if (one.fill != none_id)
      text += format(", {}{}", one.pad ? "a pad: " : "",
                     graph_.fills[one.fill].at ? "a constant by index" : value_text(graph_.fills[one.fill]));
    else if (one.pad)
      text += ", a pad: the last index again";
    const bool compares =
        one.op == Op::compare && one.to != none_id && it_.tensors[0].id != one.to && it_.tensors[0].id != one.from;
    if (compares) text += " of " + name_of(one.to);
    line(op_writes(one.op) ? op_name(one.op) : "compare", text);
  }

  void left_out() {
    if (it_.tensors[0].id == none_id) {
      if (it_.element) tensor(it_.tensors[0]);
      line("left out", it_.ignored ? it_.ignored->reason : "it has no elements");
      if (it_.ignored)
        more(format("{}  {}", place_text(context_, it_.ignored->pattern_text.span), it_.ignored->pattern_text.s));
    }
    for (const uint32_t i : it_.omissions) {
      const Omission& omission = graph_.omissions[i];
      line("left out", format("{} at {}: {} ({})", show_shape(omission.region.shape), strided_text(omission.region.at),
                              omission_text(omission.kind), rules_.rules[omission.why].name));
    }
  }

  std::string element_name(const ToldSite& site) const {
    const ToldTensor& of = it_.tensors[site.tensor];
    return name(of) + show_shape(coordinates_of(site.element, of.shape));
  }

  // But for the one that was asked for, which stands first.
  void site(const std::string& title, const ToldSite& one) {
    if (one.tensor == 0 && one.element == it_.element->asked.element) return;
    const ToldTensor& of = it_.tensors[one.tensor];
    std::string text = format("{}  {}  {}", element_name(one), info(of.dtype).short_name, side(of));
    if (one.move != none_id) {
      const Move& move = graph_.moves[one.move];
      for (const std::string& step : steps_text(context_, move)) text += " | " + step;
      if (move.pad) text += "  (a pad)";
    }
    line(title, text);
    if (one.bytes) more(bytes_text(*one.bytes));
  }

  void element(const ToldElement& one) {
    const ToldTensor& of = it_.tensors[0];
    lines_.push_back(
        format("{}  {} of {}  {}", element_name(one.asked), info(of.dtype).short_name, show_shape(of.shape), side(of)));
    if (one.asked.bytes) line("bytes", bytes_text(*one.asked.bytes));
    if (of.id == none_id) return;
    renamed(of);
    rules();
    if (one.asked.part) part(*one.asked.part);
    if (one.pad) line("is", "a pad: it holds no value of the source's");
    if (one.value) line("value", value_text(*one.value));
    if (one.read) site("read", *one.read);
    for (const ToldSite& each : one.compared) site("compared", each);
    for (const ToldSite& each : one.written) site("written", each);
    if (one.more) more("... and more");
  }

  void part(const PartElement& element) {
    std::vector<std::string> axes;
    for (const PartElement::Index& index : element.indices)
      axes.push_back(format("{}={}{}", index.axis, index.index ? std::to_string(*index.index) : "empty",
                            index.star ? " (copy)" : ""));
    line("element", format("{}{}", element.part->name.empty() ? "" : element.part->name + ": ", join(axes, " ")));
  }

  const ExplainContext& context_;
  const Graph& graph_;
  const RuleSet& rules_;
  const Explanation& it_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> explanation_text(const ExplainContext& context, const Explanation& explanation) {
  return ExplanationText(context, explanation).run();
}

}  // namespace tessera
