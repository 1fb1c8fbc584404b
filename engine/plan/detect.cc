// Detection tries: every set of dialects that could have written the source's names, with every open option that
// changes names or shapes, each under the configuration read that way. What explains all names and shapes is it.
#include <algorithm>

#include "base/text.h"
#include "plan/config.h"
#include "plan/dialects.h"
#include "plan/fit.h"
#include "rules/name_form.h"

namespace tessera {
namespace {

constexpr size_t most_candidates = 256;
constexpr size_t most_tried = 3'000'000;  // names, of all values of the open options together

struct Candidate {
  std::vector<std::string> dialects;
  Map options;
  Fit fit;
  bool bound = false;
};

ConfigRequest with(ConfigRequest request, const Candidate& candidate) {
  request.from.dialects = candidate.dialects;
  for (const auto& [name, value] : candidate.options) request.settings[name] = value;
  return request;
}

struct Bound {
  Model model;
  std::vector<Declared> declared;  // of model.from
};

std::optional<Bound> try_bind(const ConfigRequest& request, Diagnostics& diagnostics) {
  auto model = bind(request, diagnostics);
  if (!model) return std::nullopt;
  auto declared = declared_tensors(*model, model->from, diagnostics);
  if (!declared) return std::nullopt;
  return Bound{*std::move(model), *std::move(declared)};
}

// Names with their shapes: what a file could tell options apart by.
using Header = std::pair<std::string_view, const Extents*>;
bool header_less(const Header& a, const Header& b) {
  return a.first != b.first ? a.first < b.first : *a.second < *b.second;
}
bool same_header(const Header& a, const Header& b) { return a.first == b.first && *a.second == *b.second; }

std::vector<Header> headers_of(const std::vector<Declared>& declared) {
  std::vector<Header> headers;
  for (const Declared& tensor : declared) headers.emplace_back(tensor.name, &*tensor.shape);
  std::ranges::sort(headers, header_less);
  headers.erase(std::unique(headers.begin(), headers.end(), same_header), headers.end());
  return headers;
}

// Most often in the same order: then nothing is sorted.
bool same_headers(const std::vector<Declared>& a, const std::vector<Declared>& b) {
  const auto same = [](const Declared& x, const Declared& y) { return x.name == y.name && x.shape == y.shape; };
  return std::ranges::equal(a, b, same) || std::ranges::equal(headers_of(a), headers_of(b), same_header);
}

// A name, and the weights' names in it where it has the form of a companion or of an encoding's field: dialects rename
// weights, and forms stand around what they wrote.
class Unwrapped {
 public:
  Unwrapped(const RuleFile& file, SideId side) {
    for (const CompanionDecl& companion : file.companions)
      if (companion.templates[side]) forms_.emplace_back(companion.templates[side]->s);
    for (const EncodingDecl& encoding : file.encodings)
      for (const auto& [field, form] : encoding.on[side]) forms_.emplace_back(form.s);
  }
  template <class Holds>
  bool any(const std::string& name, const Holds& holds) const {
    return holds(name) || std::any_of(forms_.begin(), forms_.end(), [&](const NameForm& form) {
             const auto weights = form.weights(name);
             return std::any_of(weights.begin(), weights.end(), holds);
           });
  }

