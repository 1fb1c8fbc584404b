// One part between two addresses: its copies, fills and comparisons, for every tuple of indices. Boxes depend on the
// ranks of places and on indices that a layout holds, so they are made once for each such combination and then stamped.
#pragma once
#include <array>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/number_hash.h"
#include "plan/values.h"

namespace tessera {

struct PartJob {
  enum class Kind {
    carry,       // the rule itself: from is read, compared and accounted for, to is written
    write_copy,  // `to` is a further copy on the end that is written
    check_copy   // `from` is a further copy on the end that is read; `to` is the rule's address on the same end
  } kind = Kind::carry;
  std::string part;
  EndAddress* from = nullptr;
  EndAddress* to = nullptr;
  EndState* from_end = nullptr;
  EndState* to_end = nullptr;
  Standing from_standing, to_standing;
  std::string rule_name;
  bool repeat_pads = false;
};

// Pads that no tuple of indices leads to belong to no rule alone: whoever comes first takes care of them.
class PadClaims {
 public:
  bool claim(TensorId tensor, const Image& pads) {
    const Box box = merge({pads.shape, pads.at, pads.at});  // parts may have the same axes in another order
    return taken_.emplace(tensor, box.to.offset, box.shape, box.to.strides).second;
  }

 private:
  std::set<std::tuple<TensorId, int64_t, Extents, std::vector<int64_t>>> taken_;
};

class PartMover {
 public:
  // `claims`: of tensors that are read, and of those that are written.
  PartMover(Graph& graph, const PartJob& job, std::array<PadClaims, 2>& claims, const RuleFile& file,
            Diagnostics& diagnostics);
  bool ready() const { return ready_; }  // false after B03
  bool move(const std::vector<FixedIndex>& fixed, uint32_t turn);

 private:
  // All boxes between two sets of shards.
  struct Link {
    size_t from = 0, to = 0;  // shards
    std::vector<PairBox> boxes;
  };
  struct Own {
    size_t shard = 0;
    bool leads = false;  // the first that holds this slab
    Slab slab;
    std::vector<SlabBox> held, empty;
  };
  struct Unreached {
    size_t shard = 0;
    std::vector<SlabBox> pads;
  };
  struct Links {
    std::vector<Link> carried, copies;
    std::vector<Own> from, to;
    std::vector<Unreached> from_unreached, to_unreached;
  };
  struct Ends {
    const Instance* from = nullptr;
    const Instance* to = nullptr;
    const ShardSet* from_shards = nullptr;
    const ShardSet* to_shards = nullptr;
  };

  bool find_ends(const std::vector<FixedIndex>& fixed, uint32_t turn, Ends& ends);
  const Instance* instance(EndAddress& address, EndState& end, Standing standing, const std::vector<FixedIndex>& fixed,
                           uint32_t turn);
  const ShardSet& shards(EndAddress& address, EndState& end, const Instance& instance) const;
  const Links& links(const Ends& ends, const std::vector<FixedIndex>& fixed);
  Links make_links(const Ends& ends, const std::vector<FixedIndex>& fixed);
  std::vector<Own> own_boxes(EndAddress& address, EndState& end, const ShardSet& shards,
                             const std::vector<FixedIndex>& fixed);
  std::vector<Unreached> unreached(EndAddress& address, EndState& end, const ShardSet& shards,
                                   const std::vector<FixedIndex>& fixed);
  std::vector<Link> link(const std::vector<Own>& from, Copies from_copies, const std::vector<Own>& to,
                         Copies to_copies) const;
  std::vector<Own> leaders(const std::vector<Own>& own) const;

  void carry(const Ends& ends, const Links& links);
  void compare_replicas(const Ends& ends, const Links& links);
  void check_copy(const Ends& ends, const Links& links);
  bool fill_target(const Ends& ends, const Links& links, const std::vector<FixedIndex>& fixed);
  bool judge_source(const Ends& ends, const Links& links, const std::vector<FixedIndex>& fixed);
  void omit_pads(const Ends& ends, const Links& links);
  void fill_pads(TensorId to, const Image& pads);
  void add(Op op, TensorId from, TensorId to, Shared<Box> box, uint32_t fill, bool pad, Span span);
  void grade();

  Graph& graph_;
  const PartJob& job_;
  std::array<PadClaims, 2>& claims_;
  Diagnostics& diagnostics_;
  bool ready_ = false, reads_ = false, writes_ = false;  // a tensor at from, at to
  uint32_t program_ = none_id;
  std::optional<FillMaker> constant_;
  std::vector<std::string> laid_from_, laid_to_;
  std::unordered_map<std::vector<int64_t>, Links, NumbersHash> links_;
};

}  // namespace tessera
