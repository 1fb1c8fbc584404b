// Names against headers: what the rules name is there, in its shape, as itself or as the fields of its encoding.
#include <algorithm>
#include <set>
#include <string_view>

#include "base/id_table.h"
#include "base/suggest.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "plan/encodings.h"
#include "plan/folded.h"
#include "plan/ignores.h"
#include "plan/resolve.h"

namespace tessera {
namespace {

// Source tensors by place of the end and name.
class SourceNames {
 public:
  SourceNames(const EndSpec& end, const Contents& source)
      : tensors_(source.tensors), place_of_(numbers_of(source.places, end)) {
    for (uint32_t i = 0; i < tensors_.size(); ++i) {
      const uint32_t place = place_of_[tensors_[i].place];
      ids_.find_or_add(hash(place, tensors_[i].name), i, [&](uint32_t id) { return is(id, place, tensors_[i].name); });
    }
  }
  uint32_t find(uint32_t place, std::string_view name) const {
    return ids_.find(hash(place, name), [&](uint32_t id) { return is(id, place, name); });
  }

 private:
  static uint64_t hash(uint32_t place, std::string_view name) { return text_hash(name) + place; }
  bool is(uint32_t id, uint32_t place, std::string_view name) const {
    return tensors_[id].name == name && place_of_[tensors_[id].place] == place;
  }

