// `explain`: one name, or one element, followed from file to file. Headers are read, the plan is made, nothing is
// written.
#include <algorithm>

#include "explaining.h"
#include "plan/ignores.h"
#include "store/formats.h"

namespace tessera {
namespace {

class Explainer {
 public:
  Explainer(const Prepared& prepared, const Writer* writer, const Subject& subject)
      : prepared_(prepared), graph_(prepared.plan.graph), writer_(writer), subject_(subject) {}

  Explanation run() {
    if (subject_.id == none_id) return left_out();
    tensor(subject_.id);
    if (!subject_.index)
      whole();
    else
      trace_ = trace(graph_, subject_.id, element_of(*subject_.index));
    if (trace_) name_tensors_of(*trace_);
    lay_out();
    if (trace_) told_.element = element(*trace_);
    return std::move(told_);
  }

 private:
  // The place of a tensor in the explanation; it is added if it is not there.
  size_t tensor(TensorId id) {
    const auto known = std::ranges::find(told_.tensors, id, &ToldTensor::id);
    if (known != told_.tensors.end()) return static_cast<size_t>(known - told_.tensors.begin());
    const Tensor& tensor = graph_.tensors[id];
    told_.tensors.push_back({tensor.output,
                             id,
                             tensor.name,
                             place_label(prepared_, tensor.output, tensor.place),
                             place_at(prepared_, tensor.output, tensor.place),
                             tensor.dtype,
                             tensor.shape,
                             bytes_of_whole(tensor),
                             {},
                             {}});
    return told_.tensors.size() - 1;
  }

  // A source tensor of which no rule speaks.
  Explanation left_out() {
    const TensorInfo& tensor = source().tensors[subject_.source];
    told_.tensors.push_back({false,
                             none_id,
                             tensor.name,
                             place_label(prepared_, false, tensor.place),
                             place_at(prepared_, false, tensor.place),
                             tensor.dtype,
                             tensor.shape,
                             bytes_of(false, subject_.source),
                             {},
                             {}});
    const Model& model = prepared_.plan.model;
    told_.ignored = Ignores(*model.rules, model.from).find(tensor.name);
    if (subject_.index) {
      told_.element.emplace();
      told_.element->asked = site({none_id, element_of(*subject_.index), none_id});
    }
    return std::move(told_);
  }

  // Every move that touches the tensor, and the comparisons with what is read for it.
  void whole() {
    std::vector<bool> read(graph_.tensors.size(), false);
    for (const Move& move : graph_.moves)
      if (op_writes(move.op) && move.to == subject_.id && move.from != none_id) read[move.from] = true;
    for (uint32_t i = 0; i < graph_.moves.size(); ++i) {
      const Move& move = graph_.moves[i];
      const bool compared_with = move.op == Op::compare && read[move.to];
      if (move.from != subject_.id && move.to != subject_.id && !compared_with) continue;
      told_.moves.push_back(i);
      for (const TensorId id : {move.from, move.to})
        if (id != none_id) tensor(id);
    }
    for (uint32_t i = 0; i < graph_.omissions.size(); ++i)
      if (graph_.omissions[i].tensor == subject_.id) told_.omissions.push_back(i);
  }

  void name_tensors_of(const Trace& trace) {
    std::vector<ElementAt> sites = trace.compared;
    sites.insert(sites.end(), trace.written.begin(), trace.written.end());
    if (trace.read) sites.push_back(*trace.read);
    if (trace.constant) sites.push_back(*trace.constant);
    for (const ElementAt& site : sites) {
      tensor(site.tensor);
      if (site.move != none_id) told_.moves.push_back(site.move);
    }
    std::ranges::sort(told_.moves);
    told_.moves.erase(std::unique(told_.moves.begin(), told_.moves.end()), told_.moves.end());
    if (trace.omission) told_.omissions.push_back(*trace.omission);
  }

  void lay_out() {
    std::vector<TensorId> ids;
    for (const ToldTensor& one : told_.tensors) ids.push_back(one.id);
    const Model& model = prepared_.plan.model;
    auto found = layings(model, graph_, ids);
    for (size_t i = 0; i < ids.size(); ++i) {
      ToldTensor& one = told_.tensors[i];
      one.layings = std::move(found[i]);
      const EndSpec& end = one.output ? model.to : model.from;
      if (!one.layings.empty())
        one.renamed_by = Renamer(*model.rules, end.side, end.dialects).acting(one.layings[0].name);
    }
  }

