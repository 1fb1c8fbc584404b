// What a conversion says at its end: tensors, bytes, time, verdict, what was dropped, compared, rounded.
#include "summary.h"

#include <algorithm>
#include <fstream>

#include "base/text.h"
#include "run/io_costs.h"

namespace tessera {
namespace {

uint64_t output_bytes(const OutputSpec& spec) {
  uint64_t bytes = 0;
  for (const OutTensor& t : spec.tensors) bytes += uint64_t(volume(t.shape)) * byte_size(t.dtype);
  return bytes;
}

List texts(const std::vector<std::string>& lines) {
  List list;
  for (const std::string& line : lines) list.push_back(line);
  return list;
}

Map loss_json(const CastLoss& loss) {
  Map json;
  json["rounded"] = int64_t(loss.rounded);
  json["overflowed"] = int64_t(loss.overflowed);
  json["underflowed"] = int64_t(loss.underflowed);
  return json;
}

// What there would be to do.
void add_io(Report& report, const IoCosts& io) {
  Map json;
  json["bytes_read"] = int64_t(io.read_bytes);
  json["reads"] = int64_t(io.read_requests);
  json["read_seeks"] = int64_t(io.read_seeks);
  json["bytes_written"] = int64_t(io.written_bytes);
  json["writes"] = int64_t(io.write_requests);
  json["write_seeks"] = int64_t(io.write_seeks);
  report.json["io"] = std::move(json);
  report.lines.push_back(format("{} to be read in {} requests with {} seeks, {} to be written in {} with {}",
                                show_bytes(io.read_bytes), io.read_requests, io.read_seeks,
                                show_bytes(io.written_bytes), io.write_requests, io.write_seeks));
}

// "mask: 12 tensors (h.<0..11>.attn.bias)" is the plan's wording; here only long lists are cut.
void add_list(Report& report, const std::string& title, const std::vector<std::string>& items) {
  if (items.empty()) return;
  report.lines.push_back(format("{}:", title));
  for (size_t i = 0; i < items.size() && i < 10; ++i) report.lines.push_back("  " + escape(items[i], 400));
  if (items.size() > 10) report.lines.push_back(format("  ... and {} more", items.size() - 10));
}

// Names from files, each cut for itself.
std::string in_one_line(std::vector<std::string> names) {
  for (std::string& name : names) name = escape(name);
  return cut(join(names, ", "), 4000);
}

// What stands beside the weights in the source and has no place in the target.
std::vector<std::string> left_behind(const Prepared& prepared) {
  const Contents& source = prepared.reader->contents();
  std::vector<std::string> left = source.left;
  if (source.optimizer && std::find(left.begin(), left.end(), "optimizer") == left.end()) left.push_back("optimizer");
  for (const auto& [key, value] : source.beside)
    if (!prepared.output.beside.find(key)) left.push_back(key);
  return left;
}

}  // namespace

// getrusage would count what its parent held before it started us.
int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  int64_t kilobytes = 0;
  for (std::string word; status >> word && word != "VmHWM:";) {
  }
  status >> kilobytes;
  return kilobytes * 1024;
}

Map mesh_json(const Mesh& mesh) {
  Map json;
  for (size_t d = 0; d < mesh.size(); ++d) json[mesh_dim_names[d]] = int64_t{mesh[d]};
  return json;
}

Report Summary::report(const RunResult* result, double seconds, bool dry_run) const {
  const Plan& plan = prepared_.plan;
  const OutputSpec& spec = prepared_.output;
  const RuleFile& file = prepared_.rules.set.file;
  const Verdict& verdict = plan.graph.verdict;
  Report report;
  Map& json = report.json;
  json["family"] = file.family.s;
  json["rules"] = prepared_.rules.path.string();
  json["from"] = file.sides[plan.model.from.side].s;
  json["to"] = file.sides[plan.model.to.side].s;
  json["format"] = spec.format;
  json["mesh"] = mesh_json(spec.mesh);
  json["tensors"] = int64_t(spec.tensors.size());
  json["bytes"] = int64_t(output_bytes(spec));
  json["verdict"] = grade_name(verdict.grade);
  json["reason"] = verdict.reason;
  json["ignored"] = texts(plan.graph.ignored);
  json["defaulted_keys"] = texts(plan.model.defaulted);
  json["dropped_keys"] = texts(plan.model.dropped_keys);
  json["notes"] = texts(plan.model.notes);
  json["left_behind"] = texts(left_behind(prepared_));
  json["dry_run"] = dry_run;
  report.lines.push_back(format("{} tensors, {}, {}{}", spec.tensors.size(), show_bytes(output_bytes(spec)),
                                grade_name(verdict.grade), verdict.reason.empty() ? "" : " (" + verdict.reason + ")"));
  if (result)
    add_run(report, *result, seconds);
  else
    add_io(report, io_costs(plan.graph, prepared_.reader->contents()));
  add_list(report, "left out", plan.graph.ignored);
  if (const auto left = left_behind(prepared_); !left.empty())
    report.lines.push_back("left behind, since only weights are converted: " + in_one_line(left));
  if (!plan.model.defaulted.empty()) report.lines.push_back("taken by default: " + in_one_line(plan.model.defaulted));
  if (!plan.model.dropped_keys.empty())
    report.lines.push_back("configuration keys that nothing carries over: " + in_one_line(plan.model.dropped_keys));
  for (const auto* more : {&plan.model.notes, &prepared_.reader->contents().warnings})
    report.warnings.insert(report.warnings.end(), more->begin(), more->end());
  return report;
}

void Summary::add_run(Report& report, const RunResult& result, double seconds) const {
  Map& json = report.json;
  json["seconds"] = seconds;
  json["peak_memory"] = peak_memory();
  json["kept"] = int64_t(result.kept);
  json["compared"] = int64_t(result.compared);
  json["loss"] = loss_json(result.loss);
  report.lines.back() += format(" in {:.1f} s ({}/s), peak memory {}", seconds,
                                show_bytes(uint64_t(double(result.bytes_written) / std::max(seconds, 1e-9))),
                                show_bytes(uint64_t(peak_memory())));
  if (result.kept)
    report.lines.push_back(format("{} tensors are those of the interrupted run{}", result.kept,
                                  ": what their casts changed is not counted"));
  if (result.compared)
    report.lines.push_back(format("{} elements of replicas and copies compared: equal", result.compared));
  const CastLoss& loss = result.loss;
  if (loss.rounded || loss.overflowed || loss.underflowed)
    report.lines.push_back(format("the cast changed {} values: {} rounded, {} became infinite, {} became zero",
                                  loss.rounded + loss.overflowed + loss.underflowed, loss.rounded, loss.overflowed,
                                  loss.underflowed));
  for (const auto& [output, count] : result.overflowed)
    report.warnings.push_back(format("`{}`: {} values are beyond the range of the target type",
                                     escape(prepared_.plan.graph.tensors[output].name), count));
}

}  // namespace tessera
