// Source names against declared ones, place by place.
#include "plan/fit.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "plan/dialects.h"

namespace tessera {
namespace {

using Names = std::vector<std::unordered_map<std::string_view, const TensorInfo*>>;  // by place of the end

// Tensors by place and name. A place that the end does not have holds nothing that could be declared.
Names names_by_place(const Contents& source, const std::vector<Coordinates>& places,
                     std::vector<const TensorInfo*>& astray) {
  Names names(places.size());
  for (const TensorInfo& tensor : source.tensors) {
    const auto at = tensor.place < source.places.size()
                        ? std::find(places.begin(), places.end(), source.places[tensor.place].at)
                        : places.begin();
    if (at == places.end())
      astray.push_back(&tensor);
    else
      names[static_cast<size_t>(at - places.begin())][tensor.name] = &tensor;
  }
  return names;
}

// "exp_avg.<name>" and "<stem>.qweight" for a weight's name.
std::string filled(std::string_view form, std::string_view name) {
  const std::string_view stem = name.ends_with(".weight") ? name.substr(0, name.size() - 7) : name;
  const auto replace = [](std::string text, std::string_view hole, std::string_view by) {
    const size_t at = text.find(hole);
    return at == text.npos ? text : text.replace(at, hole.size(), by);
  };
  return replace(replace(std::string(form), "<name>", name), "<stem>", stem);
}

class Measure {
 public:
  Measure(const Model& model, const Contents& source)
      : model_(model),
        names_(names_by_place(source, places_of(model.from), astray_)),
        used_(names_.size()),
        renamer_(*model.rules, model.from.side, model.from.dialects) {
    for (const IgnoreDecl& item : model.rules->file.ignore)
      if (item.side == model.from.side) ignore_.emplace_back(item.pattern);
    fit_.names = source.tensors.size();
  }

  Fit run(const std::vector<Declared>& declared) {
    for (const Declared& weight : declared) {
      const bool companions = take_companions(weight);
      const bool there = take(weight.place, weight.name, &weight.shape) || take_encoded(weight);
      if (!there && !weight.optional) absent_.push_back(&weight);
      some_companions_ = some_companions_ || companions;
      some_weights_ = some_weights_ || there;
    }
    count_missing();
    for (size_t place = 0; place < names_.size(); ++place)
      for (const auto& [name, tensor] : names_[place])
        if (!used_[place].contains(name)) judge_left_over(*tensor);
    for (const TensorInfo* tensor : astray_) judge_left_over(*tensor);
    return fit_;
  }

 private:
  bool has(uint32_t place, const std::string& name) const { return names_[place].contains(name); }

  // Marks a name as mapped; `shape`: as declared, nullptr where only the source knows.
  bool take(uint32_t place, const std::string& name, const Extents* shape) {
    const auto at = names_[place].find(name);
    if (at == names_[place].end()) return false;
    if (!used_[place].insert(at->first).second) return true;
    if (!shape || at->second->shape == *shape) {
      ++fit_.mapped;
      return true;
    }
    ++fit_.misshaped;
    problem(format("`{}` has shape {}, not {}", escape(name), show_shape(at->second->shape), show_shape(*shape)));
    return true;
  }

  bool take_encoded(const Declared& weight) {
    for (const EncodingDecl& encoding : model_.rules->file.encodings) {
      const auto& fields = encoding.on[model_.from.side];
      const bool all = std::all_of(fields.begin(), fields.end(), [&](const auto& field) {
        return has(weight.place, filled(field.second.s, weight.name));
      });
      if (all && !fields.empty()) return true;
    }
    return false;
  }

  // Companions and encodings' fields of a weight. True if there is a companion.
  bool take_companions(const Declared& weight) {
    bool any = false;
    for (const CompanionDecl& companion : model_.rules->file.companions)
      if (const auto& form = companion.templates[model_.from.side])
        any = take(weight.place, filled(form->s, weight.name), nullptr) || any;
    for (const EncodingDecl& encoding : model_.rules->file.encodings)
      for (const auto& field : encoding.on[model_.from.side])
        take(weight.place, filled(field.second.s, weight.name), nullptr);
    return any;
  }

  // Weights are a kind too: all or nothing, nothing where companions stand alone.
  void count_missing() {
    if (some_companions_ && !some_weights_) return;
    fit_.missing = absent_.size();
    if (!absent_.empty()) problem(format("`{}` is missing", escape(absent_.front()->name)));
  }

  void judge_left_over(const TensorInfo& tensor) {
    const auto spellings = renamer_.to_rule(tensor.name);
    const bool ignored = std::any_of(ignore_.begin(), ignore_.end(), [&](const Matcher& pattern) {
      return std::any_of(spellings.begin(), spellings.end(),
                         [&](const std::string& name) { return pattern.match(name); });
    });
    ++(ignored ? fit_.ignored : fit_.unmapped);
    if (!ignored) problem(format("`{}` is mapped by no rule", escape(tensor.name)));
  }

  void problem(std::string text) {
    if (fit_.first.empty()) fit_.first = std::move(text);
  }

  const Model& model_;
  std::vector<const TensorInfo*> astray_;
  Names names_;
  std::vector<std::unordered_set<std::string_view>> used_;
  Renamer renamer_;
  std::vector<Matcher> ignore_;
  std::vector<const Declared*> absent_;
  bool some_companions_ = false, some_weights_ = false;
  Fit fit_;
};

}  // namespace

Fit measure_fit(const Model& model, const std::vector<Declared>& declared, const Contents& source) {
  return Measure(model, source).run(declared);
}

}  // namespace tessera
