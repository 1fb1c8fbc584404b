// Two checkpoints compared as logical tensors, whatever their layouts and meshes; nothing is written.
#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.h"
#include "comparing.h"
#include "layout/layout.h"

namespace tessera {
namespace {

using Clock = std::chrono::steady_clock;
using Status = TensorFinding::Status;

TensorFinding meet(const LogicalEnd& a, const LogicalEnd& b, TensorId of_a, TensorId of_b) {
  const Tensor &x = a.tensor(of_a), &y = b.tensor(of_b);
  TensorFinding finding{x.name, Status::equal, of_a, of_b};
  if (x.shape != y.shape)
    finding.status = Status::shape;
  else if (!comparable(x.dtype, y.dtype))
    finding.status = Status::dtype;
  else
    finding.compared = true;
  return finding;
}

// Outputs in the order in which they would be written.
std::vector<TensorFinding> meet_all(const LogicalEnd& a, const LogicalEnd& b) {
  std::vector<TensorFinding> all;
  const auto listed = [](const LogicalEnd& end, TensorId id) {
    const auto found = end.outputs.find(end.tensor(id).name);
    return end.tensor(id).output && found != end.outputs.end() && found->second == id;
  };
  for (TensorId id = 0; id < a.graph.tensors.size(); ++id) {
    if (!listed(a, id)) continue;
    const auto other = b.outputs.find(a.tensor(id).name);
    all.push_back(other == b.outputs.end() ? TensorFinding{a.tensor(id).name, Status::only_a, id, none_id}
                                           : meet(a, b, id, other->second));
  }
  for (TensorId id = 0; id < b.graph.tensors.size(); ++id)
    if (listed(b, id) && !a.outputs.contains(b.tensor(id).name))
      all.push_back({b.tensor(id).name, Status::only_b, none_id, id});
  return all;
}

// Of two sides, the keys that both have: the others are no rule's business.
std::vector<ConfigFinding> meet_config(const Map& a, const Map& b, bool one_side) {
  std::vector<ConfigFinding> found;
  const auto at = [](const Map& map, const std::string& key) {
    const Value* value = map.find(key);
    return value ? *value : Value();
  };
  for (const auto& [key, value] : a)
    if ((one_side || b.find(key)) && !same_value(value, at(b, key))) found.push_back({key, value, at(b, key)});
  for (const auto& [key, value] : b)
    if (one_side && !a.find(key) && !value.is_none()) found.push_back({key, {}, value});
  return found;
}

Status judge(const Difference& difference, bool one_dtype, bool tolerant) {
  if (difference.beyond > 0) return Status::differs;
  if (difference.elements > 0) return Status::within;
  return one_dtype ? Status::equal : tolerant ? Status::within : Status::dtype;
}

std::vector<std::string> texts(const LogicalEnd& end, const std::vector<Disagreement>& within) {
  std::vector<std::string> lines;
  for (const Disagreement& one : within)
    lines.push_back(unequal_text(end.graph, end.contents(), end.graph.moves[one.move], one.at));
  return lines;
}

void compare(const LogicalEnds& ends, const DiffOptions& options, DiffFindings& findings) {
  std::vector<OutputPair> pairs;
  for (const TensorFinding& finding : findings.tensors)
    if (finding.compared) pairs.push_back({finding.a, finding.b});
  const CompareResult result = compare_outputs({ends.a.graph, ends.a.reader()}, {ends.b.graph, ends.b.reader()}, pairs,
                                               {options.tolerance, options.memory, options.threads, options.progress});
  size_t next = 0;
  for (TensorFinding& finding : findings.tensors) {
    if (!finding.compared) continue;
    finding.difference = result.pairs[next++];
    const bool one_dtype = ends.a.tensor(finding.a).dtype == ends.b.tensor(finding.b).dtype;
    finding.status = judge(finding.difference, one_dtype, options.tolerance.has_value());
  }
  findings.within_a = texts(ends.a, result.within_a);
  findings.within_b = texts(ends.b, result.within_b);
  findings.bytes_read = result.bytes_read;
}

}  // namespace

const char* status_name(Status status) {
  constexpr std::array names = {"equal", "within", "differs", "dtype", "shape", "only_a", "only_b"};
  return names[static_cast<size_t>(status)];
}

bool is_same(Status status) { return status == Status::equal || status == Status::within; }

size_t DiffFindings::count(Status status) const {
  return static_cast<size_t>(std::ranges::count(tensors, status, &TensorFinding::status));
}

std::optional<ElementSource> element_source(const LogicalEnd& end, TensorId output, int64_t element) {
  for (const Move& move : end.graph.moves) {
    if (move.op != Op::copy || move.to != output) continue;
    const auto at = indices_at(move.box->shape, move.box->to, element, 1);
    if (at.empty()) continue;
    int64_t number = move.box->from.offset;
    for (size_t k = 0; k < at[0].size(); ++k) number += at[0][k] * move.box->from.strides[k];
    const Tensor& tensor = end.tensor(move.from);
    ElementSource source{tensor.name, end.contents().places[tensor.place].label, coordinates_of(number, tensor.shape),
                         std::nullopt};
    if (tensor.stored != none_id) return source;
    const auto bytes = source_bytes(end.contents(), tensor.index, source.index);
    if (!bytes.empty()) source.bytes = bytes[0];
    return source;
  }
  return std::nullopt;
}

Compared diff(Session& session, const DiffOptions& options) {
  const auto start = Clock::now();
  const LogicalEnds ends = logical_ends(session, options);
  if (options.say)
    for (const std::string& line : ends.evidence) options.say(line);
  DiffFindings findings;
  findings.tensors = meet_all(ends.a, ends.b);
  const bool one_side = ends.a.contents().side == ends.b.contents().side;
  findings.config = meet_config(ends.a.config, ends.b.config, one_side);
  compare(ends, options, findings);
  for (const LogicalEnd* end : {&ends.a, &ends.b}) end->reader().check_unchanged();
  findings.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  findings.same = std::ranges::all_of(findings.tensors, is_same, &TensorFinding::status) && findings.within_a.empty() &&
                  findings.within_b.empty() && (!options.strict || findings.config.empty());
  Compared compared;
  compared.same = findings.same;
  compared.report.json = findings_json(ends, options, findings);
  compared.report.lines = findings_text(ends, options, findings);
  for (const LogicalEnd* end : {&ends.a, &ends.b})
    for (const std::string& warning : end->contents().warnings)
      compared.report.warnings.push_back(end->contents().root.string() + ": " + warning);
  return compared;
}

}  // namespace tessera