  const std::vector<TensorInfo>& tensors_;
  std::vector<uint32_t> place_of_;  // of the end, by place of the source
  IdTable ids_;
};
static_assert(IdTable::none == none_id);

// The tensors that one address misses, and where.
struct Missing {
  Span span;
  std::vector<std::string> names;
  std::set<std::string> places;
};

std::string in_places(const std::set<std::string>& places) {
  return places.empty() ? "" : " in " + join_first({places.begin(), places.end()}, 4);
}

// Names folded, with at most 20 numbers of tensors for each error.
void tell_missing(const Draft& draft, const Contents& source, const std::vector<TensorId>& missing,
                  const std::vector<std::string>& unmapped, Diagnostics& diagnostics) {
  std::vector<Missing> by_address;
  const std::vector<uint32_t> numbers = numbers_of(source.places, draft.from.spec);
  std::map<uint32_t, std::string> labels;
  for (size_t i = 0; i < numbers.size(); ++i)
    if (!source.places[i].label.empty()) labels.emplace(numbers[i], source.places[i].label);
  for (const TensorId id : missing) {
    const EndTensor& tensor = draft.from.tensors.tensors()[id];
    auto group = std::ranges::find(by_address, tensor.why, &Missing::span);
    if (group == by_address.end()) group = by_address.insert(group, {tensor.why, {}, {}});
    group->names.push_back(draft.from.tensors.name(tensor));
    if (const auto label = labels.find(tensor.place); label != labels.end()) group->places.insert(label->second);
  }
  std::vector<std::string> candidates;
  for (const FoldedName& folded : fold_names(unmapped)) candidates.push_back(folded.text);
  for (const Missing& group : by_address)
    for (const FoldedName& folded : fold_names(group.names))
      diagnostics.error(
          "V01", group.span,
          format("`{}` is not in the source{}{}", escape(folded.text), folded.count_text(), in_places(group.places)),
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

namespace {

class Finding {
 public:
  Finding(Draft& draft, const Model& model, const Contents& source, bool partial, Diagnostics& diagnostics)
      : draft_(draft),
        file_(model.rules->file),
        side_(model.from.side),
        source_(source),
        names_(model.from, source),
        partial_(partial),
        diagnostics_(diagnostics),
        taken_(source.tensors.size()) {}

  bool run(const Model& model) {
    const auto& wanted = draft_.from.tensors.tensors();
    for (TensorId id = 0; id < wanted.size(); ++id) look_for(id, wanted[id]);
    const std::vector<std::string> unmapped = left_over(model);
    tell_missing(draft_, source_, missing_, unmapped, diagnostics_);
    tell_unmapped(draft_, unmapped, diagnostics_);
    return good_ && missing_.empty() && unmapped.empty();
  }

 private:
  void look_for(TensorId id, const EndTensor& wanted) {
    const std::string& name = draft_.from.tensors.name(wanted);
    if (find_fields(id, wanted, name)) return;
    const uint32_t found = names_.find(wanted.place, name);
    draft_.tensor_of.push_back(found);
    if (found == none_id) {
      if (!wanted.standing.optional && !partial_) missing_.push_back(id);
      return;
    }
    taken_[found] = true;
    if (source_.tensors[found].shape == *wanted.shape) return;
    diagnostics_.error("V02", wanted.why,
                       format("`{}` is {} in the source; the rules make it {}", escape(name),
                              show_shape(source_.tensors[found].shape), show_shape(*wanted.shape)));
    good_ = false;
  }

  // A tensor is encoded if all fields of an encoding are there.
  bool find_fields(TensorId id, const EndTensor& wanted, const std::string& name) {
    for (const EncodingDecl& encoding : file_.encodings) {
      Encoded encoded{&encoding, {}};
      for (const std::string& field : field_names(encoding, side_, name))
        encoded.fields.push_back(names_.find(wanted.place, field));
      if (encoded.fields.empty() || std::ranges::count(encoded.fields, none_id) > 0) continue;
      for (const uint32_t field : encoded.fields) taken_[field] = true;
      good_ &= check_fields(encoded, wanted, name);
      draft_.tensor_of.push_back(encoded.fields[0]);
      draft_.encoded.emplace(id, std::move(encoded));
      return true;
    }
    return false;
  }

  bool check_fields(const Encoded& encoded, const EndTensor& wanted, const std::string& name) {
    const auto fields = fields_of(*encoded.encoding);
    for (size_t i = 0; i < fields.size(); ++i) {
      const TensorInfo& there = source_.tensors[encoded.fields[i]];
      const auto shape = field_shape(fields[i], *wanted.shape);
      std::string fault;
      if (!shape)
        fault = format("`{}` {} cannot be encoded as `{}`", escape(name), show_shape(*wanted.shape),
                       encoded.encoding->name.s);
      else if (there.shape != *shape)
        fault = format("`{}` is {} in the source; beside a weight {} it is {}", escape(there.name),
                       show_shape(there.shape), show_shape(*wanted.shape), show_shape(*shape));
      else if (std::ranges::count(fields[i].dtypes, there.dtype) == 0)
        fault = format("`{}` is {}; as {} of `{}` it cannot be", escape(there.name), info(there.dtype).short_name,
                       fields[i].name, encoded.encoding->name.s);
      if (fault.empty()) continue;
      diagnostics_.error("V02", wanted.why, fault).related.push_back({encoded.encoding->span, "the encoding"});
      return false;
    }
    return true;
  }

  std::vector<std::string> left_over(const Model& model) {
    const Ignores ignores(*model.rules, model.from);
    std::vector<std::string> unmapped;
    for (size_t i = 0; i < source_.tensors.size(); ++i) {
      const TensorInfo& tensor = source_.tensors[i];
      if (taken_[i] || std::ranges::count(tensor.shape, 0) > 0) continue;
      if (const IgnoreDecl* decl = ignores.find(tensor.name))
        draft_.graph.ignored.push_back(format("{}: {}", tensor.name, decl->reason));
      else if (partial_)
        draft_.graph.unmapped.push_back(static_cast<uint32_t>(i));
      else
        unmapped.push_back(tensor.name);
    }
    return unmapped;
  }

  Draft& draft_;
  const RuleFile& file_;
  const SideId side_;
  const Contents& source_;
  const SourceNames names_;
  const bool partial_;
  Diagnostics& diagnostics_;
  std::vector<bool> taken_;
  std::vector<TensorId> missing_;
  bool good_ = true;
};

}  // namespace

bool find_sources(Draft& draft, const Model& model, const Contents& source, bool partial, Diagnostics& diagnostics) {
  return Finding(draft, model, source, partial, diagnostics).run(model);
}

}  // namespace tessera
