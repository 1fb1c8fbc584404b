// R02: axes are declared, split by what exists, and used; blocks are used; one word means one thing.
#include <algorithm>
#include <map>
#include <set>

#include "base/suggest.h"
#include "base/text.h"
#include "rules/check.h"
#include "rules/parts.h"

namespace tessera {
namespace {

const std::vector<std::string>& split_words() {
  static const std::vector<std::string> words{"tp", "pp", "ep", "etp"};
  return words;
}

class Axes {
 public:
  explicit Axes(Proving& proving) : file_(proving.file), findings_(proving.findings) {
    for (const AxisDecl& axis : file_.axes) names_.push_back(axis.name.s);
  }

  void site(const Site& site) {
    for (const Range& range : *site.loops) known(range.axis.s, range.axis.span);
    for (SideId side = 0; side < file_.sides.size(); ++side) {
      if (!site.stands_on(side)) continue;
      for (const Alternative& alternative : site.form(side))
        for (const Address& address : alternative.addresses) layout(address);
    }
  }

  // Axes in `in` and everything that names none but stands in the declarations.
  void declarations() {
    for (const BlockDecl& block : file_.blocks)
      for (const RuleDecl& rule : block.rules)
        for (const Text& axis : rule.in) known(axis.s, axis.span);
    for (const AxisDecl& axis : file_.axes)
      for (const auto& split : axis.split)
        if (split) mesh_dimension(*split);
    for (const CompanionDecl& companion : file_.companions)
      if (companion.kind == CompanionDecl::Kind::lora_a || companion.kind == CompanionDecl::Kind::lora_b)
        known("rank", companion.name.span);
  }

  // An axis, a let or an option may not carry a configuration name, nor one another's.
  void shadows() {
    std::map<std::string, const Text*> taken;
    for (const ConfigLine& line : file_.config) taken.emplace(line.key.s, &line.key);
    for (const KeyedExpr& line : file_.defaults) taken.emplace(line.key.s, &line.key);
    for (const OptionDecl& option : file_.options) name_once(option.name, "an option", taken);
    for (const KeyedExpr& let : file_.let) name_once(let.key, "a `let`", taken);
    for (const AxisDecl& axis : file_.axes) name_once(axis.name, "an axis", taken);
  }

  void warn_unused() {
    for (const AxisDecl& axis : file_.axes)
      if (!used_.contains(axis.name.s) && is_own(axis.name))
        findings_.warning("R02", axis.name.span, format("the axis `{}` is not used", axis.name.s));
    std::set<std::string> blocks;
    for (const EntryDecl& entry : file_.model)
      for (const Text& word : entry.use) blocks.insert(word.s);
    for (const BlockDecl& block : file_.blocks)
      if (!blocks.contains(block.name.s) && is_own(block.name))
        findings_.warning("R02", block.name.span, format("the block `{}` is not used", block.name.s),
                          "put it under `model` with `use`");
  }

 private:
  // A parent's are its own business: its other children may use them.
  bool is_own(const Text& name) const { return name.span.source == file_.family.span.source; }

  void known(const std::string& axis, Span span) {
    if (file_.axis(axis)) {
      used_.insert(axis);
      return;
    }
    span = unknown_.try_emplace(axis, span).first->second;      // said once, where it is first spoken of
    const bool shown = findings_.errors() < Diagnostics::most;  // no one reads the nearest name of more
    findings_.error("R02", span, format("there is no axis `{}`{}", axis, shown ? did_you_mean(axis, names_) : ""),
                    "each axis is declared once under `axes`, with its size");
  }

  void layout(const Address& address) {
    for (const std::string& axis : captured_axes(address, file_)) used_.insert(axis);
    for (const Word& axis : axes_of(address.layout)) known(axis.text, address.text.at(axis.begin, axis.end));
  }

  void mesh_dimension(const Text& word) {
    const auto& words = split_words();
    if (std::find(words.begin(), words.end(), word.s) != words.end()) return;
    const bool chunks = word.s == "vpp";
    findings_.error("R02", word.span,
                    chunks ? std::string("virtual stages split no axis")
                           : format("there is no mesh dimension `{}`{}", word.s, did_you_mean(word.s, words)),
                    chunks ? "say pp: virtual stages go with it" : "axes are split by tp, pp, ep or etp");
  }

  void name_once(const Text& name, const char* what, std::map<std::string, const Text*>& taken) {
    const auto [there, is_new] = taken.emplace(name.s, &name);
    if (is_new) return;
    Diagnostic& error =
        findings_.error("R02", name.span, format("{} cannot be called `{}`: the name is taken", what, name.s),
                        "one word means one thing in expressions");
    error.related.push_back({there->second->span, "here"});
  }

  const RuleFile& file_;
  Findings& findings_;
  std::vector<std::string> names_;
  std::set<std::string> used_;
  std::map<std::string, Span> unknown_;
};

}  // namespace

void prove_axes(Proving& proving) {
  Axes axes(proving);
  for (Site& site : proving.sites) judge(proving, site, [&] { axes.site(site); });
  axes.declarations();
  axes.shadows();
  axes.warn_unused();
}

}  // namespace tessera
