// Spellings are tried from the strictest on, so a name that stands in a file always means that tensor.
#include "explain_name.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include "base/suggest.h"
#include "base/text.h"
#include "plan/dialects.h"
#include "plan/folded.h"
#include "store/megatron_dir.h"

namespace tessera {
namespace {

struct Candidate {
  Subject subject;
  std::string name, label;
  Coordinates at{};
};

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::string trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// The numbers of `0..3` or `0, 2`, the first alone; nullopt for anything else (`l`).
std::optional<std::string> first_number(std::string_view hole) {
  const size_t end = std::min(hole.find_first_not_of("0123456789"), hole.size());
  const std::string_view rest = hole.substr(end);
  const bool list = rest.empty() || rest.starts_with("..") || rest.starts_with(",");
  return end > 0 && list ? std::optional(std::string(hole.substr(0, end))) : std::nullopt;
}

// A folded name as a pattern; nullopt if it has no holes.
std::optional<Pattern> folded_pattern(const std::string& name) {
  Pattern pattern;
  size_t at = 0;
  for (size_t open = name.find('<'); open != std::string::npos; open = name.find('<', at)) {
    const size_t close = name.find('>', open);
    if (close == std::string::npos) return std::nullopt;
    pattern.push_back({name.substr(at, open - at), std::nullopt, ""});
    if (const auto first = first_number(std::string_view(name).substr(open + 1, close - open - 1)))
      pattern.back().text += *first;
    else
      pattern.push_back({"", HoleKind::number, ""});
    at = close + 1;
  }
  if (at == 0) return std::nullopt;
  pattern.push_back({name.substr(at), std::nullopt, ""});
  return pattern;
}

class NameSearch {
 public:
  NameSearch(const Prepared& prepared, const std::string& text)
      : prepared_(prepared), graph_(prepared.plan.graph), text_(text), name_(text) {
    list_candidates();
  }

  Asked run() {
    if (exact().empty()) take_element();
    if (exact().empty()) take_places();
    std::vector<const Candidate*> found = exact();
    if (found.empty()) found = spelled();
    if (found.empty()) found = folded();
    if (found.empty()) found = of_rule();
    if (found.empty()) refuse();
    choose(found);
    return std::move(asked_);
  }

 private:
  using Test = std::function<bool(const Candidate&)>;

  void list_candidates() {
    const Contents& source = prepared_.reader->contents();
    std::vector<TensorId> ids(source.tensors.size(), none_id);
    for (TensorId id = 0; id < graph_.tensors.size(); ++id)
      if (!graph_.tensors[id].output)
        for (const uint32_t index : source_tensors(graph_, graph_.tensors[id])) ids[index] = id;
    for (uint32_t i = 0; i < source.tensors.size(); ++i) {
      const TensorInfo& tensor = source.tensors[i];
      add({false, ids[i], i, std::nullopt}, tensor.name, tensor.place);
    }
    for (TensorId id = 0; id < graph_.tensors.size(); ++id) {
      const Tensor& tensor = graph_.tensors[id];
      if (tensor.output) add({true, id, none_id, std::nullopt}, tensor.name, tensor.place);
      if (tensor.stored != none_id && source.tensors[tensor.index].name != tensor.name)
        add({false, id, tensor.index, std::nullopt}, tensor.name, tensor.place);
    }
  }
  void add(const Subject& subject, const std::string& name, uint32_t place) {
    const bool output = subject.output;
    candidates_.push_back({subject, name, place_label(prepared_, output, place), place_at(prepared_, output, place)});
  }

  std::vector<const Candidate*> where(const Test& test) const {
    std::vector<const Candidate*> found;
    for (const Candidate& one : candidates_)
      if (test(one) && std::ranges::all_of(places_, [&](const Test& place) { return place(one); }))
        found.push_back(&one);
    return found;
  }
  std::vector<const Candidate*> exact() const {
    return where([&](const Candidate& one) { return one.name == name_; });
  }

