// The rules of a draft by the place in which their names stand: a block for each prefix and each set of layers.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "plan/draft_index.h"
#include "plan/draft_names.h"

namespace tessera {

struct DraftSite {
  std::array<std::string, 2> prefix;  // with holes, without the dot; empty: names stand as they are
  std::optional<uint32_t> axis;       // of the loop
  std::vector<int64_t> indices;
  auto key() const { return std::tie(prefix, indices); }
  bool operator<(const DraftSite& other) const { return key() < other.key(); }
};

class DraftBlocks {
 public:
  DraftBlocks(const ComposeInput& input, DraftIndices& indices) : in_(input), indices_(indices) {}

  // `canonical`: the tensor of that side. Its captures that the site does not loop over, and that are not everywhere,
  // get a range; two runs are two rules. Error(world) where that makes too many.
  void add(const DraftSite& site, DraftRule rule, const Folded& canonical);
  // Blocks and entries, behind those of a parent file.
  void finish(RuleDraft& draft);

 private:
  struct Gathered {
    DraftBlock block;
    Names names;
  };
  using Loops = std::vector<std::vector<std::string>>;  // each: one for each capture that has any
  Loops loops_of(const Folded& canonical, size_t from);
  [[noreturn]] void fail(const Folded& tensor);
  Gathered& block_of(const DraftSite& site);
  std::string name_of(const DraftSite& site, const Gathered& block) const;
  void add_entries(const DraftSite& site, const std::string& block, RuleDraft& draft);

  const ComposeInput& in_;
  DraftIndices& indices_;
  std::map<DraftSite, size_t> sites_;
  std::vector<Gathered> blocks_;
  std::vector<DraftSite> order_;
};

}  // namespace tessera
