// R05: no two addresses of a side can name one tensor. Names that can be equal need a reason why they are not at once:
// ranges of an axis apart, stages apart, or conditions that exclude each other.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "rules/bounds.h"
#include "rules/check.h"

namespace tessera {
namespace {

// One address at one site, in the order of the model.
struct Spot {
  const Site* site;
  const Alternative* alternative;
  const Address* address;
};

class Pair {
 public:
  Pair(const Proving& proving, const Spot& a, const Spot& b, SideId side)
      : proving_(proving),
        file_(proving.file),
        a_(a),
        b_(b),
        side_(side),
        facts_(proving.facts),
        work_(proving.knowledge.work),
        meeting_(unify(a.address->name, b.address->name)) {
    if (meeting_.possible)
      for (const AxisDecl& axis : proving.file.axes) second_[axis.name.s] = axis.name.s + "'";
    for (const auto& [i, j] : meeting_.aligned) identify(a.address->holes[index(i)], b.address->holes[index(j)]);
    if (!meeting_.possible) return;
    add_elements(a);
    add_elements(b);
  }

  bool names_can_be_equal() const { return meeting_.possible; }
  size_t steps() const { return meeting_.steps; }

  bool apart() const { return holes_apart() || fixed_apart() || slabs_apart() || never_together(); }

  std::string example() const { return together().example; }

 private:
  static size_t index(int hole) { return static_cast<size_t>(hole); }

  // A tensor that is there has elements: no axis of it is empty, and its ranges lie within their axes.
  void add_elements(const Spot& spot) {
    std::set<std::string> axes;
    for (const Range& loop : *spot.site->loops) axes.insert(loop.axis.s);
    for (const Word& axis : axes_of(spot.address->layout)) axes.insert(axis.text);
    for (const Expr& hole : spot.address->holes)
      for (const NameUse& use : names_of(hole)) axes.insert(use.root);
    for (const std::string& axis : axes) {
      if (!file_.axis(axis)) continue;
      const Bounds range = axis_bounds(file_, axis, *spot.site->loops), whole = axis_bounds(file_, axis, {});
      add_order(range.lo, range.hi, 1);
      add_order(whole.lo, range.lo, 0);
      add_order(range.hi, whole.hi, 0);
    }
  }

  // What is at least `gap` from each number of `low` to each of `high`.
  void add_order(const std::vector<Linear>& low, const std::vector<Linear>& high, int64_t gap) {
    for (const Linear& a : low)
      for (const Linear& b : high)
        if (const auto length = add(b, a, -1); length && !length->terms.empty())
          if (const auto fact = add(*length, constant(gap), -1)) facts_.push_back(*fact);
  }

  // Equal holes that differ by their one axis alone make that axis one for both.
  void identify(const Expr& in_a, const Expr& in_b) {
    const auto x = axis_of(in_a), y = axis_of(in_b);
    if (!x || !y || (*x != *y && (is_split(file_, *x, side_) || is_split(file_, *y, side_)))) return;
    const auto first = linear_form(in_a), second = linear_form(in_b, {{*y, *x}});
    if (first && second && *first == *second && first->terms.contains(*x)) second_[*y] = *x;
  }

  std::optional<std::string> axis_of(const Expr& hole) const {
    std::optional<std::string> axis;
    for (const NameUse& use : names_of(hole)) {
      if (!file_.axis(use.root)) continue;
      if (axis && *axis != use.root) return std::nullopt;
      axis = use.root;
    }
    return axis;
  }

  Bounds of_hole(const Spot& spot, int hole, bool slots) const {
    return hole_bounds(file_, spot.address->holes[index(hole)], *spot.site->loops, side_, slots);
  }

  // Two holes of one form print slots of the same axis, which are apart where its indices are.
  bool holes_apart() const {
    return std::any_of(meeting_.aligned.begin(), meeting_.aligned.end(), [&](const auto& pair) {
      const auto [i, j] = pair;
      const bool slots = linear_form(a_.address->holes[index(i)]) != linear_form(b_.address->holes[index(j)]);
      return are_apart(of_hole(a_, i, slots), of_hole(b_, j, slots), facts_, work_);
    });
  }

