// What `diff` found as one JSON object: schemas/diff.schema.json.
#include <cmath>

#include "base/text.h"
#include "comparing.h"
#include "layout/layout.h"
#include "summary.h"

namespace tessera {
namespace {

using Status = TensorFinding::Status;

List texts(const std::vector<std::string>& lines) { return List(lines.begin(), lines.end()); }
List numbers(const Extents& values) { return List(values.begin(), values.end()); }
// JSON has no infinities and no NaN.
Value number(double value) { return std::isfinite(value) ? Value(value) : Value(show_float(value)); }

Map end_json(const LogicalEnd& end) {
  const Contents& source = end.contents();
  Map json;
  json["path"] = source.root.string();
  json["format"] = source.format;
  json["side"] = source.side ? Value(*source.side) : Value();
  json["mesh"] = mesh_json(source.mesh);
  json["family"] = end.prepared ? Value(end.prepared->rules.set.file.family.s) : Value();
  json["rules"] = end.prepared ? Value(end.prepared->rules.path.string()) : Value();
  json["left_out"] = texts(end.left_out);
  return json;
}

Value tensor_json(const LogicalEnd& end, TensorId id) {
  if (id == none_id) return {};
  Map json;
  json["dtype"] = std::string(info(end.tensor(id).dtype).name);
  json["shape"] = numbers(end.tensor(id).shape);
  return json;
}

Value source_json(const LogicalEnd& end, TensorId output, int64_t element) {
  const auto source = element_source(end, output, element);
  if (!source) return {};
  Map json;
  json["place"] = source->label;
  json["name"] = source->name;
  json["index"] = numbers(source->index);
  json["file"] = source->bytes ? Value(source->bytes->file) : Value();
  json["byte"] = source->bytes ? Value(static_cast<int64_t>(source->bytes->begin)) : Value();
  json["packed"] = source->bytes && source->bytes->packed_at.has_value();
  return json;
}

class ToJson {
 public:
  explicit ToJson(const LogicalEnds& ends) : ends_(ends) {}

  Map finding(const TensorFinding& finding) const {
    Map json;
    json["name"] = finding.name;
    json["status"] = status_name(finding.status);
    json["a"] = tensor_json(ends_.a, finding.a);
    json["b"] = tensor_json(ends_.b, finding.b);
    json["difference"] = finding.compared ? Value(difference(finding)) : Value();
    return json;
  }

 private:
  Map difference(const TensorFinding& finding) const {
    const Difference& d = finding.difference;
    Map json;
    json["elements"] = static_cast<int64_t>(d.elements);
    json["beyond"] = static_cast<int64_t>(d.beyond);
    json["nan_a"] = static_cast<int64_t>(d.nan_a);
    json["nan_b"] = static_cast<int64_t>(d.nan_b);
    json["nan_both"] = static_cast<int64_t>(d.nan_both);
    json["infinite"] = static_cast<int64_t>(d.infinite);
    json["zeros"] = static_cast<int64_t>(d.zeros);
    json["largest"] = d.largest;
    json["relative"] = d.relative;
    json["first"] = pair(finding, d.beyond ? d.first_beyond : d.first);
    json["largest_at"] = pair(finding, d.at_largest);
    return json;
  }

  Value pair(const TensorFinding& finding, const NumberPair& pair) const {
    if (pair.element < 0) return {};
    const bool has = has_numbers(ends_.a.tensor(finding.a).dtype);
    Map json;
    json["index"] = numbers(coordinates_of(pair.element, ends_.a.tensor(finding.a).shape));
    json["a"] = has ? number(pair.a) : Value();
    json["b"] = has ? number(pair.b) : Value();
    json["source_a"] = source_json(ends_.a, finding.a, pair.element);
    json["source_b"] = source_json(ends_.b, finding.b, pair.element);
    return json;
  }

  const LogicalEnds& ends_;
};

Map counts_json(const DiffFindings& findings) {
  Map json;
  for (const Status status :
       {Status::equal, Status::within, Status::differs, Status::dtype, Status::shape, Status::only_a, Status::only_b})
    json[status_name(status)] = static_cast<int64_t>(findings.count(status));
  return json;
}

}  // namespace

Map findings_json(const LogicalEnds& ends, const DiffOptions& options, const DiffFindings& findings) {
  Map json;
  json["same"] = findings.same;
  json["by"] = ends.a.prepared ? "rules" : "names";
  json["tolerance"] = options.tolerance ? Value(*options.tolerance) : Value();
  json["strict"] = options.strict;
  json["a"] = end_json(ends.a);
  json["b"] = end_json(ends.b);
  json["counts"] = counts_json(findings);
  List tensors, config;
  const ToJson writer(ends);
  for (const TensorFinding& finding : findings.tensors)
    if (options.all || finding.status != Status::equal) tensors.push_back(writer.finding(finding));
  for (const ConfigFinding& one : findings.config) {
    Map key;
    key["key"] = one.key;
    key["a"] = one.a;
    key["b"] = one.b;
    config.push_back(std::move(key));
  }
  json["tensors"] = std::move(tensors);
  json["config"] = std::move(config);
  json["within_a"] = texts(findings.within_a);
  json["within_b"] = texts(findings.within_b);
  json["bytes_read"] = static_cast<int64_t>(findings.bytes_read);
  json["seconds"] = findings.seconds;
  json["peak_memory"] = peak_memory();
  return json;
}

}  // namespace tessera