 private:
  std::vector<NameForm> forms_;
};

// Dialects of the source's side that rename one of the rules' names and could have written one of the source's. (If
// none, all that they rename would be missing.)
std::vector<std::string> possible_dialects(const RuleSet& rules, SideId side, const Contents& source) {
  std::vector<std::string> possible;
  const Unwrapped unwrapped(rules.file, side);
  for (const Dialect* dialect : dialects_of(rules, side))
    if (std::ranges::any_of(dialect->rename,
                            [&](const RenameLine& line) {
                              const Matcher right(line.right);
                              const auto wrote = [&](const std::string& name) { return right.match(name); };
                              return std::ranges::any_of(source.tensors,
                                                         [&](const auto& t) { return unwrapped.any(t.name, wrote); });
                            }) &&
        may_rename(rules, side, *dialect))
      possible.push_back(dialect->name);
  return possible;
}

// Of these, those that rename one of the model's names.
std::vector<std::string> changing_dialects(const RuleSet& rules, SideId side, std::vector<std::string> dialects,
                                           const std::vector<Declared>& declared) {
  const Unwrapped unwrapped(rules.file, side);
  std::erase_if(dialects, [&](const std::string& dialect) {
    const Renamer renamer(rules, side, {dialect});
    const auto acts = [&](const std::string& name) { return renamer.acts(name); };
    return std::ranges::none_of(declared, [&](const Declared& t) { return unwrapped.any(t.name, acts); });
  });
  return dialects;
}

bool is_open(const ConfigRequest& request, const OptionDecl& option) {
  if (option.any || option.values.size() < 2 || request.settings.find(option.name.s)) return false;
  return request.from.side == 0 || !request.config || !find_path(*request.config, option.name.s);
}

// Each other value of an open option makes all names once more.
size_t names_to_try(const ConfigRequest& request, size_t names) {
  size_t values = 0;
  for (const OptionDecl& option : request.rules->file.options)
    if (is_open(request, option)) values += option.values.size() - 1;
  return values * names;
}

std::vector<const OptionDecl*> changing_options(const ConfigRequest& request, const std::vector<Declared>& declared) {
  std::vector<const OptionDecl*> changing;
  for (const OptionDecl& option : request.rules->file.options) {
    if (!is_open(request, option)) continue;
    const bool changes = std::any_of(option.values.begin() + 1, option.values.end(), [&](const Value& value) {
      Diagnostics quiet;
      Candidate candidate;
      candidate.options[option.name.s] = value;
      const auto bound = try_bind(with(request, candidate), quiet);
      return bound && !same_headers(bound->declared, declared);
    });
    if (changes) changing.push_back(&option);
  }
  return changing;
}

// The dialects with those that they extend: equal sets are equal lists.
std::vector<std::string> names_in_use(const ConfigRequest& request, const std::vector<std::string>& dialects) {
  std::vector<std::string> names;
  for (const Dialect* dialect : dialects_in_use(*request.rules, request.from.side, dialects))
    names.push_back(dialect->name);
  return names;
}

// Candidates times what one more dialect or option can be; those that would be too many are left out and told.
class Candidates {
 public:
  explicit Candidates(std::vector<std::string> dialects) { list.push_back({std::move(dialects), {}, {}, false}); }

  void with_or_without(const ConfigRequest& request, const std::string& dialect) {
    extend([&](const Candidate& old) {
      Candidate more = old;
      more.dialects.push_back(dialect);
      more.dialects = names_in_use(request, more.dialects);
      EndSpec end = request.from;
      end.dialects = more.dialects;
      Diagnostics overlap;
      std::vector<Candidate> added;
      const bool known =
          std::any_of(list.begin(), list.end(), [&](const Candidate& c) { return c.dialects == more.dialects; });
      if (!known && check_dialects(*request.rules, end, overlap)) added.push_back(std::move(more));
      return added;
    });
  }

  void with_each(const OptionDecl& option) {
    for (Candidate& old : list) old.options[option.name.s] = option.values.front();
    extend([&](const Candidate& old) {
      std::vector<Candidate> added;
      for (size_t i = 1; i < option.values.size(); ++i) {
        added.push_back(old);
        added.back().options[option.name.s] = option.values[i];
      }
      return added;
    });
  }

  std::vector<Candidate> list;
  bool too_many = false;

 private:
  template <class More>
  void extend(More more) {
    const size_t before = list.size();
    for (size_t i = 0; i < before && !too_many; ++i)
      for (Candidate& candidate : more(list[i])) list.push_back(std::move(candidate));
    too_many = too_many || list.size() > most_candidates;
  }
};

std::string title(const Candidate& candidate) {
  std::vector<std::string> words = candidate.dialects;
  for (const auto& [name, value] : candidate.options) words.push_back(format("{} = {}", name, show(value)));
  return words.empty() ? "as the rules write it" : join(words, ", ");
}

std::string table(const std::vector<Candidate>& candidates) {
  std::string text = "how many names fit:";
  for (const Candidate& c : candidates) {
    text += "\n  " + title(c) + ": ";
    if (!c.bound) {
      text += "the configuration does not fit";
      continue;
    }
    text += format("{} of {} ({} ignored, {} unmapped, {} missing, {} of another shape)", c.fit.mapped, c.fit.names,
                   c.fit.ignored, c.fit.unmapped, c.fit.missing, c.fit.misshaped);
    if (!c.fit.first.empty()) text += "; " + c.fit.first;
  }
  return text;
}

size_t problems(const Candidate& c) { return c.fit.unmapped + c.fit.missing + c.fit.misshaped; }
bool fits(const Candidate& c) { return c.bound && problems(c) == 0; }

// Best first: with the fewest problems, then the fewest ignored; of equals the order in which they were made.
void rank(std::vector<Candidate>& candidates) {
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.bound != b.bound) return a.bound;
    return std::pair(problems(a), a.fit.ignored) < std::pair(problems(b), b.fit.ignored);
  });
}

