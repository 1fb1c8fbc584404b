// Narrowing, costs, and the words that drawings share.
#include "plan/graph_view.h"

#include <algorithm>

#include "base/text.h"
#include "plan/values.h"

namespace tessera {

bool glob(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

namespace {

bool has_segment(std::string_view name, std::string_view segment) {
  for (size_t at = name.find(segment); at != name.npos; at = name.find(segment, at + 1)) {
    const size_t end = at + segment.size();
    if ((at == 0 || name[at - 1] == '.') && (end == name.size() || name[end] == '.')) return true;
  }
  return false;
}

std::vector<bool> wanted_tensors(const Graph& graph, const Narrowing& narrowing) {
  std::vector<bool> wanted(graph.tensors.size());
  const std::string number = narrowing.layer ? std::to_string(*narrowing.layer) : "";
  for (TensorId id = 0; id < graph.tensors.size(); ++id) {
    const std::string& name = graph.tensors[id].name;
    wanted[id] =
        (narrowing.glob.empty() || glob(narrowing.glob, name)) && (number.empty() || has_segment(name, number));
  }
  return wanted;
}

uint64_t moved_bytes(const Move& move, const Tensor& tensor) {
  return uint64_t(volume(move.box->shape)) * info(tensor.dtype).bits / 8;
}

std::vector<std::string> texts_of(const EndSpec& end) {
  std::vector<std::string> texts;
  for (const Coordinates& at : places_of(end)) texts.push_back(place_text(end, at));
  return texts;
}

}  // namespace

GraphView view_of(const Graph& graph, const Model& model, const Sources& sources, const Narrowing& narrowing) {
  GraphView view{graph, model, sources, {}, {}, {}, {}};
  const std::vector<bool> wanted = wanted_tensors(graph, narrowing);
  std::vector<bool> shown = wanted;
  const auto is_wanted = [&](TensorId id) { return id != none_id && wanted[id]; };
  for (uint32_t i = 0; i < graph.moves.size(); ++i) {
    const Move& move = graph.moves[i];
    if (!is_wanted(move.from) && !is_wanted(move.to)) continue;
    view.moves.push_back(i);
    for (TensorId id : {move.from, move.to})
      if (id != none_id) shown[id] = true;
  }
  for (TensorId id = 0; id < graph.tensors.size(); ++id)
    if (shown[id]) view.tensors.push_back(id);
  for (uint32_t i = 0; i < graph.omissions.size(); ++i)
    if (shown[graph.omissions[i].tensor]) view.omissions.push_back(i);
  if (narrowing.glob.empty() && !narrowing.layer) view.ignored = graph.ignored;
  return view;
}

Costs costs_of(const GraphView& view) {
  Costs costs;
  std::vector<uint64_t> taken(view.graph.tensors.size(), 0);
  for (uint32_t index : view.moves) {
    const Move& move = view.graph.moves[index];
    const bool writes = op_writes(move.op);
    if (move.from != none_id) taken[move.from] += moved_bytes(move, view.tensor(move.from));
    if (!writes && move.to != none_id) taken[move.to] += moved_bytes(move, view.tensor(move.to));
    if (writes) costs.bytes_written += moved_bytes(move, view.tensor(move.to));
    costs.compares += !writes;
    costs.casts += writes && move.from != none_id &&
                   (move.program != none_id || view.tensor(move.from).dtype != view.tensor(move.to).dtype);
  }
  costs.moves = view.moves.size();
  for (TensorId id : view.tensors) {
    const Tensor& tensor = view.tensor(id);
    ++(tensor.output ? costs.outputs : costs.sources);
    const bool decoded = tensor.stored != none_id && taken[id] > 0;
    costs.bytes_read += decoded ? view.graph.stored[tensor.stored].bytes : std::min(taken[id], bytes_of(tensor));
    costs.largest = std::max(costs.largest, bytes_of(tensor));
  }
  return costs;
}

uint64_t bytes_of(const Tensor& tensor) { return uint64_t(volume(tensor.shape)) * info(tensor.dtype).bits / 8; }

std::string place_text(const EndSpec& end, const Coordinates& at) {
  std::vector<std::string> words;
  for (size_t d = 0; d < at.size(); ++d)
    if (end.mesh[d] > 1 && !(MeshDim(d) == MeshDim::etp && end.mesh[d] == end.mesh[size_t(MeshDim::tp)]))
      words.push_back(format("{}{}", mesh_dim_names[d], at[d]));
  return join(words, " ");
}

std::string fill_text(const FillValue& fill) {
  if (fill.at) return "by index";
  return fill.is_integer ? format("{}", fill.integer) : show_float(fill.constant);
}

std::string at_text(const Sources& sources, Span span) {
  if (!span.known()) return "";
  const Position at = sources.position(span);
  return format("{}:{}:{}", sources.name(span.source), at.line, at.column);
}

std::string address_text(const Address& address, bool with_name) {
  std::vector<std::string> words, holes;
  if (address.kind != Address::Kind::tensor) {
    const char* word = address.kind == Address::Kind::constant ? "constant" : "unused";
    words.push_back(format("{}({})", word, address.value ? to_text(*address.value) : ""));
  } else if (with_name) {
    for (const Expr& hole : address.holes) holes.push_back(to_text(hole));
    words.push_back(to_text(address.name, holes));
  }
  if (!address.layout.dimensions.empty()) words.push_back(to_text(address.layout));
  std::string text = join(words, "  ");
  for (const ValueOp& op : address.ops) {
    constexpr const char* names[] = {"plus", "times", "neg_exp", "rest"};
    text += format(" | {}", names[size_t(op.kind)]);
    if (op.operand) text += format("({})", to_text(*op.operand));
  }
  return text;
}

PlaceTexts::PlaceTexts(const Model& model) : from_(texts_of(model.from)), to_(texts_of(model.to)) {}

const std::string& PlaceTexts::operator()(const Tensor& tensor) const {
  return (tensor.output ? to_ : from_).at(tensor.place);
}

}  // namespace tessera