  ToldElement element(const Trace& trace) {
    ToldElement told;
    const int64_t asked = element_of(*subject_.index);
    told.asked = site({subject_.id, asked, none_id});
    if (trace.read) told.read = site(*trace.read);
    for (const ElementAt& one : trace.compared) told.compared.push_back(site(one));
    for (const ElementAt& one : trace.written) {
      told.written.push_back(site(one));
      told.pad |= one.tensor == subject_.id && one.element == asked && graph_.moves[one.move].pad;
    }
    told.value = trace.value;
    told.more = trace.more;
    return told;
  }

  ToldSite site(const ElementAt& one) {
    ToldSite told{one.tensor == none_id ? 0 : tensor(one.tensor), one.element, std::nullopt, std::nullopt, one.move};
    const ToldTensor& of = told_.tensors[told.tensor];
    const bool field = one.tensor != none_id && !graph_.tensors[one.tensor].weight.empty();
    if (!field) told.part = part_at(of.layings, of.shape, one.element);
    const uint32_t index = one.tensor == none_id ? subject_.source : graph_.tensors[one.tensor].index;
    const bool stored = one.tensor != none_id && graph_.tensors[one.tensor].stored != none_id;
    const auto bytes = stored ? std::vector<FileBytes>{}  // decoded: of several fields
                              : bytes_of(of.output, index, coordinates_of(one.element, of.shape));
    if (!bytes.empty()) told.bytes = bytes[0];
    return told;
  }

  int64_t element_of(const std::vector<int64_t>& index) const {
    const Extents& shape =
        subject_.id == none_id ? source().tensors[subject_.source].shape : *graph_.tensors[subject_.id].shape;
    const std::vector<int64_t> strides = row_major(shape);
    int64_t element = 0;
    for (size_t k = 0; k < index.size(); ++k) element += index[k] * strides[k];
    return element;
  }

  // Of a decoded source those of its fields.
  std::vector<FileBytes> bytes_of_whole(const Tensor& tensor) const {
    std::vector<FileBytes> all;
    for (const uint32_t index : source_tensors(graph_, tensor))
      for (FileBytes& bytes : bytes_of(tensor.output, index)) all.push_back(std::move(bytes));
    return all;
  }

  // None without a checkpoint.
  std::vector<FileBytes> bytes_of(bool output, uint32_t index, const std::optional<Extents>& at = std::nullopt) const {
    if (!writer_) return {};
    return output ? target_bytes(prepared_.output.tensors[index], writer_->places()[index], writer_->files(), at)
                  : source_bytes(source(), index, at);
  }

  const Contents& source() const { return prepared_.reader->contents(); }

  const Prepared& prepared_;
  const Graph& graph_;
  const Writer* writer_;
  const Subject& subject_;
  Explanation told_;
  std::optional<Trace> trace_;
};

Map report_head(const Prepared& prepared, const std::string& name) {
  const RuleFile& file = prepared.rules.set.file;
  Map json;
  json["asked"] = name;
  json["family"] = file.family.s;
  json["rules"] = prepared.rules.path.string();
  json["from"] = file.sides[prepared.plan.model.from.side].s;
  json["to"] = file.sides[prepared.plan.model.to.side].s;
  return json;
}

}  // namespace

Explanation explain_subject(const Prepared& prepared, const Writer* writer, const Subject& subject) {
  return Explainer(prepared, writer, subject).run();
}

Report explain(Session& session, const Request& request, const std::string& name, uint64_t max_shard_size) {
  const auto prepared = prepare(session, request, max_shard_size);
  const Asked asked = find_subjects(*prepared, name);
  const auto writer = request.source.empty() ? nullptr : create_checkpoint(prepared->output);
  const ExplainContext context{*prepared, session.sources};
  Report report;
  report.json = report_head(*prepared, name);
  report.lines = prepared->evidence;
  List notes, explained;
  for (const std::string& note : asked.notes) {
    notes.push_back(note);
    report.lines.push_back("note: " + note);
  }
  for (const Subject& subject : asked.subjects) {
    const Explanation one = explain_subject(*prepared, writer.get(), subject);
    explained.push_back(explanation_json(context, one));
    report.lines.push_back("");
    for (std::string& line : explanation_text(context, one)) report.lines.push_back(std::move(line));
  }
  report.json["notes"] = std::move(notes);
  report.json["explained"] = std::move(explained);
  report.warnings = prepared->reader->contents().warnings;
  return report;
}

}  // namespace tessera