  bool fixed_apart() const {
    const auto off = [&](const Spot& spot, const std::vector<std::pair<int, int64_t>>& fixed) {
      return std::any_of(fixed.begin(), fixed.end(), [&](const auto& pair) {
        return are_apart(of_hole(spot, pair.first, true), number_bounds(pair.second), facts_, work_);
      });
    };
    return off(a_, meeting_.fixed_a) || off(b_, meeting_.fixed_b);
  }

  // Both lay out one axis in the same way, over ranges apart: they fill different slabs of one tensor.
  bool slabs_apart() const {
    const auto &in_a = a_.address->layout.dimensions, &in_b = b_.address->layout.dimensions;
    for (size_t k = 0; k < std::min(in_a.size(), in_b.size()); ++k) {
      const Layout here{{in_a[k]}}, there{{in_b[k]}};
      if (to_text(here) == to_text(there) && ranges_apart(axes_of(here))) return true;
    }
    return false;
  }

  bool ranges_apart(const std::vector<Word>& axes) const {
    return std::any_of(axes.begin(), axes.end(), [&](const Word& axis) {
      return file_.axis(axis.text) && are_apart(axis_bounds(file_, axis.text, *a_.site->loops),
                                                axis_bounds(file_, axis.text, *b_.site->loops), facts_, work_);
    });
  }

  bool never_together() const { return together().never(); }

  Walk together() const {
    std::vector<Clause> clauses = clauses_of(*a_.site, *a_.alternative);
    add_loop_clauses(*a_.site, {}, clauses);
    const std::vector<Clause> others = clauses_of(*b_.site, *b_.alternative, second_);
    clauses.insert(clauses.end(), others.begin(), others.end());
    add_loop_clauses(*b_.site, second_, clauses);
    if (!first_and_last()) return walk(clauses, proving_.knowledge);
    Knowledge knowledge = proving_.knowledge;  // the same stage only if there is no other
    knowledge.known["pp"] = 1;
    knowledge.known["vpp"] = 1;
    return walk(clauses, knowledge);
  }

  bool first_and_last() const {
    const Stage x = a_.site->stage, y = b_.site->stage;
    return (x == Stage::first && y == Stage::last) || (x == Stage::last && y == Stage::first);
  }

