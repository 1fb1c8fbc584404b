// `plan`: the compiled graph to be looked at; nothing is written.
#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "planning.h"
#include "store/file.h"
#include "summary.h"

namespace tessera {
namespace {

Value numbers(const std::vector<int64_t>& values) {
  List list;
  for (int64_t v : values) list.push_back(v);
  return list;
}

Map box_json(const Box& box) {
  Map json;
  json["shape"] = numbers(box.shape);
  for (const auto& [key, at] : {std::pair{"from", &box.from}, std::pair{"to", &box.to}}) {
    Map end;
    end["offset"] = at->offset;
    end["strides"] = numbers(at->strides);
    json[key] = std::move(end);
  }
  return json;
}

Map tensor_json(const Tensor& tensor) {
  Map json;
  json["name"] = tensor.name;
  json["end"] = tensor.output ? "to" : "from";
  json["place"] = int64_t{tensor.place};
  json["dtype"] = std::string(info(tensor.dtype).name);
  json["shape"] = numbers(tensor.shape);
  return json;
}

Map move_json(const Move& move, const RuleSet& rules, const Sources& sources) {
  const auto id = [](TensorId t) { return t == none_id ? Value() : Value(int64_t{t}); };
  Map json;
  json["op"] = op_name(move.op);
  json["from"] = id(move.from);
  json["to"] = id(move.to);
  json["box"] = box_json(move.box);
  json["rule"] = rules.rules[move.why].name;
  json["pad"] = move.pad;
  if (move.span.known()) {
    const Position at = sources.position(move.span);
    json["at"] = format("{}:{}:{}", sources.name(move.span.source), at.line, at.column);
  }
  return json;
}

// `*` stands for anything.
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

bool has_number(const std::string& name, int64_t number) {
  const auto words = split(name, '.');
  return std::find(words.begin(), words.end(), std::to_string(number)) != words.end();
}

// Keeps the moves of the outputs that `view` asks for, and the tensors that they touch.
Graph narrowed(const Graph& graph, const PlanView& view) {
  const auto wanted = [&](TensorId id) {
    if (id == none_id) return false;
    const std::string& name = graph.tensors[id].name;
    return (view.glob.empty() || glob(view.glob, name)) && (!view.layer || has_number(name, *view.layer));
  };
  Graph kept = graph;
  kept.moves.clear();
  std::vector<bool> touched(graph.tensors.size(), false);
  for (const Move& move : graph.moves) {
    if (!wanted(move.from) && !wanted(move.to)) continue;
    kept.moves.push_back(move);
    for (TensorId id : {move.from, move.to})
      if (id != none_id) touched[id] = true;
  }
  std::vector<TensorId> renumber(graph.tensors.size(), none_id);
  kept.tensors.clear();
  for (TensorId id = 0; id < graph.tensors.size(); ++id) {
    if (!touched[id]) continue;
    renumber[id] = TensorId(kept.tensors.size());
    kept.tensors.push_back(graph.tensors[id]);
  }
  for (Move& move : kept.moves) {
    if (move.from != none_id) move.from = renumber[move.from];
    if (move.to != none_id) move.to = renumber[move.to];
  }
  return kept;
}

std::vector<std::string> name_lines(const Plan& plan, SideId side) {
  std::vector<std::string> lines;
  for (const Tensor& t : plan.graph.tensors) {
    const bool here = (t.output ? plan.model.to.side : plan.model.from.side) == side;
    if (here) lines.push_back(format("{} {} {} {}", t.place, escape(t.name), show_shape(t.shape), info(t.dtype).name));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

// What one list has and the other has not; exit 1 through Refused.
void compare_lists(const std::vector<std::string>& ours, const std::filesystem::path& path) {
  std::vector<std::string> theirs;
  for (std::string& line : split(InputFile(path).read_all(64 << 20), '\n'))
    if (!line.empty()) theirs.push_back(std::move(line));
  std::sort(theirs.begin(), theirs.end());
  std::vector<std::string> missing, more;
  std::set_difference(theirs.begin(), theirs.end(), ours.begin(), ours.end(), std::back_inserter(missing));
  std::set_difference(ours.begin(), ours.end(), theirs.begin(), theirs.end(), std::back_inserter(more));
  Diagnostics diagnostics;
  for (const std::string& line : missing)
    diagnostics.error("V01", {}, format("{} has `{}`; the rules do not", path.string(), line));
  for (const std::string& line : more)
    diagnostics.error("V01", {}, format("the rules make `{}`; {} does not have it", line, path.string()));
  if (diagnostics.failed()) throw Refused(diagnostics);
}

}  // namespace

Report plan(Session& session, const Request& request, const PlanView& view) {
  const auto prepared = prepare(session, request, 5'000'000'000);
  const RuleSet& rules = prepared->rules.set;
  if (!view.names_of.empty()) {
    const auto side = rules.file.side(view.names_of);
    if (!side) fail_usage(format("--names {}: no such side", escape(view.names_of)));
    Report report;
    report.lines = name_lines(prepared->plan, *side);
    List names;
    for (const std::string& line : report.lines) names.push_back(line);
    report.json["names"] = std::move(names);
    if (!view.against.empty()) compare_lists(report.lines, view.against);
    return report;
  }
  Report report = Summary(*prepared).report(nullptr, 0, true);
  const Graph graph = narrowed(prepared->plan.graph, view);
  List tensors, moves;
  for (const Tensor& t : graph.tensors) tensors.push_back(tensor_json(t));
  for (const Move& m : graph.moves) moves.push_back(move_json(m, rules, session.sources));
  report.json["graph"] = Map();
  (*report.json.find("graph")->as_map())["tensors"] = std::move(tensors);
  (*report.json.find("graph")->as_map())["moves"] = std::move(moves);
  report.json["config"] = prepared->plan.target_config;
  report.lines.insert(report.lines.begin(), prepared->evidence.begin(), prepared->evidence.end());
  report.lines.push_back(to_text(graph, rules, session.sources));
  return report;
}

}  // namespace tessera
