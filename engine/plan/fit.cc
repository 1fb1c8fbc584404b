// Source names against declared ones, place by place.
#include "plan/fit.h"

#include <algorithm>

#include "base/text.h"
#include "base/text_hash.h"
#include "plan/dialects.h"
#include "plan/encodings.h"

namespace tessera {
namespace {

using Names = std::vector<ViewMap<const TensorInfo*>>;  // by place of the end

// Tensors by place and name. A place that the end does not have holds nothing that could be declared.
Names names_by_place(const Contents& source, const EndSpec& end, std::vector<const TensorInfo*>& astray) {
  Names names(places_of(end).size());
  const std::vector<uint32_t> numbers = numbers_of(source.places, end);
  for (const TensorInfo& tensor : source.tensors) {
    const uint32_t place = tensor.place < numbers.size() ? numbers[tensor.place] : 0;
    if (place == none_place)
      astray.push_back(&tensor);
    else
      names[place][tensor.name] = &tensor;
  }
  return names;
}

class Measure {
 public:
  Measure(const Model& model, const Contents& source)
      : model_(model),
        names_(names_by_place(source, model.from, astray_)),
        used_(names_.size()),
        renamer_(*model.rules, model.from.side, model.from.dialects) {
    for (const IgnoreDecl& item : model.rules->file.ignore)
      if (item.side == model.from.side) ignore_.emplace_back(item.pattern);
    fit_.names = source.tensors.size();
  }

  Fit run(const std::vector<Declared>& declared) {
    for (const Declared& weight : declared) {
      const bool encoded = take_encoded(weight);
      if (!take(weight.place, weight.name, weight.shape) && !encoded && !weight.optional) miss(weight);
    }
    for (size_t place = 0; place < names_.size(); ++place)
      for (const auto& [name, tensor] : names_[place])
        if (!used_[place].contains(name)) judge_left_over(*tensor);
    for (const TensorInfo* tensor : astray_) judge_left_over(*tensor);
    return fit_;
  }

 private:
  // Marks a name as mapped, if it is there.
  bool take(uint32_t place, const std::string& name, const Extents& shape) {
    const auto at = names_[place].find(name);
    if (at == names_[place].end()) return false;
    if (!used_[place].insert(at->first).second) return true;
    if (at->second->shape == shape) {
      ++fit_.mapped;
      return true;
    }
    ++fit_.misshaped;
    problem(format("`{}` has shape {}, not {}", escape(name), show_shape(at->second->shape), show_shape(shape)));
    return true;
  }

  // Is the weight encoded: are all fields of one encoding there? They are mapped then.
  bool take_encoded(const Declared& weight) {
    for (const EncodingDecl& encoding : model_.rules->file.encodings) {
      const auto names = field_names(encoding, model_.from.side, weight.name);
      const auto there = [&](const std::string& name) { return names_[weight.place].contains(name); };
      if (names.empty() || !std::all_of(names.begin(), names.end(), there)) continue;
      const auto fields = fields_of(encoding);
      for (size_t i = 0; i < names.size(); ++i)
        if (const auto shape = field_shape(fields[i], weight.shape)) take(weight.place, names[i], *shape);
      return true;
    }
    return false;
  }

  void miss(const Declared& weight) {
    ++fit_.missing;
    problem(format("`{}` is missing", escape(weight.name)));
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
  std::vector<ViewSet> used_;
  Renamer renamer_;
  std::vector<Matcher> ignore_;
  Fit fit_;
};

}  // namespace

Fit measure_fit(const Model& model, const std::vector<Declared>& declared, const Contents& source) {
  return Measure(model, source).run(declared);
}

}  // namespace tessera
