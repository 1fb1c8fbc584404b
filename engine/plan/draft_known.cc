// A block of a known file stays for the layers in which all of its tensors are there with their shapes. Rules that are
// nowhere are left out.
#include "plan/draft_known.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "plan/config.h"
#include "plan/draft_tally.h"

namespace tessera {
namespace {

// A node on one line, as an author writes it.
std::string flow(const Node& node) {
  if (node.kind == Node::Kind::null) return "~";
  if (node.kind == Node::Kind::scalar) return node.quoted ? yaml_quoted(node.text.s) : node.text.s;
  std::vector<std::string> parts;
  for (const Node& item : node.items) parts.push_back(flow(item));
  for (const auto& [key, value] : node.entries) parts.push_back(key.s + ": " + flow(value));
  return node.kind == Node::Kind::list ? "[" + join(parts, ", ") + "]" : "{ " + join(parts, ", ") + " }";
}

class Explainer {
 public:
  Explainer(const RuleSet& rules, std::string stem) : rules_(rules) {
    rules_.file.require.clear();
    for (auto& fixed : rules_.file.fixed) fixed.clear();
    known_.stem = std::move(stem);
  }

  std::optional<Known> run(const std::array<const Contents*, 2>& ends) {
    for (SideId side = 0; side < 2; ++side)
      if (ends[side] && !read_end(side, *ends[side])) return std::nullopt;
    settle();
    collect_words();
    return std::move(known_);
  }

 private:
  bool read_end(SideId side, const Contents& contents) {
    auto tally = tally_end(rules_, side, contents);
    if (!tally) return false;
    if (known_.axes.empty()) note_axes(tally->model);
    known_.names[side].insert(tally->ignored.begin(), tally->ignored.end());
    ends_[side] = *std::move(tally);
    used_[side] = true;
    if (side == 0)
      for (const TensorInfo& tensor : contents.tensors) first_names_.push_back(tensor.name);
    return true;
  }

  // --- what stays ---

  bool ever_there(const std::string& block, const std::string& rule) const {
    for (SideId side = 0; side < 2; ++side) {
      bool declared = false, there = false;
      for (const auto& [site, indices] : ends_[side].sites) {
        if (site.second != block) continue;
        for (const auto& [index, rules] : indices) {
          const auto found = rules.find(rule);
          if (found == rules.end()) continue;
          declared = true;
          there = there || found->second.complete();
        }
      }
      if (declared && !there) return false;
    }
    return true;
  }

  void find_deleted() {
    for (const BlockDecl& block : rules_.file.blocks) {
      size_t gone = 0;
      for (const RuleDecl& rule : block.rules) {
        if (!ever_there(block.name.s, rule.name.s)) gone += deleted_.insert({block.name.s, rule.name.s}).second;
        const bool bias = rule.has_bias && !ever_there(block.name.s, rule.name.s + ".bias");
        if (bias) deleted_.insert({block.name.s, rule.name.s + ".bias"});
      }
      if (gone == block.rules.size()) dead_blocks_.insert(block.name.s);
    }
  }

  bool complete_at(SideId side, uint32_t entry, const std::string& block, int64_t index) const {
    const auto site = ends_[side].sites.find({entry, block});
    if (site == ends_[side].sites.end()) return true;
    auto at = site->second.find(index);
    if (at == site->second.end()) at = site->second.find(every_index);
    if (at == site->second.end()) return true;
    return std::all_of(at->second.begin(), at->second.end(), [&](const auto& rule) {
      return deleted_.contains({block, rule.first}) || is_bias_of_deleted(block, rule.first) || rule.second.complete();
    });
  }

  bool is_bias_of_deleted(const std::string& block, const std::string& rule) const {
    return rule.ends_with(".bias") && deleted_.contains({block, rule.substr(0, rule.size() - 5)});
  }

  // The indices at which the block is complete on every end; `all`: no index is missing.
  struct Presence {
    std::vector<int64_t> indices;
    bool all = true;
  };
  Presence presence(uint32_t entry, const std::string& block) const {
    std::set<int64_t> indices;
    for (const EndTally& end : ends_)
      if (const auto site = end.sites.find({entry, block}); site != end.sites.end())
        for (const auto& one : site->second) indices.insert(one.first);
    if (indices.size() > 1) indices.erase(every_index);
    Presence out;
    for (int64_t index : indices) {
      bool complete = true;
      for (SideId side = 0; side < 2; ++side)
        complete = complete && (!used_[side] || complete_at(side, entry, block, index));
      out.all = out.all && complete;
      if (complete) out.indices.push_back(index);
    }
    return out;
  }