  // The rules' spelling, where dialects write another.
  std::vector<const Candidate*> spelled() const {
    const Model& model = prepared_.plan.model;
    std::array<std::string, 2> names;
    for (const bool output : {false, true}) {
      const EndSpec& end = output ? model.to : model.from;
      names[output] = Renamer(*model.rules, end.side, end.dialects).to_file(name_);
    }
    return where([&](const Candidate& one) { return one.name == names[one.subject.output]; });
  }

  std::vector<const Candidate*> folded() {
    const auto pattern = folded_pattern(name_);
    if (!pattern) return {};
    const Matcher matcher(*pattern);
    auto found = where([&](const Candidate& one) { return matcher.match(one.name); });
    keep_first_name(found, name_);
    return found;
  }

  std::vector<const Candidate*> of_rule() {
    std::set<TensorId> touched;
    for (const Move& move : graph_.moves)
      if (prepared_.rules.set.rules[move.why].name == name_) touched.insert({move.from, move.to});
    auto found =
        where([&](const Candidate& one) { return one.subject.id != none_id && touched.contains(one.subject.id); });
    const bool writes = std::ranges::any_of(found, [](const Candidate* one) { return one->subject.output; });
    const std::vector<const Candidate*> all = found;
    std::erase_if(found, [&](const Candidate* one) { return one->subject.output != writes; });
    if (!all.empty()) keep_first_name(found, "rule " + name_);
    return found;
  }

  // Of many names the first; the others are told.
  void keep_first_name(std::vector<const Candidate*>& found, const std::string& asked) {
    if (found.empty()) return;
    std::vector<std::string> names;
    for (const Candidate* one : found)
      if (std::ranges::find(names, one->name) == names.end()) names.push_back(one->name);
    std::vector<std::string> shown;
    for (const FoldedName& folded : fold_names(names)) shown.push_back(folded.text + folded.count_text());
    if (names.size() > 1) asked_.notes.push_back(format("{}: the first of {}", asked, join(shown, ", ")));
    std::erase_if(found, [&](const Candidate* one) { return one->name != names[0]; });
  }

  // `name[1, 2]`
  void take_element() {
    const size_t open = name_.rfind('[');
    if (open == std::string::npos || !name_.ends_with(']')) return;
    const std::string inside = name_.substr(open + 1, name_.size() - open - 2);
    std::vector<int64_t> index;
    for (const std::string& word : trimmed(inside).empty() ? std::vector<std::string>{} : split(inside, ',')) {
      const auto one = number(trimmed(word));
      if (!one) fail_usage(format("{}: an element is name[i, j], with numbers from 0 on", escape(text_)));
      if (*one < 0) fail_usage(format("{}: negative indices are not taken; count from 0", escape(text_)));
      index.push_back(*one);
    }
    index_ = std::move(index);
    name_.resize(open);
  }

  // `mp_rank_00_001:`, `tp1:pp0:`
  void take_places() {
    for (size_t colon = name_.find(':'); colon != std::string::npos; colon = name_.find(':')) {
      const std::string word = name_.substr(0, colon);
      auto test = place_named(word);
      if (!test) return;
      places_.push_back(std::move(test));
      name_.erase(0, colon + 1);
    }
  }
  Test place_named(const std::string& word) const {
    if (std::ranges::any_of(candidates_, [&](const Candidate& one) { return one.label == word; }))
      return [word](const Candidate& one) { return one.label == word; };
    const size_t digits = std::min(word.find_first_of("0123456789"), word.size());
    const auto dim = std::ranges::find(mesh_dim_names, word.substr(0, digits));
    const auto rank = number(std::string_view(word).substr(digits));
    if (dim == mesh_dim_names.end() || !rank) return nullptr;
    const auto d = static_cast<size_t>(dim - mesh_dim_names.begin());
    return [d, rank](const Candidate& one) { return !one.label.empty() && one.at[d] == *rank; };
  }

