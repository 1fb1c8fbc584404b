// What a rule file that is there explains of checkpoints that it was not written for: block by block, layer by layer.
#pragma once
#include <array>
#include <set>
#include <string>
#include <vector>

#include "base/text_hash.h"
#include "plan/draft.h"
#include "plan/model.h"

namespace tessera {

struct KnownAxis {
  std::string name, text;  // text: the size as it is written
  int64_t size = 0;
  bool split = false;
  bool index = false;  // of loops, or captured in names: no dimension has it
};

struct Known {
  std::string stem;                // "my_family" of my_family.yaml
  std::array<TextSet, 2> names;    // explained ones of each end
  std::vector<DraftLine> deleted;  // blocks and rules that nothing here is
  std::vector<std::string> same;   // the copies that are left, where some went with their rules
  bool some_copies_gone = false;
  std::vector<DraftEntry> model;
  bool whole_model = false;  // false: every entry stands as it was
  std::vector<KnownAxis> axes;
  std::vector<std::array<std::string, 2>> prefixes;     // of entries with one loop axis
  std::vector<std::pair<std::string, int64_t>> ranges;  // of these: "l in 0..n", and where it ends
  std::set<std::string> words;                          // names that are taken: axes, keys, options, lets, blocks
  std::set<std::string> keys;                           // configuration keys that may be spoken of
  std::set<std::string> other_keys;                     // what the other side's are called
};

// `ends`: the checkpoints by side, nullptr where there is none. The file's `fixed` and `require` are not asked: they
// say what the family is, and this is another. nullopt if the configuration cannot be read under these rules.
std::optional<Known> explain_by(const RuleSet& rules, const std::string& stem,
                                const std::array<const Contents*, 2>& ends);

}  // namespace tessera
