// Two checkpoints become logical tensors: planned towards the first side of their rules, or taken as they are.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "comparing.h"
#include "ends.h"
#include "plan/graph_view.h"

namespace tessera {
namespace {

Request request_of(const DiffOptions& options, const std::filesystem::path& source) {
  Request request;
  request.source = source;
  request.rules = options.rules;
  request.folders = options.folders;
  request.settings = options.settings;
  request.canonical = true;
  return request;
}

// The rules that fit one checkpoint; nothing if none or several do.
std::optional<std::string> rules_of(Session& session, const Request& request, const Contents& source,
                                    std::vector<std::string>& evidence) {
  try {
    return choose_rules(session, request, source, evidence).string();
  } catch (const Error& error) {
    if (error.fault() != Fault::usage) throw;
    return std::nullopt;
  }
}

std::string own_name(const Contents& source, const TensorInfo& tensor) {
  const std::string& label = source.places[tensor.place].label;
  return label.empty() ? tensor.name : label + ":" + tensor.name;
}

// A tensor as it is, under its own name.
void add_plain(LogicalEnd& end, uint32_t index) {
  const Contents& source = end.contents();
  const TensorInfo& tensor = source.tensors[index];
  const std::string name = own_name(source, tensor);
  if (!is_whole_bytes(tensor.dtype))
    return end.left_out.push_back(format("{}: {} is not looked into", name, info(tensor.dtype).name));
  Graph& graph = end.graph;
  const auto from = static_cast<TensorId>(graph.tensors.size());
  graph.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.place, false, index, {}, {}, none_id});
  graph.tensors.push_back({name, tensor.dtype, tensor.shape, 0, true, none_id, {}, {}, none_id});
  const int64_t count = volume(tensor.shape);
  if (count == 0) return;
  Move& move = graph.moves.emplace_back();
  move.from = from;
  move.to = from + 1;
  move.box = Box{{count}, {0, {1}}, {0, {1}}};
}

// Keys as paths, `rope_scaling.factor`.
void flatten(const Map& map, const std::string& prefix, Map& flat) {
  for (const auto& [key, value] : map) {
    if (const Map* inner = value.as_map())
      flatten(*inner, prefix + key + ".", flat);
    else
      flat[prefix + key] = value;
  }
}

// Moves that no tensor of this name wants are not done, and the sources that only they read are not looked at.
void narrow(Graph& graph, const std::string& pattern) {
  const auto wanted = [&](TensorId id) { return glob(pattern, graph.tensors[id].name); };
  std::set<TensorId> read;
  for (const Move& move : graph.moves)
    if (op_writes(move.op) && wanted(move.to) && move.from != none_id) read.insert(move.from);
  std::erase_if(graph.moves, [&](const Move& move) {
    if (op_writes(move.op)) return !wanted(move.to);
    return !read.contains(move.op == Op::compare ? move.to : move.from);
  });
}

void finish(LogicalEnd& end, const DiffOptions& options) {
  const Contents& source = end.contents();
  const std::vector<uint32_t> unmapped = std::move(end.graph.unmapped);
  for (const uint32_t index : unmapped) add_plain(end, index);
  if (!options.glob.empty()) narrow(end.graph, options.glob);
  for (TensorId id = 0; id < end.graph.tensors.size(); ++id) {
    const Tensor& tensor = end.graph.tensors[id];
    if (tensor.output && (options.glob.empty() || glob(options.glob, tensor.name))) end.outputs[tensor.name] = id;
  }
  end.left_out.insert(end.left_out.end(), end.graph.ignored.begin(), end.graph.ignored.end());
  end.left_out.insert(end.left_out.end(), source.left.begin(), source.left.end());
  if (source.optimizer && std::ranges::find(source.left, "optimizer") == source.left.end())
    end.left_out.push_back("optimizer");
  flatten(end.prepared ? end.prepared->plan.model.config : source.config, "", end.config);
}

LogicalEnd by_rules(Session& session, const Request& request) {
  LogicalEnd end;
  end.prepared = prepare(session, request, 5'000'000'000);
  end.graph = std::move(end.prepared->plan.graph);
  return end;
}

LogicalEnd by_names(std::unique_ptr<Reader> reader) {
  LogicalEnd end;
  end.opened = std::move(reader);
  for (uint32_t i = 0; i < end.contents().tensors.size(); ++i) end.graph.unmapped.push_back(i);
  return end;
}

std::set<std::string> fields_of(const Graph& graph) {
  std::set<std::string> fields;
  for (const Tensor& tensor : graph.tensors)
    if (tensor.output && !tensor.weight.empty()) fields.insert(tensor.name);
  return fields;
}

std::string end_line(const char* letter, const LogicalEnd& end) {
  const Contents& source = end.contents();
  const std::string begin = format("{} {}: ", letter, escape(source.root.string()));
  if (!end.prepared) return begin + source.format + ", by names";
  const RuleFile& file = end.prepared->rules.set.file;
  return begin + format("{}, {}, {}", file.family.s, source.format, end_text(file, end.prepared->plan.model.from));
}

// Each by its own rules, or by those of the other; none for both: by names.
struct ChosenRules {
  std::optional<std::string> a, b;
};
ChosenRules choose(Session& session, const Request& a, const Request& b, const Contents& source_a,
                   const Contents& source_b, std::vector<std::string>& evidence) {
  if (!a.rules.empty()) return {a.rules, b.rules};
  ChosenRules chosen{rules_of(session, a, source_a, evidence), rules_of(session, b, source_b, evidence)};
  if (!chosen.a) chosen.a = chosen.b;
  if (!chosen.b) chosen.b = chosen.a;
  std::ranges::sort(evidence);
  evidence.erase(std::unique(evidence.begin(), evidence.end()), evidence.end());
  return chosen;
}

void require_alike(const Contents& a, const Contents& b) {
  if (a.side == b.side && a.mesh == b.mesh && a.whole == b.whole) return;
  fail_usage(
      format("{} and {}: no rule file fits, and without rules only two of one side and mesh can be compared; say "
             "one with --rules (`tessera families` lists them)",
             escape(a.root.string()), escape(b.root.string())));
}

}  // namespace

LogicalEnds logical_ends(Session& session, const DiffOptions& options) {
  Request a = request_of(options, options.a), b = request_of(options, options.b);
  auto reader_a = open_checkpoint(a.source), reader_b = open_checkpoint(b.source);
  LogicalEnds ends;
  const auto [rules_a, rules_b] = choose(session, a, b, reader_a->contents(), reader_b->contents(), ends.evidence);
  if (rules_a) {
    a.rules = *rules_a;
    b.rules = *rules_b;
    ends.a = by_rules(session, a);
    ends.b = by_rules(session, b);
    // Of weights that only one of them encodes, or encodes otherwise, the values are compared.
    a.decode = b.decode = fields_of(ends.a.graph) != fields_of(ends.b.graph);
    if (a.decode) {
      ends.a = by_rules(session, a);
      ends.b = by_rules(session, b);
      ends.evidence.push_back("encoded weights as values, since not both encode them alike");
    }
  } else {
    require_alike(reader_a->contents(), reader_b->contents());
    ends.a = by_names(std::move(reader_a));
    ends.b = by_names(std::move(reader_b));
    ends.evidence.push_back("no rule file fits: each tensor is compared with that of its name");
  }
  finish(ends.a, options);
  finish(ends.b, options);
  const std::vector<std::string> lines = {end_line("A", ends.a), end_line("B", ends.b)};
  ends.evidence.insert(ends.evidence.begin(), lines.begin(), lines.end());
  return ends;
}

}  // namespace tessera
