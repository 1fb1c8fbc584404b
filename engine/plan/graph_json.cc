// The graph as JSON: one line for each tensor, move, rule and address, so that it streams and diffs well.
#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "base/json.h"
#include "base/text.h"
#include "plan/box_json.h"
#include "plan/graph_view.h"
#include "plan/values.h"

namespace tessera {
namespace {

constexpr const char* omission_kinds[] = {"pad", "unused", "copy"};

// JSON has no word for infinities and NaN, and the page's parser takes none: they become texts ("inf").
Value finite(const Value& value) {
  if (const double* number = value.as_float(); number && !std::isfinite(*number)) return show_float(*number);
  if (const List* list = value.as_list()) {
    List out;
    for (const Value& item : *list) out.push_back(finite(item));
    return out;
  }
  if (const Map* map = value.as_map()) {
    Map out;
    for (const auto& [key, item] : *map) out.insert(key, finite(item));
    return out;
  }
  return value;
}

Value index_json(uint32_t index) { return index == none_id ? Value() : Value(int64_t{index}); }

class GraphJson {
 public:
  GraphJson(const GraphView& view, const Sink& sink)
      : view_(view), sink_(sink), number_(view.graph.tensors.size(), none_id) {
    for (uint32_t i = 0; i < view.tensors.size(); ++i) number_[view.tensors[i]] = i;
    find_rules();
  }

  void run(const Map& head) {
    sink_("{\n");
    for (const auto& [key, value] : head)
      sink_(format("{}: {},\n", to_json(key, shown_json_line), to_json(finite(value), shown_json_line)));
    sink_(format("\"costs\": {},\n\"graph\": {{\n", to_json(costs(), shown_json_line)));
    list("tensors", view_.tensors, [&](TensorId id) { return tensor(id); });
    list("moves", view_.moves, [&](uint32_t i) { return move(view_.graph.moves[i]); });
    list("rules", shown_rules_, [&](RuleId rule) { return rule_json(rule); });
    list("addresses", addresses_, [&](const Place& place) { return address(place); });
    list("omissions", view_.omissions, [&](uint32_t i) { return omission(view_.graph.omissions[i]); });
    list(
        "empty_ranges", view_.graph.empty_ranges, [](const std::string& text) { return Value(text); }, "\n");
    sink_("}\n}\n");
  }

 private:
  struct Place {  // an address where a rule speaks of it: a derived bias shares the text of its weight
    RuleId rule = 0;
    Span span;
  };

  template <class Items, class Row>
  void list(const char* name, const Items& items, Row row, const char* end = ",\n") {
    sink_(format("\"{}\": [", name));
    const char* between = "\n";
    for (const auto& item : items) {
      sink_(between + to_json(row(item), shown_json_line));
      between = ",\n";
    }
    sink_(std::string(items.empty() ? "]" : "\n]") + end);
  }

  // Rules and addresses get their numbers in the order in which moves speak of them.
  void find_rules() {
    address_of_.assign(view_.tensors.size(), none_id);
    rule_number_.assign(view_.rules().rules.size(), none_id);
    for (uint32_t index : view_.moves) {
      const Move& move = view_.graph.moves[index];
      note_rule(move.why);
      for (TensorId id : {move.from, move.to}) note_tensor(id, move.why);
      if (move.span.known()) note_address({move.why, move.span});
    }
    for (uint32_t index : view_.omissions) {
      const Omission& omission = view_.graph.omissions[index];
      note_rule(omission.why);
      note_tensor(omission.tensor, omission.why);
    }
  }
  void note_rule(RuleId rule) {
    if (rule_number_[rule] != none_id) return;
    rule_number_[rule] = uint32_t(shown_rules_.size());
    shown_rules_.push_back(rule);
  }
  void note_tensor(TensorId id, RuleId rule) {
    if (id == none_id || address_of_[number_[id]] != none_id || !view_.tensor(id).why.known()) return;
    address_of_[number_[id]] = note_address({rule, view_.tensor(id).why});
  }
  uint32_t note_address(const Place& place) {
    const auto key = std::tuple(place.rule, place.span.source, place.span.begin, place.span.end);
    const auto [at, added] = address_number_.try_emplace(key, uint32_t(addresses_.size()));
    if (added) addresses_.push_back(place);
    return at->second;
  }

  Map costs() const {
    const Costs costs = costs_of(view_);
    Map json;
    json["sources"] = int64_t(costs.sources);
    json["outputs"] = int64_t(costs.outputs);
    json["moves"] = int64_t(costs.moves);
    json["casts"] = int64_t(costs.casts);
    json["compares"] = int64_t(costs.compares);
    json["bytes_read"] = int64_t(costs.bytes_read);
    json["bytes_written"] = int64_t(costs.bytes_written);
    json["largest_tensor"] = int64_t(costs.largest);
    return json;
  }

