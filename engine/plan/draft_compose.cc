// Matches -> rules: their names, layouts and comments; and the other sections.
#include "plan/draft_compose.h"

#include <algorithm>

#include "base/text.h"
#include "plan/draft_axes.h"
#include "plan/draft_blocks.h"
#include "plan/draft_config.h"
#include "plan/draft_encoding.h"
#include "plan/draft_index.h"
#include "plan/draft_names.h"

namespace tessera {
namespace {

using Words = std::vector<std::string>;

class Composer {
 public:
  Composer(const ComposeInput& input, const Pairs& pairs)
      : in_(input),
        pairs_(pairs),
        guesser_(*input.config, all_sizes(input)),
        axes_(guesser_, input.known, taken_words(*input.config)),
        indices_(input, axes_),
        blocks_(input, indices_) {}

  RuleDraft run() {
    find_encodings(*in_.canonical, in_.sides[0], encoded_, draft_);
    for (const Match& match : pairs_.matches)
      if (!is_scale(match)) name_captures(match);
    for (const Match& match : pairs_.matches)
      if (!is_scale(match)) place(match);
    blocks_.finish(draft_);
    head();
    sections();
    left_over();
    return std::move(draft_);
  }

 private:
  static std::set<int64_t> all_sizes(const ComposeInput& input) {
    std::set<int64_t> sizes;
    for (const Folds* folds : {input.canonical, input.other})
      for (const Folded& tensor : folds->tensors) sizes.insert(tensor.shape.begin(), tensor.shape.end());
    return sizes;
  }
  static std::set<std::string> taken_words(const Map& config) {
    std::set<std::string> taken;
    for (const auto& [key, value] : config) taken.insert(key);
    return taken;
  }

  bool is_scale(const Match& match) const {
    return match.apart == 0 && match.many.size() == 1 && encoded_.contains(match.many[0]);
  }
  const Folded& tensor(size_t side, uint32_t i) const { return (side == 0 ? in_.canonical : in_.other)->tensors[i]; }

  // Before dimensions get the letters.
  void name_captures(const Match& match) {
    const uint32_t canonical = match.apart == 0 ? match.many[0] : match.one;
    for (const Capture& capture : in_.canonical->tensors[canonical].captures) indices_.name(capture.axis);
  }

  // --- layouts ---

  struct Dimension {
    Words axes;
    std::string text() const {
      if (axes.empty()) return "1";
      return axes.size() == 1 ? axes[0] : "(" + join(axes, " ") + ")";
    }
  };

  // No axis twice in one tensor: dimensions later in `order` keep the name, earlier ones get another.
  std::vector<Dimension> dimensions(const Folded& one, const std::vector<uint32_t>& order, bool& equal) {
    std::vector<Dimension> out(one.shape.size());
    std::map<std::string, size_t> turns;
    for (auto k = order.rbegin(); k != order.rend(); ++k) {
      for (std::string axis : axes_.dimension(one.shape[*k])) {
        const size_t turn = ++turns[axis];
        equal = equal || turn > 1;
        out[*k].axes.push_back(turn == 1 ? axis : axes_.another(axis, turn));
      }
    }
    return out;
  }

  static std::vector<uint32_t> in_order(size_t rank, std::optional<uint32_t> first) {
    std::vector<uint32_t> order;
    if (first) order.push_back(*first);
    for (uint32_t k = 0; k < rank; ++k)
      if (k != first) order.push_back(k);
    return order;
  }

  static std::string layout(const std::vector<Dimension>& dimensions) {
    Words words;
    for (const Dimension& d : dimensions) words.push_back(d.text());
    return join(words, " ");
  }

  // --- one rule ---

  // The first hole is a segment with something behind it: a prefix can end there.
  static bool has_prefix(const Folded& one) {
    return !one.captures.empty() && one.holes[0] == 0 && (one.texts[0].empty() || one.texts[0].back() == '.') &&
           one.texts[1].size() > 1 && one.texts[1].front() == '.';
  }

  // Captures of `many`'s side and of `one`'s side, in words.
  void place(const Match& match) {
    const Folded& first = tensor(match.apart, match.many[0]);
    const Folded& whole = tensor(1 - match.apart, match.one);
    const Folded& canonical = match.apart == 0 ? first : whole;
    Words words;
    for (const Capture& capture : canonical.captures) words.push_back(indices_.name(capture.axis));
    bool equal = false;
    std::optional<uint32_t> joined;
    if (match.joined) joined = match.order[*match.joined];
    auto parts = part_layouts(match, joined, equal);
    std::string stacked;
    if (match.stacked) {
      if (match.apart == 0) {
        stacked = words.back();
      } else {
        stacked = axes_.one_axis(whole.shape[*match.stacked]);
        words.push_back(stacked);
      }
    }
    DraftSite site;
    const bool all_have =
        has_prefix(whole) && std::all_of(match.many.begin(), match.many.end(), [&](uint32_t i) {
          return has_prefix(tensor(match.apart, i)) && tensor(match.apart, i).texts[0] == first.texts[0];
        });
    if (all_have) {
      site.prefix[match.apart] = first.texts[0] + "<" + words[0] + ">";
      site.prefix[1 - match.apart] = whole.texts[0] + "<" + words[0] + ">";
      site.axis = canonical.captures[0].axis;
      site.indices = canonical.captures[0].indices;
      if (!in_.has_other) site.prefix[1] = known_prefix(site.prefix[0]);
    }
    DraftRule rule;
    for (size_t i = 0; i < match.many.size(); ++i)
      rule.sides[match.apart].push_back(
          {"", name_at(tensor(match.apart, match.many[i]), words, all_have), layout(parts[i])});
    rule.sides[1 - match.apart].push_back(
        {"", name_at(whole, words, all_have), whole_layout(match, parts[0], rule, stacked)});
    rule.name = short_name(rule.sides[0][0].name);
    if (match.many.size() > 1 && match.apart == 0) rule.name = short_name(rule.sides[1][0].name);
    rule.comment = comment(match, equal, canonical);
    blocks_.add(site, std::move(rule), canonical);
  }

