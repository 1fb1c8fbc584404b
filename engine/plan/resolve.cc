// Names against headers, ids against ids.
#include "plan/resolve.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "base/suggest.h"
#include "base/text.h"
#include "plan/folded.h"
#include "plan/ignores.h"
#include "plan/stored_forms.h"

namespace tessera {
namespace {

// Source tensors by place of the end and name.
class SourceNames {
 public:
  SourceNames(const EndSpec& end, const Contents& source) : tensors_(source.tensors), by_place_(places_of(end).size()) {
    const std::vector<Coordinates> places = places_of(end);
    std::vector<size_t> place_of;
    for (const PlaceInfo& place : source.places)
      place_of.push_back(static_cast<size_t>(std::ranges::find(places, place.at) - places.begin()));
    for (uint32_t i = 0; i < tensors_.size(); ++i)
      if (const size_t place = place_of[tensors_[i].place]; place < by_place_.size())
        by_place_[place][tensors_[i].name] = i;
  }
  uint32_t find(uint32_t place, std::string_view name) const {
    const auto at = by_place_[place].find(name);
    return at == by_place_[place].end() ? none_id : at->second;
  }

 private:
  const std::vector<TensorInfo>& tensors_;
  std::vector<std::unordered_map<std::string_view, uint32_t>> by_place_;
};

// Names folded, with at most 20 numbers of tensors for each error.
void tell_missing(const Draft& draft, const std::vector<TensorId>& missing, const std::vector<std::string>& unmapped,
                  Diagnostics& diagnostics) {
  std::vector<std::pair<Span, std::vector<std::string>>> by_address;
  for (const TensorId id : missing) {
    const EndTensor& tensor = draft.from.tensors.tensors()[id];
    auto group = std::ranges::find(by_address, tensor.why, &std::pair<Span, std::vector<std::string>>::first);
    if (group == by_address.end()) group = by_address.insert(group, {tensor.why, {}});
    group->second.push_back(draft.from.tensors.name(tensor));
  }
  std::vector<std::string> candidates;
  for (const FoldedName& folded : fold_names(unmapped)) candidates.push_back(folded.text);
  for (const auto& [span, names] : by_address)
    for (const FoldedName& folded : fold_names(names))
      diagnostics.error("V01", span, format("`{}` is not in the source{}", escape(folded.text), folded.count_text()),
                        did_you_mean(folded.text, candidates));
}

void tell_unmapped(const Draft& draft, const std::vector<std::string>& unmapped, Diagnostics& diagnostics) {
  if (unmapped.empty()) return;
  std::vector<std::string> names, candidates;
  for (const EndTensor& tensor : draft.from.tensors.tensors()) names.push_back(draft.from.tensors.name(tensor));
  for (const FoldedName& folded : fold_names(names)) candidates.push_back(folded.text);
  for (const FoldedName& folded : fold_names(unmapped))
    diagnostics.error("V01", {}, format("no rule names `{}`{}", escape(folded.text), folded.count_text()),
                      did_you_mean(folded.text, candidates));
}

}  // namespace

bool find_sources(Draft& draft, const Model& model, const Contents& source, std::vector<uint32_t>& tensor_of,
                  Diagnostics& diagnostics) {
  const SourceNames names(model.from, source);
  const auto& wanted = draft.from.tensors.tensors();
  std::vector<bool> taken(source.tensors.size());
  std::vector<TensorId> missing;
  bool good = true;
  for (TensorId id = 0; id < wanted.size(); ++id) {
    const std::string& name = draft.from.tensors.name(wanted[id]);
    const uint32_t found = names.find(wanted[id].place, name);
    tensor_of.push_back(found);
    if (found == none_id) {
      if (!wanted[id].standing.optional) missing.push_back(id);
      continue;
    }
    taken[found] = true;
    if (source.tensors[found].shape == *wanted[id].shape) continue;
    diagnostics.error("V02", wanted[id].why,
                      format("`{}` is {} in the source; the rules make it {}", escape(name),
                             show_shape(source.tensors[found].shape), show_shape(*wanted[id].shape)));
    good = false;
  }
  const Ignores ignores(*model.rules, model.from);
  std::vector<std::string> unmapped;
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    const TensorInfo& tensor = source.tensors[i];
    if (taken[i] || std::ranges::count(tensor.shape, 0) > 0) continue;
    if (const IgnoreDecl* decl = ignores.find(tensor.name))
      draft.graph.ignored.push_back(format("{}: {}", tensor.name, decl->reason));
    else
      unmapped.push_back(tensor.name);
  }
  if (!refuse_stored_forms(model.rules->file, model.from.side, unmapped, diagnostics)) return false;
  tell_missing(draft, missing, unmapped, diagnostics);
  tell_unmapped(draft, unmapped, diagnostics);
  return good && missing.empty() && unmapped.empty();
}

namespace {

// Ids of outputs in writing order: by place, then as the model goes.
std::vector<TensorId> writing_order(const std::vector<EndTensor>& outputs) {
  std::vector<TensorId> order(outputs.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::stable_sort(order, [&](TensorId a, TensorId b) {
    const EndTensor &x = outputs[a], &y = outputs[b];
    return x.place != y.place ? x.place < y.place : x.standing.order() < y.standing.order();
  });
  return order;
}

}  // namespace

void number_tensors(Draft& draft, const Contents& source, const std::vector<uint32_t>& tensor_of,
                    std::vector<Standing>& standings) {
  Graph& graph = draft.graph;
  std::vector<TensorId> from_ids(tensor_of.size(), none_id);
  const auto& wanted = draft.from.tensors.tensors();
  for (TensorId id = 0; id < wanted.size(); ++id) {
    if (tensor_of[id] == none_id) continue;
    const TensorInfo& info = source.tensors[tensor_of[id]];
    from_ids[id] = static_cast<TensorId>(graph.tensors.size());
    graph.tensors.push_back(
        {info.name, info.dtype, info.shape, wanted[id].place, false, tensor_of[id], wanted[id].why});
  }
  const auto& outputs = draft.to.tensors.tensors();
  std::vector<TensorId> to_ids(outputs.size());
  for (const TensorId id : writing_order(outputs)) {
    const EndTensor& tensor = outputs[id];
    to_ids[id] = static_cast<TensorId>(graph.tensors.size());
    graph.tensors.push_back({draft.to.tensors.name(tensor), DType::f32, *tensor.shape, tensor.place, true,
                             static_cast<uint32_t>(standings.size()), tensor.why});
    standings.push_back(tensor.standing);
  }
  std::erase_if(graph.moves, [&](Move& move) {
    if (move.from != none_id && (move.from = from_ids[move.from]) == none_id) return true;
    if (move.to != none_id) move.to = op_writes(move.op) ? to_ids[move.to] : from_ids[move.to];
    return false;
  });
  std::erase_if(graph.omissions, [&](Omission& omission) {
    omission.tensor = from_ids[omission.tensor];
    return omission.tensor == none_id;
  });
}

}  // namespace tessera
