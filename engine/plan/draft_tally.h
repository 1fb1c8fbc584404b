// What one checkpoint holds of each block of a known rule file, and at which layers.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plan/model.h"
#include "store/checkpoint.h"

namespace tessera {

inline constexpr int64_t every_index = -1;  // of blocks that stand once, or whose layer the name does not show

struct Tally {
  size_t wanted = 0, there = 0;
  std::vector<std::string> names;  // that are there with the right shape
  bool complete() const { return there == wanted; }
};

struct EndTally {
  using Rules = std::map<std::string, Tally>;                                  // by rule, "qkv" or "qkv.bias"
  std::map<std::pair<uint32_t, std::string>, std::map<int64_t, Rules>> sites;  // by entry and block, by index
  std::vector<std::string> ignored;                                            // names that the rules ignore
  Model model;
};

// nullopt if the configuration cannot be read under these rules.
std::optional<EndTally> tally_end(const RuleSet& rules, SideId side, const Contents& contents);

// "attention.qkv.bias" -> "attention", "qkv.bias"
std::pair<std::string, std::string> block_and_rule(const std::string& name);

}  // namespace tessera