  Value tensor(TensorId id) const {
    const Tensor& tensor = view_.tensor(id);
    Map json;
    json["name"] = *tensor.name;
    json["end"] = tensor.output ? "to" : "from";
    json["place"] = int64_t{tensor.place};
    json["dtype"] = std::string(info(tensor.dtype).name);
    json["shape"] = number_list(tensor.shape);
    json["address"] = index_json(address_of_[number_[id]]);
    if (!tensor.weight.empty()) json["field_of"] = *tensor.weight;
    if (tensor.stored == none_id) return json;
    List fields;
    for (const std::string& name : view_.graph.stored[tensor.stored].names) fields.emplace_back(name);
    json["decoded_from"] = std::move(fields);
    return json;
  }

  Value move(const Move& move) const {
    const auto id = [&](TensorId t) { return index_json(t == none_id ? none_id : number_[t]); };
    Map json, box;
    json["op"] = op_name(move.op);
    json["from"] = id(move.from);
    json["to"] = id(move.to);
    box["shape"] = number_list(move.box->shape);
    if (move.from != none_id) box["from"] = strided_json(move.box->from);
    if (move.to != none_id) box["to"] = strided_json(move.box->to);
    json["box"] = std::move(box);
    json["rule"] = int64_t{rule_number_[move.why]};
    json["pad"] = move.pad;
    if (move.span.known())
      json["address"] = int64_t{address_number_.at({move.why, move.span.source, move.span.begin, move.span.end})};
    if (move.fill != none_id) json["value"] = fill_text(view_.graph.fills[move.fill]);
    if (move.program != none_id) json["program"] = program(view_.graph.programs[move.program]);
    return json;
  }

  static List program(const Program& steps) {
    List list;
    for (const ScalarStep& step : steps) list.push_back(to_text(step));
    return list;
  }

  Value rule_json(RuleId id) const {
    const Rule& rule = view_.rules().rules[id];
    Map json;
    json["name"] = rule.name;
    json["at"] = at_text(view_.sources, rule.span);
    return json;
  }

  Value address(const Place& place) const {
    Map json;
    json["rule"] = int64_t{rule_number_[place.rule]};
    const auto [side, text] = side_and_text(place);
    json["side"] = view_.rules().file.sides[side].s;
    json["text"] = text;
    json["at"] = at_text(view_.sources, place.span);
    json["line"] = view_.sources.line_around(place.span);
    return json;
  }

  static const Address* find(const SideForm& form, Span span) {
    for (const Alternative& alternative : form)
      for (const Address& address : alternative.addresses)
        if (address.text.span == span || address.text.at(0, address.text.s.size()) == span) return &address;
    return nullptr;
  }

  // As the rule has it, or a copy; as it is written where a span is narrower than an address. A copy that leaves its
  // layout to the rule shares the rule's span: then the layout is all that is said.
  std::pair<SideId, std::string> side_and_text(const Place& place) const {
    const Rule& rule = view_.rules().rules[place.rule];
    const Address* copied = nullptr;
    SideId copied_side = 0;
    for (const Copy& copy : view_.rules().copies)
      if (const Address* found = copy.of == place.rule ? find(copy.form, place.span) : nullptr)
        copied = found, copied_side = copy.side;
    for (SideId side = 0; side < rule.sides.size(); ++side)
      if (const Address* found = find(rule.sides[side], place.span)) return {side, address_text(*found, !copied)};
    if (copied) return {copied_side, address_text(*copied, true)};
    const std::string& text = view_.sources.text(place.span.source);
    return {view_.model.from.side, text.substr(place.span.begin, place.span.end - place.span.begin)};
  }

  Value omission(const Omission& omission) const {
    Map json;
    json["kind"] = omission_kinds[size_t(omission.kind)];
    json["tensor"] = int64_t{number_[omission.tensor]};
    json["shape"] = number_list(omission.region.shape);
    json["at"] = strided_json(omission.region.at);
    json["rule"] = int64_t{rule_number_[omission.why]};
    return json;
  }

  const GraphView& view_;
  const Sink& sink_;
  std::vector<uint32_t> number_;      // by TensorId: its index among those shown
  std::vector<uint32_t> address_of_;  // by that index
  std::vector<RuleId> shown_rules_;
  std::vector<uint32_t> rule_number_;  // by RuleId
  std::vector<Place> addresses_;
  std::map<std::tuple<RuleId, SourceId, uint32_t, uint32_t>, uint32_t> address_number_;
};

}  // namespace

void draw_json(const GraphView& view, const Map& head, const Sink& sink) { GraphJson(view, sink).run(head); }

}  // namespace tessera