  // The first place of each end; an index counts where it fits.
  void choose(const std::vector<const Candidate*>& found) {
    std::string unfit;
    for (const bool output : {false, true}) {
      std::vector<const Candidate*> here = found;
      std::erase_if(here, [&](const Candidate* one) { return one->subject.output != output; });
      if (here.empty()) continue;
      Subject subject = here[0]->subject;
      subject.index = index_;
      const std::string fault = fault_of_index(subject, here[0]->name);
      if (unfit.empty()) unfit = fault;
      if (!fault.empty()) continue;
      asked_.subjects.push_back(std::move(subject));
      tell_other_places(here);
    }
    if (asked_.subjects.empty()) fail_usage(unfit);
  }
  void tell_other_places(const std::vector<const Candidate*>& here) {
    if (here.size() < 2) return;
    std::vector<std::string> labels;
    for (size_t i = 1; i < here.size() && i < 5; ++i)
      labels.push_back(here[i]->label == here[0]->label
                           ? format("{} (vpp{})", here[i]->label, here[i]->at[size_t(MeshDim::vpp)])
                           : here[i]->label);
    if (here.size() > 5) labels.push_back(format("{} more", here.size() - 5));
    asked_.notes.push_back(format("`{}` stands in {} too; {}:{} says which one is meant", escape(here[0]->name),
                                  join(labels, ", "), here[1]->label, escape(here[0]->name)));
  }
  std::string fault_of_index(const Subject& subject, const std::string& name) const {
    if (!subject.index) return "";
    if (subject.id != none_id && graph_.tensors[subject.id].stored != none_id &&
        graph_.tensors[subject.id].name != name)
      return format("`{}` is a field of the encoded `{}`: ask for an element of that", escape(name),
                    escape(graph_.tensors[subject.id].name));
    const Extents& shape = subject.id != none_id ? *graph_.tensors[subject.id].shape
                                                 : prepared_.reader->contents().tensors[subject.source].shape;
    const auto& index = *subject.index;
    const std::string what = format("`{}` is {}", escape(name), show_shape(shape));
    if (index.size() != shape.size())
      return format("{}: it wants {} indices, not {}", what, shape.size(), index.size());
    for (size_t k = 0; k < shape.size(); ++k)
      if (index[k] >= shape[k]) return format("{}: there is no index {} in dimension {}", what, index[k], k);
    return "";
  }

  [[noreturn]] void refuse() const {
    std::array<std::set<std::string>, 3> names;
    for (const Candidate& one : candidates_) names[one.subject.output].insert(one.name);
    for (const Rule& rule : prepared_.rules.set.rules) names[2].insert(rule.name);
    std::string near;
    for (size_t i = 0; i < names.size(); ++i) {
      constexpr const char* kinds[] = {"source", "target", "rule"};
      const auto one = nearest(name_, {names[i].begin(), names[i].end()});
      if (one) near += format("{}`{}` ({})", near.empty() ? "; did you mean " : ", ", escape(*one), kinds[i]);
    }
    fail_usage(format("no tensor of the source or the target{}, and no rule, is called `{}`{}",
                      places_.empty() ? "" : " in that place", escape(name_), near));
  }

  const Prepared& prepared_;
  const Graph& graph_;
  const std::string& text_;
  std::string name_;  // what is left of it
  std::optional<std::vector<int64_t>> index_;
  std::vector<Test> places_;
  std::vector<Candidate> candidates_;
  Asked asked_;
};

}  // namespace

Coordinates place_at(const Prepared& prepared, bool output, uint32_t place) {
  return output ? prepared.output.places[place].at : prepared.reader->contents().places[place].at;
}

std::string place_label(const Prepared& prepared, bool output, uint32_t place) {
  if (!output) return prepared.reader->contents().places[place].label;
  const bool ranks = prepared.output.format == "torch";
  return ranks ? megatron_label(prepared.output.places[place].at, prepared.output.mesh) : "";
}

Asked find_subjects(const Prepared& prepared, const std::string& text) { return NameSearch(prepared, text).run(); }

}  // namespace tessera
