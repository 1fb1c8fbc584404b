// Axis by axis, the runs of slots that take part become pieces; each combination of pieces is a box.
#include "plan/slab.h"

#include <algorithm>
#include <numeric>

namespace tessera {
namespace {

enum End : size_t { from_end, to_end };

// Part of an axis: where it starts on each end, and whether it walks there (else the end repeats one slot).
struct Piece {
  int64_t length = 0, index = 0;
  std::array<int64_t, 2> slot{};
  std::array<bool, 2> walks{};
  bool pad = false, first = true;
};
struct Lane {
  std::array<const SlabAxis*, 2> axis{};
  std::vector<Piece> pieces;
};

std::optional<SlotRun> holding(const std::vector<SlotRun>& runs, int64_t index) {
  for (const SlotRun& run : runs)
    if (index >= run.index && index < run.index + run.length) return SlotRun{run.slot + index - run.index, index, 1};
  return std::nullopt;
}

// Indices that both ends hold.
Lane shared_lane(const SlabAxis& a, const SlabAxis& b, bool repeat) {
  Lane lane{{&a, &b}, {}};
  for (const SlotRun& to : b.slots->held)
    for (const SlotRun& from : a.slots->held) {
      const int64_t lo = std::max(from.index, to.index);
      const int64_t hi = std::min(from.index + from.length, to.index + to.length);
      if (lo < hi)
        lane.pieces.push_back({hi - lo, lo, {from.slot + lo - from.index, to.slot + lo - to.index}, {true, true}});
    }
  if (repeat)
    if (const auto last = holding(a.slots->held, a.size - 1))
      for (const SlotRun& to : b.slots->empty)
        lane.pieces.push_back({to.length, last->index, {last->slot, to.slot}, {false, true}, true});
  return lane;
}

Lane star_lane(const SlabAxis& axis, End end, Copies copies) {
  Lane lane;
  lane.axis[end] = &axis;
  const auto add = [&](const SlotRun& run, bool first) {
    Piece piece{run.length, run.index, {}, {}, false, first};
    piece.slot[end] = run.slot;
    piece.walks[end] = true;
    lane.pieces.push_back(piece);
  };
  for (SlotRun run : axis.slots->held) {
    if (end == to_end && copies == Copies::all) {
      add(run, true);
      continue;
    }
    if (run.index == 0) {
      add({run.slot, 0, 1}, true);
      run = {run.slot + 1, 1, run.length - 1};
    }
    if (copies == Copies::all && run.length > 0) add(run, false);
  }
  return lane;
}

Lane solo_lane(const SlabAxis& axis, bool held, bool empty) {
  Lane lane;
  lane.axis[from_end] = &axis;
  const auto add = [&](const SlotRun& run) {
    lane.pieces.push_back({run.length, run.index, {run.slot, 0}, {true, false}});
  };
  if (held) std::ranges::for_each(axis.slots->held, add);
  if (empty) std::ranges::for_each(axis.slots->empty, add);
  return lane;
}

class Combiner {
 public:
  Combiner(const std::vector<Lane>& lanes, const Slab* from, const Slab* to) : lanes_(lanes), ends_{from, to} {}

  // Calls take(box, pieces, window) for each combination of pieces and each window that the cuts leave of it.
  template <class Take>
  void run(Take take) {
    std::vector<size_t> turn(lanes_.size(), 0);
    for (const Lane& lane : lanes_)
      if (lane.pieces.empty()) return;
    for (bool more = true; more;) {
      combine(turn, take);
      more = false;
      for (size_t i = lanes_.size(); i-- > 0 && !more;) {
        more = ++turn[i] < lanes_[i].pieces.size();
        if (!more) turn[i] = 0;
      }
    }
  }

 private:
  const Piece& piece(const std::vector<size_t>& turn, size_t lane) const { return lanes_[lane].pieces[turn[lane]]; }

  template <class Take>
  void combine(const std::vector<size_t>& turn, Take& take) {
    Box box;
    std::vector<const Piece*> pieces;
    for (size_t i = 0; i < lanes_.size(); ++i) {
      pieces.push_back(&piece(turn, i));
      box.shape.push_back(pieces.back()->length);
    }
    for (const End end : {from_end, to_end}) (end == from_end ? box.from : box.to) = strided(pieces, end);
    std::vector<Window> windows = {{std::vector<int64_t>(box.shape.size(), 0), box.shape}};
    for (const End end : {from_end, to_end})
      if (ends_[end] && ends_[end]->tensor->cut) windows = clipped(windows, pieces, end);
    for (const Window& window : windows) take(restrict(box, window), pieces, window);
  }

  Strided strided(const std::vector<const Piece*>& pieces, End end) const {
    Strided at{ends_[end] ? ends_[end]->offset : 0, std::vector<int64_t>(pieces.size(), 0)};
    for (size_t i = 0; i < pieces.size(); ++i) {
      const SlabAxis* axis = lanes_[i].axis[end];
      if (!axis) continue;
      at.offset += pieces[i]->slot[end] * axis->stride;
      if (pieces[i]->walks[end]) at.strides[i] = axis->stride;
    }
    return at;
  }

