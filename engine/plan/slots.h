// Which indices of an axis stand in which slots of a place: splits, pads, placement tables, cuts. One EndAxes for each
// end of a conversion; docs/language.md "Axes".
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "plan/model.h"

namespace tessera {

// The ranks that can split an axis, of one place: tp, stage (vpp * PP + pp), ep, etp; any_rank where it does not
// matter.
using Ranks = std::array<int32_t, 4>;
inline constexpr int32_t any_rank = -1, no_rank = -2;  // no_rank: no place has it
inline constexpr Ranks any_ranks = {any_rank, any_rank, any_rank, any_rank};
inline constexpr int tp_rank = 0, stage_rank = 1;

Ranks ranks_of(const Coordinates& at, const Mesh& mesh);
Ranks rank_counts(const Mesh& mesh);

// Consecutive slots that hold consecutive indices.
struct SlotRun {
  int64_t slot = 0, index = 0, length = 0;
};

struct Slots {
  int64_t width = 0;
  std::vector<SlotRun> held;   // disjoint, by slot
  std::vector<SlotRun> empty;  // pads and empty slots; index 0
};

// One axis on one end.
struct AxisPlan {
  int64_t size = 0;
  int split = -1;            // index into Ranks; -1: whole in every place
  bool cut = false;          // fewer indices than tp ranks: whole, and the dimension that it leads is cut instead
  std::vector<Slots> slots;  // by rank; one where it is not split
  struct Stretch {           // a run of some rank
    int32_t rank = any_rank;
    SlotRun run;
  };
  std::vector<Stretch> stretches;  // of a split axis, by index; filled on demand
  struct Seat {
    int32_t rank = any_rank;
    int64_t slot = 0;
  };
  const AxisDecl* decl = nullptr;

  const Slots& at(const Ranks& ranks) const {
    return slots[split < 0 ? 0 : static_cast<size_t>(ranks[static_cast<size_t>(split)])];
  }
};

class EndAxes {
 public:
  EndAxes(const Model& model, const EndSpec& end, Diagnostics& diagnostics);

  // nullptr after an error (B01, B03), which is told once.
  AxisPlan* find(std::string_view name);
  AxisPlan::Seat seat(AxisPlan& axis, int64_t index);  // where a global index stands
  int32_t tp_ranks() const { return end_.cuts()[static_cast<size_t>(MeshDim::tp)]; }

 private:
  bool fill(AxisPlan& axis);
  bool fill_even(AxisPlan& axis, int64_t padded, int32_t ranks);
  bool fill_table(AxisPlan& axis, const std::vector<std::vector<int64_t>>& table, int32_t ranks);

  const Model& model_;
  const EndSpec& end_;
  EndScope scope_;
  Diagnostics& diagnostics_;
  std::map<std::string, AxisPlan, std::less<>> axes_;
  std::map<std::string, bool, std::less<>> good_;
};

// The most names that a range, or the holes of a name, may make; and an end all together.
inline constexpr int64_t most_names = 1'000'000;
inline constexpr size_t most_name_bytes = size_t{256} << 20;  // of all names of one end

}  // namespace tessera