  void settle() {
    find_deleted();
    each_use([&](uint32_t entry, const std::string& block) { note_names(entry, block, presence(entry, block)); });
    find_clashes();
    for (const BlockDecl& block : rules_.file.blocks) note_deleted(block);
    for (uint32_t entry = 0; entry < rules_.file.model.size(); ++entry) settle_entry(entry);
    settle_copies();
  }

  template <class Act>
  void each_use(Act act) const {
    for (uint32_t entry = 0; entry < rules_.file.model.size(); ++entry)
      for (const Text& block : rules_.file.model[entry].use) act(entry, block.s);
  }

  // Blocks that stand nowhere here (an empty range, a condition that does not hold), but could name what is left and
  // will be named by the draft's own rules: nothing would prove them apart.
  void find_clashes() {
    std::set<std::string> used;
    each_use([&](uint32_t entry, const std::string& block) {
      const std::pair site(entry, block);
      const bool silent = !ends_[0].sites.contains(site) && !ends_[1].sites.contains(site);
      if (silent && names_what_is_left(entry, block))
        clashing_.insert(site);
      else
        used.insert(block);
    });
    for (const auto& site : clashing_)
      if (!used.contains(site.second)) dead_blocks_.insert(site.second);
  }

  bool names_what_is_left(uint32_t entry, const std::string& block) const {
    for (const Rule& rule : rules_.rules) {
      if (rule.entry != entry || block_and_rule(rule.name).first != block) continue;
      for (const Alternative& alternative : rule.sides[0])
        for (const Address& address : alternative.addresses) {
          const Matcher pattern(numbers_in_holes(address.name));
          if (std::any_of(first_names_.begin(), first_names_.end(), [&](const std::string& name) {
                return !known_.names[0].contains(name) && pattern.match(name);
              }))
            return true;
        }
    }
    return false;
  }

  static Pattern numbers_in_holes(const NameTemplate& name) {
    Pattern pattern;
    for (const NamePiece& piece : name)
      pattern.push_back({piece.text, piece.hole < 0 ? std::nullopt : std::optional(HoleKind::number), ""});
    return pattern;
  }

  void note_deleted(const BlockDecl& block) {
    if (dead_blocks_.contains(block.name.s)) {
      known_.deleted.push_back({block.name.s, "~", ""});
      return;
    }
    std::vector<std::string> rules;
    for (const RuleDecl& rule : block.rules) {
      if (deleted_.contains({block.name.s, rule.name.s}))
        rules.push_back(rule.name.s + ": ~");
      else if (deleted_.contains({block.name.s, rule.name.s + ".bias"}))
        rules.push_back(rule.name.s + ": { bias: ~ }");
    }
    if (!rules.empty()) known_.deleted.push_back({block.name.s, join(rules, "\n"), ""});
  }

  void settle_entry(uint32_t entry) {
    const EntryDecl& decl = rules_.file.model[entry];
    std::vector<std::pair<std::string, Presence>> blocks;
    bool whole = true;
    for (const Text& block : decl.use) {
      Presence here = presence(entry, block.s);
      const bool gone = dead_blocks_.contains(block.s) || clashing_.contains({entry, block.s});
      whole = whole && here.all && !gone;
      if (!gone) blocks.emplace_back(block.s, std::move(here));
    }
    const Node& node = rules_.file.flat.find("model")->items[entry];
    known_.whole_model = known_.whole_model || !whole;
    if (whole) return add_entry(node, "", "");
    for (size_t i = 0; i < blocks.size();) {
      size_t end = i + 1;
      while (end < blocks.size() && blocks[end].second.indices == blocks[i].second.indices) ++end;
      std::vector<std::string> use;
      for (size_t k = i; k < end; ++k) use.push_back(blocks[k].first);
      add_entries(node, decl, use, blocks[i].second);
      i = end;
    }
  }

  // The entry again for these blocks, over each run of their indices.
  void add_entries(const Node& node, const EntryDecl& decl, const std::vector<std::string>& use, const Presence& here) {
    const std::string used = use.size() == 1 ? use[0] : "[" + join(use, ", ") + "]";
    if (here.all) return add_entry(node, used, "");
    for (size_t i = 0; i < here.indices.size();) {
      size_t end = i + 1;
      while (end < here.indices.size() && here.indices[end] == here.indices[end - 1] + 1) ++end;
      if (decl.loops.empty()) return;
      add_entry(node, used, format("{} in {}..{}", decl.loops[0].axis.s, here.indices[i], here.indices[end - 1] + 1));
      i = end;
    }
  }