  // What of each window lies in the interval that the end's place keeps.
  std::vector<Window> clipped(const std::vector<Window>& windows, const std::vector<const Piece*>& pieces,
                              End end) const {
    const LocalTensor::Cut& cut = *ends_[end]->tensor->cut;
    int64_t base = ends_[end]->coordinate[cut.dimension];
    std::vector<size_t> walking;
    for (size_t i = 0; i < pieces.size(); ++i) {
      const SlabAxis* axis = lanes_[i].axis[end];
      if (!axis || axis->dimension != cut.dimension) continue;
      base += pieces[i]->slot[end] * axis->step;
      if (pieces[i]->walks[end]) walking.push_back(i);
    }
    const auto step = [&](size_t i) { return lanes_[i].axis[end]->step; };
    std::ranges::stable_sort(walking, std::greater(), step);
    std::vector<Window> kept;
    for (const Window& window : windows) {
      Extents shape;
      Strided at{base, {}};
      for (const size_t i : walking) {
        shape.push_back(window.shape[i]);
        at.strides.push_back(step(i));
        at.offset += window.first[i] * step(i);
      }
      for (const Window& part : clip(shape, at, cut.lo, cut.hi)) {
        kept.push_back(window);
        for (size_t k = 0; k < walking.size(); ++k) {
          kept.back().first[walking[k]] += part.first[k];
          kept.back().shape[walking[k]] = part.shape[k];
        }
      }
    }
    return kept;
  }

  const std::vector<Lane>& lanes_;
  std::array<const Slab*, 2> ends_;
};

void collect(const Slab& slab, const std::vector<Lane>& lanes, std::vector<SlabBox>& out) {
  Combiner(lanes, &slab, nullptr)
      .run([&](const Box& box, const std::vector<const Piece*>& pieces, const Window& window) {
        SlabBox one{{box.shape, box.from}, {}};
        for (size_t i = 0; i < pieces.size(); ++i) one.first.push_back(pieces[i]->index + window.first[i]);
        out.push_back(std::move(one));
      });
}

}  // namespace

std::vector<PairBox> pair(const Slab& from, Copies from_copies, const Slab& to, Copies to_copies, bool repeat) {
  std::vector<Lane> lanes;
  for (const SlabAxis& b : to.axes) {
    const auto a = std::ranges::find_if(from.axes, [&](const SlabAxis& x) { return x.name == b.name && !x.star; });
    if (b.star)
      lanes.push_back(star_lane(b, to_end, to_copies));
    else if (a != from.axes.end())
      lanes.push_back(shared_lane(*a, b, repeat));
    else
      lanes.push_back(star_lane(b, to_end, Copies::all));
  }
  for (const SlabAxis& a : from.axes)
    if (a.star) lanes.push_back(star_lane(a, from_end, from_copies));
  std::vector<PairBox> boxes;
  Combiner(lanes, &from, &to).run([&](Box box, const std::vector<const Piece*>& pieces, const Window&) {
    PairBox one{std::move(box)};
    for (const Piece* piece : pieces) {
      one.pad |= piece->pad;
      one.first &= piece->first;
    }
    boxes.push_back(std::move(one));
  });
  return boxes;
}

std::vector<SlabBox> held_boxes(const Slab& slab) {
  std::vector<Lane> lanes;
  for (const SlabAxis& axis : slab.axes) lanes.push_back(solo_lane(axis, true, false));
  std::vector<SlabBox> boxes;
  collect(slab, lanes, boxes);
  return boxes;
}

namespace {

// Every element with an empty slot on one of the first `count` axes.
std::vector<SlabBox> boxes_empty_in(const Slab& slab, size_t count) {
  std::vector<SlabBox> boxes;
  for (size_t i = 0; i < count; ++i) {
    if (slab.axes[i].slots->empty.empty()) continue;
    std::vector<Lane> lanes;
    for (size_t j = 0; j < slab.axes.size(); ++j) lanes.push_back(solo_lane(slab.axes[j], j != i, j >= i));
    collect(slab, lanes, boxes);
  }
  return boxes;
}

}  // namespace

std::vector<SlabBox> empty_boxes(const Slab& slab) { return boxes_empty_in(slab, slab.axes.size()); }

std::vector<SlabBox> unreached_boxes(EndAddress& address, const std::string& part, const Ranks& ranks, EndAxes& axes,
                                     const std::vector<FixedIndex>& fixed) {
  auto slab = slab_of(address, part, ranks, axes, {});
  if (!slab) return {};
  const auto given = [&](const SlabAxis& axis) { return std::ranges::count(fixed, axis.name, &FixedIndex::axis) > 0; };
  const auto rest = std::stable_partition(slab->axes.begin(), slab->axes.end(), given);
  return boxes_empty_in(*slab, static_cast<size_t>(rest - slab->axes.begin()));
}

std::optional<Slab> slab_of(EndAddress& address, const std::string& part, const Ranks& ranks, EndAxes& axes,
                            const std::vector<FixedIndex>& fixed) {
  const LocalTensor* tensor = address.local(ranks);
  if (!tensor) return std::nullopt;
  const PartPlace& at = tensor->parts.at(part);
  Slab slab{tensor, at.offset, 0, {}};
  const auto add = [&](const Step& step, bool star) {
    AxisPlan& plan = *axes.find(step.axis);
    SlabAxis axis{step.axis, &plan.at(ranks), step.step, step.dimension, step.step * tensor->strides[step.dimension],
                  star};
    axis.size = plan.size;
    const auto given = std::ranges::find(fixed, step.axis, &FixedIndex::axis);
    if (given == fixed.end()) return slab.axes.push_back(axis), true;
    const AxisPlan::Seat seat = axes.seat(plan, given->index);
    if (plan.split >= 0 && seat.rank != ranks[static_cast<size_t>(plan.split)]) return false;
    slab.coordinate[step.dimension] += seat.slot * step.step;
    return true;
  };
  for (const Step& step : at.steps)
    if (!add(step, false)) return std::nullopt;
  for (const Step& step : at.others)
    if (!add(step, true)) return std::nullopt;
  for (size_t k = 0; k < slab.coordinate.size(); ++k) slab.offset += slab.coordinate[k] * tensor->strides[k];
  if (tensor->cut) slab.offset -= tensor->cut->lo * tensor->strides[tensor->cut->dimension];
  return slab;
}

}  // namespace tessera