  const Proving& proving_;
  const RuleFile& file_;
  const Spot &a_, &b_;
  SideId side_;
  std::vector<Linear> facts_;  // of integers, where both stand
  size_t* work_;
  Meeting meeting_;
  Renaming second_;  // the axes of b, as other variables than those of a, or the same
};

// Names that can be equal have one skeleton: digits and holes are alike there.
std::string skeleton(const NameTemplate& name) {
  std::string text;
  const auto add_digit = [&] {
    if (text.empty() || text.back() != '#') text += '#';
  };
  for (const NamePiece& piece : name) {
    if (piece.hole >= 0) add_digit();
    for (const char c : piece.text) {
      if (c >= '0' && c <= '9')
        add_digit();
      else
        text += c;
    }
  }
  return text;
}

// Spots whose names could be one. Of names without holes only equal ones can be.
struct Group {
  std::vector<Spot> holed, all_fixed;
  std::map<std::string, std::vector<Spot>> fixed;  // by name
};

std::map<std::string, Group> groups_of(const Proving& proving, SideId side) {
  std::map<std::string, Group> groups;
  for (const Site& site : proving.sites) {
    if (site.broken || !site.stands_on(side)) continue;
    for (const Alternative& alternative : site.form(side))
      for (const Address& address : alternative.addresses) {
        if (address.kind != Address::Kind::tensor) continue;
        Group& group = groups[skeleton(address.name)];
        const Spot spot{&site, &alternative, &address};
        if (!address.holes.empty()) {
          group.holed.push_back(spot);
        } else {
          group.all_fixed.push_back(spot);
          group.fixed[to_text(address.name, {})].push_back(spot);
        }
      }
  }
  return groups;
}

bool stands_before(const Spot& a, const Spot& b) {
  const Span x = a.address->name_span, y = b.address->name_span;
  return x.source != y.source || x.begin <= y.begin;
}

std::string full_name(const Address& address) {
  std::vector<std::string> holes;
  for (const Expr& hole : address.holes) holes.push_back(to_text(hole));
  return to_text(address.name, holes);
}

// Ranges of one axis that differ, as the author wrote them.
std::string ranges_text(const Spot& earlier, const Spot& later) {
  for (const Range& a : *earlier.site->loops)
    for (const Range& b : *later.site->loops) {
      const std::string x = to_text(a.lo) + ".." + to_text(a.hi), y = to_text(b.lo) + ".." + to_text(b.hi);
      if (a.axis.s == b.axis.s && x != y) return format("; if `{}` and `{}` are apart, `require` can say so", x, y);
    }
  return "";
}

std::string advice(const Pair& pair, const Spot& earlier, const Spot& later) {
  const std::string when = pair.example();
  return "nothing proves them apart: not their ranges, stages or conditions" +
         (when.empty() ? ranges_text(earlier, later) : format("; both stand if {}", when));
}

using Met = std::set<std::pair<const Site*, const Site*>>;

// What meets on one side often meets on the next: that is one mistake. False: it takes too long to tell.
bool prove_pair(Proving& proving, const Spot& first, const Spot& second, SideId side, Met& met) {
  if (first.site == second.site && first.alternative != second.alternative) return true;  // R04 keeps these apart
  const Pair pair(proving, first, second, side);
  const bool apart = !pair.names_can_be_equal() || pair.apart();
  if (!proving.spend(pair.steps())) return false;
  if (apart || !met.emplace(std::minmax(first.site, second.site)).second) return true;
  const bool in_order = stands_before(first, second);
  const Spot &earlier = in_order ? first : second, &later = in_order ? second : first;
  const std::string here = full_name(*later.address), there = full_name(*earlier.address);
  const std::string what =
      here == there ? format("`{}` is named twice on the {} side", here, proving.file.sides[side].s)
                    : format("`{}` and `{}` can be one tensor of the {} side", here, there, proving.file.sides[side].s);
  Diagnostic& error = proving.findings.error("R05", later.address->name_span, what, advice(pair, earlier, later));
  error.related.push_back({earlier.address->name_span, format("the other one, of {}", earlier.site->name)});
  return true;
}

// Each of `first` with each of `second`, once. False: there are too many.
bool prove_pairs(Proving& proving, const std::vector<Spot>& first, const std::vector<Spot>& second, SideId side,
                 Met& met) {
  const size_t step = 200 + proving.file.axes.size() + proving.knowledge.required.size() + 4 * proving.facts.size();
  for (size_t i = 0; i < first.size(); ++i)
    for (size_t j = &first == &second ? i + 1 : 0; j < second.size(); ++j) {
      const size_t holes = first[i].address->holes.size() + second[j].address->holes.size();
      if (proving.spend(step + 100 * holes) && prove_pair(proving, first[i], second[j], side, met)) continue;
      proving.findings.error(
          "R05", second[j].address->name_span, "too many names are alike to tell each from each other",
          "names that differ only in numbers are compared pair by pair; use fewer rules, with holes");
      return false;
    }
  return true;
}

}  // namespace

void prove_apart(Proving& proving) {
  Met met;
  for (SideId side = 0; side < proving.file.sides.size(); ++side)
    for (const auto& [text, group] : groups_of(proving, side)) {
      bool done = true;
      for (const auto& [name, spots] : group.fixed) done = done && prove_pairs(proving, spots, spots, side, met);
      done = done && prove_pairs(proving, group.holed, group.holed, side, met);
      done = done && prove_pairs(proving, group.holed, group.all_fixed, side, met);
      if (!done) return;
    }
}

void prove_dialects(Proving& proving) {
  for (const Dialect& dialect : proving.set.dialects)
    for (size_t second = 1; second < dialect.rename.size(); ++second)
      for (size_t first = 0; first < second; ++first) {
        const RenameLine &earlier = dialect.rename[first], &later = dialect.rename[second];
        if (!proving.spend(50)) {
          proving.findings.error("R05", later.left_text.span, "too many lines to tell each from each other");
          return;
        }
        if (!proving.can_meet(earlier.left, later.left)) continue;
        Diagnostic& error = proving.findings.error(
            "R05", later.left_text.span, "this line and another of the dialect can match one name",
            "lines of a dialect must not overlap, so that their order means nothing");
        error.related.push_back({earlier.left_text.span, "the other line"});
      }
}

}  // namespace tessera