// Of candidates in rank order: the only one that fits best. Where none fits, the nearest is taken with a warning, and
// the build refuses it with the names and addresses at fault.
bool choose(ConfigRequest& request, const std::vector<Candidate>& ranked, Diagnostics& diagnostics) {
  const Candidate& best = ranked.front();
  if (!fits(best))
    diagnostics.warning("V01", {},
                        format("no set of dialects explains the source's names; the nearest: {}", title(best)),
                        table(ranked));
  if (fits(best) && ranked.size() > 1 && fits(ranked[1]) && ranked[1].fit.ignored == best.fit.ignored) {
    diagnostics.error("V01", {}, "several sets of dialects explain the source's names alike", table(ranked));
    return false;
  }
  request = with(std::move(request), best);
  return true;
}

// The tensors without any renaming, under the first dialect alone (or none) with which the configuration can be read.
std::optional<std::vector<Declared>> plainly_declared(const ConfigRequest& request, Diagnostics& diagnostics) {
  std::vector<std::vector<std::string>> readings = {request.from.dialects};
  if (request.from.dialects.empty())
    for (const Dialect* dialect : dialects_of(*request.rules, request.from.side)) readings.push_back({dialect->name});
  Diagnostics first;
  for (const auto& dialects : readings) {
    ConfigRequest reading = request;
    reading.from.dialects = dialects;
    Diagnostics faults;
    if (auto model = bind(reading, faults)) {
      EndSpec plain = model->from;
      plain.dialects.clear();
      if (auto declared = declared_tensors(*model, plain, faults)) return declared;
    }
    if (first.list().empty()) first = faults;
  }
  diagnostics.append(first);
  return std::nullopt;
}

}  // namespace

bool detect_dialects(ConfigRequest& request, const Contents& source, Diagnostics& diagnostics) {
  const RuleSet& rules = *request.rules;
  const SideId side = request.from.side;
  const auto possible =
      request.from.dialects.empty() ? possible_dialects(rules, side, source) : std::vector<std::string>();
  const bool open = std::ranges::any_of(rules.file.options, [&](const auto& o) { return is_open(request, o); });
  if (possible.empty() && !open) return true;
  const auto declared = plainly_declared(request, diagnostics);
  if (!declared) return false;
  if (names_to_try(request, declared->size()) > most_tried) {
    diagnostics.error("V01", {},
                      format("{} names are too many to try each value of the open options", declared->size()),
                      "settle the options with --set");
    return false;
  }
  Candidates candidates(request.from.dialects);
  for (const std::string& dialect : changing_dialects(rules, side, possible, *declared))
    candidates.with_or_without(request, dialect);
  for (const OptionDecl* option : changing_options(request, *declared)) candidates.with_each(*option);
  if (candidates.too_many) {
    diagnostics.error("V01", {},
                      format("more than {} sets of dialects and options could fit the source's names", most_candidates),
                      "settle the options with --set");
    return false;
  }
  if (candidates.list.size() == 1) return true;
  for (Candidate& candidate : candidates.list) {
    Diagnostics quiet;
    const auto bound = try_bind(with(request, candidate), quiet);
    candidate.bound = bound.has_value();
    if (bound) candidate.fit = measure_fit(bound->model, bound->declared, source);
  }
  rank(candidates.list);
  return choose(request, candidates.list, diagnostics);
}

}  // namespace tessera
