// An explanation as JSON: schemas/explain.schema.json.
#include "base/text.h"
#include "explaining.h"
#include "plan/box_json.h"

namespace tessera {
namespace {

Value texts(const std::vector<std::string>& values) {
  List list;
  for (const std::string& v : values) list.push_back(v);
  return list;
}

Map bytes_json(const FileBytes& bytes) {
  Map json;
  json["file"] = bytes.file;
  json["begin"] = static_cast<int64_t>(bytes.begin);
  json["end"] = static_cast<int64_t>(bytes.end);
  if (bytes.packed_at) json["packed_at"] = static_cast<int64_t>(*bytes.packed_at);
  return json;
}

class ExplanationJson {
 public:
  ExplanationJson(const ExplainContext& context, const Explanation& explanation)
      : context_(context), graph_(context.prepared.plan.graph), rules_(context.prepared.rules.set), it_(explanation) {}

  Map run() const {
    Map json;
    List tensors, rules, moves;
    for (const ToldTensor& one : it_.tensors) tensors.push_back(tensor(one));
    for (const RuleId one : rules_of(graph_, it_)) rules.push_back(rule(one));
    for (const uint32_t one : it_.moves) moves.push_back(move(graph_.moves[one]));
    json["tensors"] = std::move(tensors);
    json["rules"] = std::move(rules);
    json["moves"] = std::move(moves);
    json["left_out"] = left_out();
    json["element"] = it_.element ? Value(element(*it_.element)) : Value();
    return json;
  }

 private:
  Map tensor(const ToldTensor& one) const {
    Map json, place;
    json["end"] = one.output ? "to" : "from";
    json["name"] = one.name;
    place["label"] = one.label;
    for (size_t d = 0; d < one.at.size(); ++d) place[mesh_dim_names[d]] = int64_t{one.at[d]};
    json["place"] = std::move(place);
    json["dtype"] = std::string(info(one.dtype).name);
    json["shape"] = number_list(one.shape);
    const bool known = one.id != none_id;
    json["weight"] = known && !graph_.tensors[one.id].weight.empty() ? Value(graph_.tensors[one.id].weight) : Value();
    json["decoded"] = known && graph_.tensors[one.id].stored != none_id;
    List bytes, renamed, addresses;
    for (const FileBytes& range : one.bytes) bytes.push_back(bytes_json(range));
    for (const RenameLine* line : one.renamed_by) renamed.push_back(rename(*line));
    for (const Laying& laying : one.layings) addresses.push_back(address(laying));
    json["bytes"] = std::move(bytes);
    json["renamed_by"] = std::move(renamed);
    json["addresses"] = std::move(addresses);
    return json;
  }

  Map rename(const RenameLine& line) const {
    Map json;
    json["from"] = line.left_text.s;
    json["to"] = line.right_text.s;
    json["at"] = place_text(context_, line.left_text.span);
    return json;
  }

  Map address(const Laying& laying) const {
    Map json;
    List parts;
    for (const LaidPart& part : laying.parts) {
      Map one;
      List axes;
      for (const LaidAxis& each : part.axes) axes.push_back(axis(each));
      one["part"] = part.name;
      one["axes"] = std::move(axes);
      parts.push_back(std::move(one));
    }
    json["rule"] = rules_.rules[laying.rule].name;
    json["copy"] = laying.copy != nullptr;
    json["name"] = laying.name;
    json["layout"] = to_text(laying.address->layout);
    json["at"] = place_text(context_, laying.address->text.span);
    json["parts"] = std::move(parts);
    return json;
  }

  static Map axis(const LaidAxis& one) {
    Map json;
    List held;
    for (const SlotRun& run : one.slots.held) {
      Map range;
      range["slot"] = run.slot;
      range["index"] = run.index;
      range["length"] = run.length;
      held.push_back(std::move(range));
    }
    json["axis"] = one.name;
    json["size"] = one.size;
    json["split"] = one.split.empty() ? Value() : Value(one.split);
    json["slots"] = one.slots.width;
    json["held"] = std::move(held);
    json["given"] = number_list(one.given);
    json["copies"] = one.star;
    json["dimension"] = one.laid ? Value(int64_t{one.dimension}) : Value();
    json["stride"] = one.laid ? Value(one.stride) : Value();
    return json;
  }

