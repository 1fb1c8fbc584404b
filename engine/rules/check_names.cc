// R02: each name in an expression is declared, and may be spoken of where it stands (docs/language.md,
// "Configuration").
#include <algorithm>
#include <map>
#include <set>

#include "base/suggest.h"
#include "base/text.h"
#include "rules/check.h"
#include "rules/parts.h"

namespace tessera {
namespace {

constexpr std::array<std::string_view, 5> mesh_words{"tp", "pp", "vpp", "ep", "etp"};
constexpr size_t all_lets = SIZE_MAX;

using Words = std::set<std::string, std::less<>>;

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Is the path declared, a map that holds a declared one, or something in one?
bool covers(const Words& declared, const std::string& path) {
  for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1))
    if (declared.contains(std::string_view(path).substr(0, dot))) return true;
  const auto inner = declared.lower_bound(path + ".");
  return declared.contains(path) || (inner != declared.end() && inner->starts_with(path + "."));
}

// Which names may be spoken of in one place.
struct Place {
  const char* what = "";          // "a size", "`from`"
  std::optional<SideId> keys;     // of which side: 0, or another in `from`
  std::optional<size_t> lets;     // how many of them are known yet; none: they come later
  std::vector<std::string> axes;  // that have an index there
  bool mesh = false;
  std::optional<SideId> dialects;
  bool every_axis = false;
};

class Names {
 public:
  explicit Names(Proving& proving) : proving_(proving), file_(proving.file), keys_(file_.sides.size()) {
    collect_keys();
    for (const OptionDecl& option : file_.options) options_.insert(option.name.s);
    for (size_t i = 0; i < file_.let.size(); ++i) lets_.emplace(file_.let[i].key.s, i);
    for (const AxisDecl& axis : file_.axes) axes_.insert(axis.name.s);
  }

  void configuration() {
    for (const ConfigLine& line : file_.config)
      for (SideId side = 0; side < line.ways.size(); ++side) {
        if (!line.ways[side]) continue;
        if (line.ways[side]->to) read(*line.ways[side]->to, {"`to`", 0, all_lets, {}, false, side});
        if (line.ways[side]->from) read(*line.ways[side]->from, {"`from`", side, {}, {}, false, side});
      }
    for (const KeyedExpr& line : file_.defaults) read(line.value, {"`defaults`", 0, {}, {}, false, {}});
    for (const Text& key : file_.nulls)
      if (!keys_[0].contains(key.s))
        proving_.findings.error("R02", key.span,
                                format("no line of `config` or `defaults` is about `{}`{}", key.s, nearest_key(key.s)));
    for (size_t i = 0; i < file_.let.size(); ++i) read(file_.let[i].value, {"this `let`", 0, i, {}, false, {}});
    for (const Stated& stated : file_.require) read(stated.condition, {"`require`", 0, all_lets, {}, false, {}});
    for (const Stated& stated : file_.notes) read(stated.condition, {"`notes`", 0, all_lets, {}, false, {}});
    for (SideId side = 0; side < file_.derived.size(); ++side)
      for (const KeyedExpr& line : file_.derived[side]) read(line.value, {"`derived`", 0, all_lets, {}, true, side});
    for (const AxisDecl& axis : file_.axes) {
      read(axis.size, {"a size", 0, all_lets, {}, false, {}});
      for (SideId side = 0; side < axis.pad.size(); ++side)
        if (axis.pad[side]) read(*axis.pad[side], {"a pad", 0, all_lets, {}, true, side});
    }
  }

  void site(const Site& site) {
    std::vector<std::string> looped;
    for (const Range& range : *site.loops) {
      const Place bounds = place("a range", looped, site);
      read(range.lo, bounds);
      read(range.hi, bounds);
      looped.push_back(range.axis.s);
      if (range.where) read(*range.where, place("a range", looped, site));
    }
    for (const Expr& condition : *site.when) read(condition, place("this condition", looped, site));
    for (SideId side = 0; side < file_.sides.size(); ++side) {
      if (!site.stands_on(side)) continue;
      for (const Alternative& alternative : site.form(side)) {
        if (alternative.when) read(*alternative.when, {"an alternative", 0, all_lets, looped, true, side});
        for (const Address& address : alternative.addresses) this->address(address, looped);
      }
    }
  }

 private:
  // A copy may speak of the mesh of its end; a rule is the same on all.
  static Place place(const char* what, const std::vector<std::string>& axes, const Site& site) {
    Place here{what, 0, all_lets, axes, site.copy != nullptr, {}};
    if (site.copy) here.dialects = site.copy->side;
    return here;
  }

  void address(const Address& address, std::vector<std::string> looped) {
    for (const Expr& hole : address.holes) read(hole, {"a name", 0, all_lets, {}, false, {}, true});
    for (const ValueOp& op : address.ops)
      if (op.operand) read(*op.operand, {"a value operation", 0, all_lets, {}, false, {}});
    if (!address.value) return;
    for (const Word& axis : axes_of(address.layout)) looped.push_back(axis.text);
    read(*address.value, {"this value", 0, all_lets, looped, false, {}});
  }