  std::string known_prefix(const std::string& prefix) const {
    if (in_.known)
      for (const auto& known : in_.known->prefixes)
        if (known[0] == prefix) return known[1];
    return prefix;
  }

  static std::string name_at(const Folded& one, const Words& words, bool behind_prefix) {
    const std::string name = folded_name(one, words);
    return behind_prefix ? name.substr(one.texts[0].size() + words[0].size() + 3) : name;  // "<", ">" and the dot
  }

  std::vector<std::vector<Dimension>> part_layouts(const Match& match, std::optional<uint32_t> joined, bool& equal) {
    std::vector<std::vector<Dimension>> parts;
    for (uint32_t i : match.many) {
      const Folded& part = tensor(match.apart, i);
      parts.push_back(dimensions(part, in_order(part.shape.size(), joined), equal));
    }
    return parts;
  }

  // Also gives the parts their labels.
  std::string whole_layout(const Match& match, const std::vector<Dimension>& part, DraftRule& rule,
                           const std::string& stacked) {
    std::vector<Dimension> whole;
    if (match.stacked) whole.push_back({{stacked}});
    for (uint32_t k : match.order) whole.push_back(part[k]);
    if (match.joined) {
      Names taken;
      Words labels;
      for (DraftAddress& address : rule.sides[match.apart]) {
        address.label = taken.take(short_name(address.name));
        labels.push_back(address.label);
      }
      whole[*match.joined].axes = {join(labels, "+")};
    }
    return layout(whole);
  }

  std::string comment(const Match& match, bool equal, const Folded& canonical) const {
    Words said;
    if (!in_.has_other) {
      said.push_back(equal ? "guess; dimensions of one size, which could be swapped" : "guess");
    } else if (!match.doubts.empty()) {
      said.push_back("guess: " + join(match.doubts, "; "));
    }
    if (canonical.dtype <= DType::u64 && !is_float(canonical.dtype))
      said.push_back(format("{}: a buffer? then `ignore` it", info(canonical.dtype).short_name));
    return join(said, "; ");
  }

  // --- the rest of the file ---

  void head() {
    draft_.family = in_.family;
    draft_.sides = in_.sides;
    draft_.head = {"A first draft. What says `guess` is one: by sizes, numbers and names alone. Yours to settle: which",
                   "axes are split (tp, ep, etp), `in` and `bias`, the other names of configuration keys, `stage`."};
    if (in_.known) {
      draft_.extends = in_.known->stem;
      draft_.deleted = in_.known->deleted;
      if (in_.known->some_copies_gone) draft_.same = in_.known->same;
    }
  }

  void sections() {
    std::set<std::string> keys = indices_.keys();
    keys.insert(axes_.keys().begin(), axes_.keys().end());
    draft_.axes = axes_.lines();
    add_config(in_, keys, draft_);
  }

  void left_over() {
    for (size_t side = 0; side < 2; ++side) {
      if (pairs_.alone[side].empty()) continue;
      draft_.tail.push_back(format("without a partner, {} side:", in_.sides[side]));
      for (uint32_t i : pairs_.alone[side]) {
        const Folded& one = tensor(side, i);
        draft_.tail.push_back(
            format("  {}  {} {}", shown_name(one), show_shape(one.shape), info(one.dtype).short_name));
      }
    }
    for (const Folds* folds : {in_.canonical, in_.has_other ? in_.other : nullptr})
      for (const std::string& name : folds ? folds->unspeakable : Words{})
        draft_.tail.push_back(format("no address can spell this name: {}", escape(name)));
  }

  const ComposeInput& in_;
  const Pairs& pairs_;
  SizeGuesser guesser_;
  DraftAxes axes_;
  DraftIndices indices_;
  DraftBlocks blocks_;
  std::set<uint32_t> encoded_;  // tensors that say how another is stored
  RuleDraft draft_;
};

}  // namespace

RuleDraft compose(const ComposeInput& input, const Pairs& pairs) { return Composer(input, pairs).run(); }

}  // namespace tessera
