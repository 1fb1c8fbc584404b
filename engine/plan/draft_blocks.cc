// Blocks, their names, and the entries that use them.
#include "plan/draft_blocks.h"

#include <set>

#include "base/error.h"
#include "base/text.h"

namespace tessera {
namespace {

constexpr size_t most_loops = 1000;  // ranges of one rule

}  // namespace

void DraftBlocks::add(const DraftSite& site, DraftRule rule, const Folded& canonical) {
  Gathered& into = block_of(site);
  for (const auto& loop : loops_of(canonical, site.axis ? 1 : 0)) {
    DraftRule one = rule;
    one.name = into.names.take(rule.name);
    one.loop = loop.size() > 1 ? "[" + join(loop, ", ") + "]" : join(loop, "");
    into.block.rules.push_back(std::move(one));
  }
}

DraftBlocks::Loops DraftBlocks::loops_of(const Folded& canonical, size_t from) {
  Loops loops{{}};
  for (size_t k = from; k < canonical.captures.size(); ++k) {
    const LoopGuess guess = indices_.loops(canonical.captures[k].axis, canonical.captures[k].indices);
    if (guess.all) continue;
    if (guess.loops.size() > most_loops / loops.size()) fail(canonical);
    Loops more;
    for (const auto& so_far : loops)
      for (const std::string& loop : guess.loops) {
        more.push_back(so_far);
        more.back().push_back(loop);
      }
    loops = std::move(more);
  }
  return loops;
}

void DraftBlocks::fail(const Folded& tensor) {
  std::vector<std::string> words;
  for (const Capture& capture : tensor.captures) words.push_back(indices_.name(capture.axis));
  fail_world(format("{}: its numbers have more gaps than a rule file has room for", folded_name(tensor, words)));
}

DraftBlocks::Gathered& DraftBlocks::block_of(const DraftSite& site) {
  const auto [at, fresh] = sites_.try_emplace(site, blocks_.size());
  if (fresh) {
    blocks_.emplace_back();
    order_.push_back(site);
  }
  return blocks_[at->second];
}

// "layer" for what stands in all of them, else by the first word that all its names have.
std::string DraftBlocks::name_of(const DraftSite& site, const Gathered& block) const {
  if (!site.axis) return "top";
  const IndexAxis& place = in_.canonical->axes[*site.axis];
  std::string name = place.trunk;
  while (!name.empty() && name.back() == '.') name.pop_back();
  name = name.substr(name.find_last_of('.') + 1);
  if (name.size() > 2 && name.back() == 's') name.pop_back();
  if (name.size() < 2) name = "layer";
  if (int64_t(site.indices.size()) == place.size) return word_from(name);
  std::set<std::string> firsts;
  for (const DraftRule& rule : block.block.rules) firsts.insert(split(rule.sides[0][0].name, '.')[0]);
  return word_from(firsts.size() == 1 ? name + "_" + *firsts.begin() : name);
}

void DraftBlocks::finish(RuleDraft& draft) {
  Names taken(in_.known ? in_.known->words : std::set<std::string>{});
  if (in_.known) draft.model = in_.known->model;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    DraftBlock& block = blocks_[i].block;
    block.name = taken.take(name_of(order_[i], blocks_[i]));
    add_entries(order_[i], block.name, draft);
    draft.blocks.push_back(std::move(block));
  }
  draft.whole_model = !in_.known || in_.known->whole_model || !blocks_.empty();
}

void DraftBlocks::add_entries(const DraftSite& site, const std::string& block, RuleDraft& draft) {
  if (!site.axis) {
    draft.model.push_back({{"use: " + block}, ""});
    return;
  }
  const LoopGuess guess = indices_.loops(*site.axis, site.indices);
  for (const std::string& loop : guess.loops)
    draft.model.push_back({{"use: " + block, in_.sides[0] + ": " + site.prefix[0], in_.sides[1] + ": " + site.prefix[1],
                            "for: " + flow_text(loop)},
                           guess.all ? "" : guess.comment});
}

}  // namespace tessera