  void collect_keys() {
    for (const ConfigLine& line : file_.config) {
      keys_[0].insert(line.key.s);
      for (SideId side = 0; side < line.ways.size(); ++side)
        if (line.ways[side]) keys_[side].insert(line.ways[side]->other.s);
    }
    for (const KeyedExpr& line : file_.defaults) keys_[0].insert(line.key.s);
    for (SideId side = 0; side < file_.fixed.size(); ++side)
      for (const KeyedValue& line : file_.fixed[side]) keys_[side].insert(line.key.s);
    for (SideId side = 0; side < file_.derived.size(); ++side)
      for (const KeyedExpr& line : file_.derived[side]) keys_[side].insert(line.key.s);
  }

  std::vector<std::string> dialects(SideId side) const {
    std::vector<std::string> names;
    for (const Dialect& dialect : proving_.set.dialects)
      if (dialect.side == file_.sides[side].s) names.push_back(dialect.name);
    return names;
  }

  void read(const Expr& expr, const Place& place) {
    for (const NameUse& use : names_of(expr))
      if (!is_known(use, place)) unknown(use, place);
    for (const ExprNode& node : expr.nodes)
      if (node.op == ExprOp::call) call(expr, node);
  }

  bool is_known(const NameUse& use, const Place& place) const {
    if (place.keys && covers(keys_[*place.keys], use.path)) return true;
    if (options_.contains(use.root) || contains(place.axes, use.root)) return true;
    if (place.every_axis && axes_.contains(use.root)) return true;
    const auto let = lets_.find(use.root);
    if (let != lets_.end() && let->second < place.lets.value_or(0)) return true;
    if (place.mesh && std::find(mesh_words.begin(), mesh_words.end(), use.root) != mesh_words.end()) return true;
    return place.dialects && contains(dialects(*place.dialects), use.root);
  }

  void unknown(const NameUse& use, const Place& place) {
    if (const std::string why = elsewhere(use, place); !why.empty()) {
      proving_.findings.error("R02", use.span, format("{} cannot speak of `{}`", place.what, use.path), why);
      return;
    }
    const bool shown = !proving_.findings.full();
    proving_.findings.error(
        "R02", use.span,
        format("nothing is called `{}`{}", use.path, shown ? did_you_mean(use.path, names_at(place)) : ""),
        "a name is an axis, or stands in config, defaults, fixed, derived, options or let");
  }

  std::string nearest_key(const std::string& key) const {
    return proving_.findings.full() ? "" : did_you_mean(key, {keys_[0].begin(), keys_[0].end()});
  }

  std::vector<std::string> names_at(const Place& place) const {
    const Words& keys = keys_[place.keys.value_or(0)];
    std::vector<std::string> names(keys.begin(), keys.end());
    names.insert(names.end(), options_.begin(), options_.end());
    for (const auto& [name, index] : lets_) names.push_back(name);
    names.insert(names.end(), place.axes.begin(), place.axes.end());
    if (place.every_axis) names.insert(names.end(), axes_.begin(), axes_.end());
    return names;
  }

  // Why a name that exists may not be spoken of here; "" if there is none such.
  std::string elsewhere(const NameUse& use, const Place& place) const {
    if (axes_.contains(use.root)) return format("the axis `{}` has no index here: no `for` runs over it", use.root);
    if (lets_.contains(use.root))
      return place.lets ? "a `let` knows only those above it" : "a `let` is made later, of the canonical keys";
    if (std::find(mesh_words.begin(), mesh_words.end(), use.root) != mesh_words.end())
      return "the mesh is known in pads, `derived`, alternatives and `same` only";
    for (SideId side = 0; side < keys_.size(); ++side) {
      if (contains(dialects(side), use.root))
        return format("a dialect of the {} side is known where that end speaks", file_.sides[side].s);
      if (covers(keys_[side], use.path))
        return format("it is a key of the {} side; this speaks the keys of {}", file_.sides[side].s,
                      file_.sides[place.keys.value_or(0)].s);
    }
    return "";
  }

  void call(const Expr& expr, const ExprNode& node) {
    const Span name = expr.text.at(node.begin, node.begin + node.name.size());
    const auto& known = functions();
    const auto function =
        std::find_if(known.begin(), known.end(), [&](const Function& f) { return f.name == node.name; });
    if (function == known.end()) {
      std::vector<std::string> names;
      for (const Function& f : known) names.emplace_back(f.name);
      proving_.findings.error("R02", name,
                              format("there is no function `{}`{}", node.name, did_you_mean(node.name, names)),
                              "functions are " + join(names, ", "));
      return;
    }
    const int count = static_cast<int>(node.args.size());
    if (count >= function->least && (function->most < 0 || count <= function->most)) return;
    const std::string wanted = function->most == function->least ? format("{}", function->least)
                               : function->most < 0              ? format("{} or more", function->least)
                                                                 : format("{} to {}", function->least, function->most);
    proving_.findings.error("R02", name, format("`{}` takes {} arguments; here are {}", node.name, wanted, count));
  }

  Proving& proving_;
  const RuleFile& file_;
  std::vector<Words> keys_;  // by side
  Words options_, axes_;
  std::map<std::string, size_t, std::less<>> lets_;  // with their place in the file
};

}  // namespace

void prove_names(Proving& proving) {
  Names names(proving);
  names.configuration();
  for (Site& site : proving.sites) judge(proving, site, [&] { names.site(site); });
}

}  // namespace tessera