  // `use` and `loop`: in place of what is written, where they are not empty.
  void add_entry(const Node& node, const std::string& use, const std::string& loop) {
    Lines fields;
    for (const auto& [key, value] : node.entries) {
      const std::string& own = key.s == "use" ? use : key.s == "for" ? loop : key.s;
      fields.push_back(key.s + ": " + (own.empty() || own == key.s ? flow(value) : own));
    }
    known_.model.push_back({std::move(fields), loop.empty() ? "" : "guess: layers that are there"});
  }

  void note_names(uint32_t entry, const std::string& block, const Presence& here) {
    for (SideId side = 0; side < 2; ++side) {
      const auto site = ends_[side].sites.find({entry, block});
      if (site == ends_[side].sites.end()) continue;
      for (const auto& [index, rules] : site->second) {
        const bool there = std::find(here.indices.begin(), here.indices.end(), index) != here.indices.end() ||
                           (index == every_index && here.all);
        if (!there) continue;
        for (const auto& [rule, tally] : rules)
          if (tally.complete()) known_.names[side].insert(tally.names.begin(), tally.names.end());
      }
    }
  }

  void settle_copies() {
    const Node* node = rules_.file.flat.find("same");
    for (size_t i = 0; i < rules_.file.same.size() && node && i < node->items.size(); ++i) {
      const auto [block, rule] = block_and_rule(rules_.file.same[i].of.s);
      if (dead_blocks_.contains(block) || deleted_.contains({block, rule}))
        known_.some_copies_gone = true;
      else
        known_.same.push_back(flow(node->items[i]));
    }
  }

  // --- what may be spoken of ---

  void note_axes(const Model& model) {
    const EndScope scope(model, model.from);
    const auto number = [&](const Expr& expr) { return evaluate_int(expr, scope.scope(), nullptr); };
    const std::set<std::string> indices = index_axes();
    for (const AxisDecl& axis : rules_.file.axes) {
      const bool split = std::any_of(axis.split.begin(), axis.split.end(), [](const auto& s) { return s.has_value(); });
      if (const auto size = number(axis.size))
        known_.axes.push_back({axis.name.s, to_text(axis.size), *size, split, indices.contains(axis.name.s)});
    }
    for (const EntryDecl& entry : rules_.file.model) {
      if (entry.loops.size() != 1 || !entry.prefix[0] || !entry.prefix[1]) continue;
      const Range& range = entry.loops[0];
      const auto hi = number(range.hi);
      if (!hi) continue;
      known_.prefixes.push_back({entry.prefix[0]->s, entry.prefix[1]->s});
      known_.ranges.emplace_back(to_text(range.hi), *hi);
    }
  }

  std::set<std::string> index_axes() const {
    std::set<std::string> out;
    for (const Rule& rule : rules_.rules) {
      for (const Range& range : rule.loops) out.insert(range.axis.s);
      for (const SideForm& form : rule.sides)
        for (const Alternative& alternative : form)
          for (const Address& address : alternative.addresses)
            for (const std::string& axis : captured_axes(address, rules_.file)) out.insert(axis);
    }
    return out;
  }

  void collect_words() {
    const RuleFile& file = rules_.file;
    for (const AxisDecl& axis : file.axes) known_.words.insert(axis.name.s);
    for (const BlockDecl& block : file.blocks) known_.words.insert(block.name.s);
    for (const OptionDecl& option : file.options) known_.words.insert(option.name.s);
    for (const KeyedExpr& let : file.let) known_.words.insert(let.key.s);
    for (const ConfigLine& line : file.config) known_.keys.insert(line.key.s);
    for (const KeyedExpr& item : file.defaults) known_.keys.insert(item.key.s);
    known_.words.insert(known_.keys.begin(), known_.keys.end());
    known_.other_keys = known_keys(rules_, 1);
  }

  RuleSet rules_;
  std::array<EndTally, 2> ends_;
  std::array<bool, 2> used_{};
  std::set<std::pair<std::string, std::string>> deleted_;
  std::set<std::string> dead_blocks_;
  std::set<std::pair<uint32_t, std::string>> clashing_;  // entries' blocks that are left out
  std::vector<std::string> first_names_;                 // the canonical end's names
  Known known_;
};

}  // namespace

std::optional<Known> explain_by(const RuleSet& rules, const std::string& stem,
                                const std::array<const Contents*, 2>& ends) {
  if (rules.file.sides.size() != 2) return std::nullopt;
  return Explainer(rules, stem).run(ends);
}

}  // namespace tessera
