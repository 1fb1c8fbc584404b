// Blocks meet the model: each rule at each of its sites, with the site's prefixes, conditions, loops and stage.
#include "rules/link.h"

#include <algorithm>
#include <map>

#include "base/suggest.h"
#include "base/text.h"
#include "rules/parse.h"
#include "rules/weight.h"

namespace tessera {
namespace {

constexpr size_t most_rules = 20'000, most_rule_bytes = size_t{64} << 20;

// Joins neighbouring texts, so that one name has one template.
void append_piece(NameTemplate& name, const NamePiece& piece) {
  if (piece.hole < 0 && !name.empty() && name.back().hole < 0)
    name.back().text += piece.text;
  else
    name.push_back(piece);
}

void put_prefix(const Address& prefix, Address& address) {
  if (address.kind != Address::Kind::tensor) return;
  NameTemplate name = prefix.name;
  append_piece(name, {".", -1});
  const int shift = static_cast<int>(prefix.holes.size());
  for (NamePiece piece : address.name) {
    if (piece.hole >= 0) piece.hole += shift;
    append_piece(name, piece);
  }
  address.name = std::move(name);
  address.holes.insert(address.holes.begin(), prefix.holes.begin(), prefix.holes.end());
}

// A prefix is the name of an address without layout.
std::vector<std::optional<Address>> parse_prefixes(const EntryDecl& entry, Diagnostics& diagnostics) {
  std::vector<std::optional<Address>> prefixes;
  for (const auto& prefix : entry.prefix)
    prefixes.push_back(prefix ? parse_address(*prefix, Text{}, diagnostics) : std::nullopt);
  return prefixes;
}

template <class T>
void put_first(std::vector<T>& list, const std::vector<T>& before) {
  list.insert(list.begin(), before.begin(), before.end());
}

Rule at_site(Rule rule, const EntryDecl& entry, uint32_t index, const std::vector<std::optional<Address>>& prefixes) {
  rule.entry = index;
  rule.stage = entry.stage;
  if (entry.when) rule.when.insert(rule.when.begin(), *entry.when);
  put_first(rule.loops, entry.loops);
  for (size_t side = 0; side < rule.sides.size() && side < prefixes.size(); ++side) {
    if (!prefixes[side]) continue;
    for (Alternative& alternative : rule.sides[side])
      for (Address& address : alternative.addresses) put_prefix(*prefixes[side], address);
  }
  return rule;
}

// The rules of each block, with the bias rules that follow from them.
using Blocks = std::map<std::string, std::vector<Rule>, std::less<>>;

// `bias: false`, in a family that has none where its parent has one, is no bias.
bool wants_bias(const RuleDecl& decl) {
  return decl.has_bias && !(decl.bias && decl.bias->nodes.size() == 1 && decl.bias->root().value == Value(false));
}

Blocks expand_blocks(const RuleFile& file, Diagnostics& diagnostics) {
  Blocks blocks;
  for (const BlockDecl& block : file.blocks) {
    std::vector<Rule>& rules = blocks[block.name.s];
    for (const RuleDecl& decl : block.rules) {
      rules.push_back(rule_of(block, decl));
      if (!wants_bias(decl)) continue;
      if (auto bias = bias_of(file, decl, rules.back(), diagnostics)) rules.push_back(*std::move(bias));
    }
  }
  return blocks;
}

size_t site_weight(const Rule& rule, const EntryDecl& entry, const std::vector<std::optional<Address>>& prefixes) {
  size_t sum = weight(rule) + weight(entry.when) + weight(entry.loops);
  for (size_t side = 0; side < rule.sides.size() && side < prefixes.size(); ++side)
    sum += weight(prefixes[side]) * address_count(rule.sides[side]);
  return sum;
}

void tell_unknown(const Text& word, const Blocks& blocks, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const auto& [name, rules] : blocks) names.push_back(name);
  diagnostics.error("R02", word.span, format("there is no block `{}`{}", word.s, did_you_mean(word.s, names)));
}

// False where no further entry need be looked at.
bool link_entry(uint32_t index, const Blocks& blocks, RuleSet& set, Room& room, Diagnostics& diagnostics) {
  const EntryDecl& entry = set.file.model[index];
  const auto prefixes = parse_prefixes(entry, diagnostics);
  for (const Text& word : entry.use) {
    if (diagnostics.full()) return false;
    const auto block = blocks.find(word.s);
    if (block == blocks.end()) {
      tell_unknown(word, blocks, diagnostics);
      continue;
    }
    for (const Rule& rule : block->second) {
      if (!room.take(site_weight(rule, entry, prefixes), word.span)) return false;
      set.rules.push_back(at_site(rule, entry, index, prefixes));
    }
  }
  return true;
}

// A dialect extends another of its side, and never, by a chain of others, itself.
void check_parents(const std::vector<Dialect>& dialects, Diagnostics& diagnostics) {
  for (const Dialect& dialect : dialects) {
    const Dialect* at = &dialect;
    for (size_t steps = 0; at && !at->extends.empty(); ++steps) {
      const auto parent = std::find_if(dialects.begin(), dialects.end(), [&](const Dialect& other) {
        return other.name == at->extends.s && other.side == at->side;
      });
      if (parent != dialects.end() && steps < dialects.size()) {
        at = &*parent;
        continue;
      }
      const bool ring = parent != dialects.end();
      diagnostics.error(ring ? "R01" : "R02", at->extends.span,
                        ring ? format("the dialect `{}` extends itself", dialect.name)
                             : format("there is no dialect `{}` of {}", at->extends.s, at->side));
      return;
    }
  }
}

}  // namespace

bool Room::take(size_t weight, Span span) {
  bytes_ += weight;
  if (++rules_ <= most_rules && bytes_ <= most_rule_bytes) return true;
  const size_t most = most_rule_bytes >> 20;
  diagnostics_.error("R01", span,
                     rules_ > most_rules
                         ? format("the model makes more than {} rules and copies", most_rules)
                         : format("the rules and copies that the model makes take more than {} MiB", most));
  return false;
}

Rule rule_of(const BlockDecl& block, const RuleDecl& decl) {
  Rule rule;
  rule.name = block.name.s + "." + decl.name.s;
  for (const auto& side : decl.sides) rule.sides.push_back(side.value_or(SideForm{}));
  if (decl.when) rule.when.push_back(*decl.when);
  rule.loops = decl.loops;
  rule.dtype = decl.dtype;
  for (const Text& axis : decl.in) rule.in.push_back(axis.s);
  rule.linear = decl.has_in;
  rule.span = decl.span;
  return rule;
}

std::optional<RuleSet> link(RuleFile file, std::vector<Dialect> dialects, std::vector<Dialect> packings,
                            Diagnostics& diagnostics) {
  const size_t errors = diagnostics.error_count();
  RuleSet set;
  set.file = std::move(file);
  set.dialects = std::move(dialects);
  set.packings = std::move(packings);
  check_parents(set.dialects, diagnostics);
  const Blocks blocks = expand_blocks(set.file, diagnostics);
  Room room(diagnostics);
  bool roomy = true;
  for (uint32_t i = 0; i < set.file.model.size() && roomy; ++i) roomy = link_entry(i, blocks, set, room, diagnostics);
  if (roomy) link_copies(set, room, diagnostics);
  if (diagnostics.error_count() > errors) return std::nullopt;
  return set;
}

}  // namespace tessera