  Map rule(RuleId id) const {
    Map json;
    List lines;
    for (const RuleLine& line : rule_lines(context_, it_, id)) {
      Map one;
      one["at"] = line.at;
      one["text"] = line.text;
      lines.push_back(std::move(one));
    }
    json["rule"] = rules_.rules[id].name;
    json["lines"] = std::move(lines);
    return json;
  }

  // Indices into `tensors`; null where there is none.
  Value index_of(TensorId id) const {
    for (size_t i = 0; i < it_.tensors.size(); ++i)
      if (id != none_id && it_.tensors[i].id == id) return static_cast<int64_t>(i);
    return Value();
  }

  Map move(const Move& one) const {
    Map json, box;
    box["shape"] = number_list(one.box->shape);
    box["from"] = strided_json(one.box->from);
    box["to"] = strided_json(one.box->to);
    json["op"] = op_name(one.op);
    json["from"] = index_of(one.from);
    json["to"] = index_of(one.to);
    json["box"] = std::move(box);
    json["rule"] = rules_.rules[one.why].name;
    json["at"] = place_text(context_, one.span);
    json["pad"] = one.pad;
    json["steps"] = texts(steps_text(context_, one));
    json["value"] = one.fill == none_id         ? Value()
                    : graph_.fills[one.fill].at ? Value("by index")
                                                : Value(value_text(graph_.fills[one.fill]));
    return json;
  }

  List left_out() const {
    List list;
    if (it_.tensors[0].id == none_id) {
      Map json;
      json["kind"] = it_.ignored ? "ignored" : "empty";
      json["reason"] = it_.ignored ? it_.ignored->reason : "it has no elements";
      json["at"] = it_.ignored ? place_text(context_, it_.ignored->pattern_text.span) : "";
      list.push_back(std::move(json));
    }
    for (const uint32_t i : it_.omissions) {
      const Omission& omission = graph_.omissions[i];
      Map json;
      json["kind"] = omission_kind(omission.kind);
      json["reason"] = omission_text(omission.kind);
      json["at"] = place_text(context_, rules_.rules[omission.why].span);
      json["rule"] = rules_.rules[omission.why].name;
      json["shape"] = number_list(omission.region.shape);
      json["box"] = strided_json(omission.region.at);
      list.push_back(std::move(json));
    }
    return list;
  }

  Map site(const ToldSite& one) const {
    Map json;
    json["tensor"] = static_cast<int64_t>(one.tensor);
    json["index"] = number_list(coordinates_of(one.element, it_.tensors[one.tensor].shape));
    json["bytes"] = one.bytes ? Value(bytes_json(*one.bytes)) : Value();
    json["rule"] = one.part ? Value(rules_.rules[one.part->laying->rule].name) : Value();
    json["part"] = one.part ? Value(one.part->part->name) : Value();
    Map axes;
    if (one.part)
      for (const PartElement::Index& index : one.part->indices)
        axes[index.axis] = index.index ? Value(*index.index) : Value();
    json["axes"] = std::move(axes);
    return json;
  }

  List sites(const std::vector<ToldSite>& all) const {
    List list;
    for (const ToldSite& one : all) list.push_back(site(one));
    return list;
  }

  Map element(const ToldElement& one) const {
    Map json;
    json["asked"] = site(one.asked);
    json["read"] = one.read ? Value(site(*one.read)) : Value();
    json["compared"] = sites(one.compared);
    json["written"] = sites(one.written);
    json["value"] = one.value ? Value(value_text(*one.value)) : Value();
    json["pad"] = one.pad;
    json["more"] = one.more;
    return json;
  }

  const ExplainContext& context_;
  const Graph& graph_;
  const RuleSet& rules_;
  const Explanation& it_;
};

}  // namespace

Map explanation_json(const ExplainContext& context, const Explanation& explanation) {
  return ExplanationJson(context, explanation).run();
}

}  // namespace tessera
