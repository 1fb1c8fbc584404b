// `plan`: the compiled graph to be looked at, in the format asked for; nothing is written.
#include <algorithm>

#include "base/text.h"
#include "ends.h"
#include "plan/graph_view.h"
#include "planning.h"
#include "store/file.h"
#include "summary.h"

namespace tessera {
namespace {

Map end_json(const RuleFile& file, const EndSpec& end, const std::string& format_name) {
  Map json;
  json["side"] = file.sides[end.side].s;
  json["format"] = format_name;
  json["mesh"] = mesh_json(end.mesh);
  List dialects, places;
  for (const std::string& dialect : end.dialects) dialects.push_back(dialect);
  for (const Coordinates& at : places_of(end)) places.push_back(mesh_json(at));
  json["dialects"] = std::move(dialects);
  json["places"] = std::move(places);
  return json;
}

Value narrowed_json(const Narrowing& narrowing) {
  if (narrowing.glob.empty() && !narrowing.layer) return {};
  Map json;
  json["layer"] = narrowing.layer ? Value(*narrowing.layer) : Value();
  json["name"] = narrowing.glob.empty() ? Value() : Value(narrowing.glob);
  return json;
}

// What the JSON says of the whole plan, before the graph.
Map head_json(const Prepared& prepared, Map summary, const Narrowing& narrowing) {
  const Model& model = prepared.plan.model;
  const RuleFile& file = prepared.rules.set.file;
  const Contents& source = prepared.reader->contents();
  Map ends;
  ends["from"] = end_json(file, model.from, source.format);
  ends["to"] = end_json(file, model.to, prepared.output.format);
  summary["ends"] = std::move(ends);
  summary["narrowed"] = narrowed_json(narrowing);
  summary["config"] = prepared.plan.target_config;
  return summary;
}

std::string costs_line(const GraphView& view) {
  const Costs costs = costs_of(view);
  return format(
      "{} moves: {} of {} tensors read, {} of {} written, {} casts, {} comparisons; the largest tensor has {}",
      costs.moves, show_bytes(costs.bytes_read), costs.sources, show_bytes(costs.bytes_written), costs.outputs,
      costs.casts, costs.compares, show_bytes(costs.largest));
}

void draw(const Prepared& prepared, const GraphView& view, const PlanView& asked, Report& report) {
  const RuleFile& file = prepared.rules.set.file;
  const Model& model = prepared.plan.model;
  const std::string title = format("{}: {} -> {}", file.family.s, end_text(file, model.from), end_text(file, model.to));
  const Narrowing narrowing{asked.glob, asked.layer};
  if (asked.format == "json")
    return draw_json(view, head_json(prepared, std::move(report.json), narrowing), asked.print);
  if (asked.format == "html")
    return draw_html(view, head_json(prepared, std::move(report.json), narrowing), asked.print);
  if (asked.format == "dot") return draw_dot(view, title, asked.print);
  if (asked.format == "svg") return draw_svg(view, title, asked.print);
  if (asked.format != "text") fail_usage(format("no such format of a plan: {}", escape(asked.format)));
  for (const std::string& line : prepared.evidence) asked.print(line + "\n");
  for (const std::string& line : report.lines) asked.print(line + "\n");
  asked.print(costs_line(view) + "\n");
  draw_text(view, asked.print);
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
    diagnostics.error("V01", {}, format("{} has `{}`; the rules do not", show_path(path), escape(line)));
  for (const std::string& line : more)
    diagnostics.error("V01", {}, format("the rules make `{}`; {} does not have it", escape(line), show_path(path)));
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
  const GraphView shown =
      view_of(prepared->plan.graph, prepared->plan.model, session.sources, Narrowing{view.glob, view.layer});
  draw(*prepared, shown, view, report);
  return {{}, {}, std::move(report.warnings), {}};
}

}  // namespace tessera
