// Who reads: the first place that holds a slab. Who is compared: every other place, and every copy but the first.
#include "plan/part_moves.h"

#include <algorithm>

#include "base/text.h"
#include "plan/verdict.h"

namespace tessera {

PartMover::PartMover(Graph& graph, const PartJob& job, std::array<PadClaims, 2>& claims, const RuleFile& file,
                     Diagnostics& diagnostics)
    : graph_(graph),
      job_(job),
      claims_(claims),
      diagnostics_(diagnostics),
      reads_(job.from->is_tensor()),
      writes_(job.to->is_tensor()) {
  const auto stored = steps_of(job.from->address(), job.from_end->scope, diagnostics);
  const auto wanted = steps_of(job.to->address(), job.to_end->scope, diagnostics);
  if (!stored || !wanted) return;
  ready_ = true;
  const Program program = between(*stored, *wanted);
  if (reads_ && writes_ && !program.empty() && job.kind != PartJob::Kind::check_copy)
    program_ = add_program(graph, program);
  if (!reads_ && writes_)
    constant_.emplace(graph, *job.from->address().value, *wanted, file, job.from_end->scope, diagnostics);
  if (reads_ && !writes_ && job.to->address().kind == Address::Kind::constant)
    constant_.emplace(graph, *job.to->address().value, *stored, file, job.to_end->scope, diagnostics);
  grade();
}

// What the rule alone says of this direction.
void PartMover::grade() {
  if (job_.kind != PartJob::Kind::carry) return;
  if (program_ != none_id)
    for (const ScalarStep& step : graph_.programs[program_])
      if (!is_exact(step)) weaken(graph_.verdict, Grade::lossy, format("{} | {}", job_.rule_name, to_text(step)));
  if (!reads_ || writes_) return;
  const bool constant = job_.to->address().kind == Address::Kind::constant;
  weaken(graph_.verdict, constant ? Grade::checked : Grade::lossy,
         format("{}: {} is {} there", job_.rule_name, job_.part.empty() ? "it" : job_.part,
                constant ? "a constant" : "unused"));
}

const Instance* PartMover::instance(EndAddress& address, EndState& end, Standing standing,
                                    const std::vector<FixedIndex>& fixed, uint32_t turn) {
  standing.turn = turn;
  return end.tensors.find(address, standing, captured_of(address, fixed));
}

// The places of an instance by what their tensor looks like.
const ShardSet& PartMover::shards(EndAddress& address, EndState& end, const Instance& instance) const {
  return end.tensors.shards(*instance.group, address.splits());
}

bool PartMover::find_ends(const std::vector<FixedIndex>& fixed, uint32_t turn, Ends& ends) {
  if (reads_) {
    ends.from = instance(*job_.from, *job_.from_end, job_.from_standing, fixed, turn);
    if (!ends.from) return false;
    ends.from_shards = &shards(*job_.from, *job_.from_end, *ends.from);
  }
  if (writes_) {
    ends.to = instance(*job_.to, *job_.to_end, job_.to_standing, fixed, turn);
    if (!ends.to) return false;
    ends.to_shards = &shards(*job_.to, *job_.to_end, *ends.to);
  }
  return true;
}

bool PartMover::move(const std::vector<FixedIndex>& fixed, uint32_t turn) {
  Ends ends;
  if (!find_ends(fixed, turn, ends)) return false;
  const Links& all = links(ends, fixed);
  if (job_.kind == PartJob::Kind::check_copy) {
    omit_pads(ends, all);
    if (!writes_) return judge_source(ends, all, fixed);
    return check_copy(ends, all), true;
  }
  if (reads_ && writes_) carry(ends, all);
  if (writes_ && !fill_target(ends, all, fixed)) return false;
  if (job_.kind == PartJob::Kind::write_copy || !reads_) return true;
  omit_pads(ends, all);
  compare_replicas(ends, all);
  return writes_ || judge_source(ends, all, fixed);
}

const PartMover::Links& PartMover::links(const Ends& ends, const std::vector<FixedIndex>& fixed) {
  std::vector<int64_t> key;
  const auto add = [&](const ShardSet* shards, EndAddress& address, EndAxes& axes) {
    key.push_back(shards ? int64_t{shards->id} : -1);
    for (const FixedIndex& index : fixed)
      if (shards && address.lays(index.axis)) {
        const AxisPlan::Seat seat = axes.seat(*axes.find(index.axis), index.index);
        key.insert(key.end(), {seat.rank, seat.slot});
      }
  };
  add(ends.from_shards, *job_.from, job_.from_end->axes);
  add(ends.to_shards, *job_.to, job_.to_end->axes);
  const auto known = links_.find(key);
  return known != links_.end() ? known->second : links_.emplace(std::move(key), make_links(ends, fixed)).first->second;
}

PartMover::Links PartMover::make_links(const Ends& ends, const std::vector<FixedIndex>& fixed) {
  Links all;
  if (reads_) all.from = own_boxes(*job_.from, *job_.from_end, *ends.from_shards, fixed);
  if (writes_) all.to = own_boxes(*job_.to, *job_.to_end, *ends.to_shards, fixed);
  if (reads_) all.from_unreached = unreached(*job_.from, *job_.from_end, *ends.from_shards, fixed);
  if (writes_) all.to_unreached = unreached(*job_.to, *job_.to_end, *ends.to_shards, fixed);
  if (job_.kind == PartJob::Kind::check_copy) {
    if (writes_) all.copies = link(all.from, Copies::all, leaders(all.to), Copies::first);
    return all;
  }
  if (reads_ && writes_) all.carried = link(leaders(all.from), Copies::first, all.to, Copies::all);
  if (reads_) all.copies = link(all.from, Copies::all, leaders(all.from), Copies::first);
  return all;
}

std::vector<PartMover::Own> PartMover::leaders(const std::vector<Own>& own) const {
  std::vector<Own> first;
  for (const Own& one : own)
    if (one.leads) first.push_back(one);
  return first;
}

std::vector<PartMover::Own> PartMover::own_boxes(EndAddress& address, EndState& end, const ShardSet& shards,
                                                 const std::vector<FixedIndex>& fixed) {
  std::vector<Own> own;
  std::vector<Ranks> seen;  // ranks that split the part itself
  for (size_t i = 0; i < shards.shards.size(); ++i) {
    auto slab = slab_of(address, job_.part, shards.shards[i].ranks, end.axes, fixed);
    if (!slab) continue;
    Ranks key = any_ranks;
    for (size_t k = 0; k < key.size(); ++k)
      if (address.splits_of(job_.part)[k]) key[k] = shards.shards[i].ranks[k];
    const bool leads = std::ranges::find(seen, key) == seen.end();
    if (leads) seen.push_back(key);
    own.push_back({i, leads, *std::move(slab), {}, {}});
    own.back().held = held_boxes(own.back().slab);
    own.back().empty = empty_boxes(own.back().slab);
  }
  return own;
}

std::vector<PartMover::Unreached> PartMover::unreached(EndAddress& address, EndState& end, const ShardSet& shards,
                                                       const std::vector<FixedIndex>& fixed) {
  std::vector<Unreached> all;
  for (size_t i = 0; i < shards.shards.size(); ++i) {
    auto pads = unreached_boxes(address, job_.part, shards.shards[i].ranks, end.axes, fixed);
    if (!pads.empty()) all.push_back({i, std::move(pads)});
  }
  return all;
}

std::vector<PartMover::Link> PartMover::link(const std::vector<Own>& from, Copies from_copies,
                                             const std::vector<Own>& to, Copies to_copies) const {
  const bool repeat = job_.repeat_pads && to_copies == Copies::all;
  std::vector<Link> links;
  for (const Own& b : to)
    for (const Own& a : from)
      if (auto boxes = pair(a.slab, from_copies, b.slab, to_copies, repeat); !boxes.empty())
        links.push_back({a.shard, b.shard, std::move(boxes)});
  return links;
}

void PartMover::add(Op op, TensorId from, TensorId to, Shared<Box> box, uint32_t fill, bool pad, Span span) {
  Move move{op, from, to, std::move(box), none_id, fill, pad, job_.from_standing.rule, span};
  if (op == Op::copy) move.program = program_;
  graph_.moves.push_back(std::move(move));
}

void PartMover::carry(const Ends& ends, const Links& links) {
  for (const Link& link : links.carried) {
    const TensorId from = ends.from->tensors[ends.from_shards->shards[link.from].seats.front()];
    for (const uint32_t seat : ends.to_shards->shards[link.to].seats)
      for (const PairBox& one : link.boxes)
        add(Op::copy, from, ends.to->tensors[seat], one.box, none_id, one.pad, job_.to->span());
  }
}

void PartMover::compare_replicas(const Ends& ends, const Links& links) {
  for (const Link& link : links.copies) {
    const TensorId read = ends.from->tensors[ends.from_shards->shards[link.to].seats.front()];
    const auto& seats = ends.from_shards->shards[link.from].seats;
    for (size_t i = 0; i < seats.size(); ++i)
      for (const PairBox& one : link.boxes) {
        if (!one.first) weaken(graph_.verdict, Grade::checked, job_.rule_name + ": copies");
        if (link.from != link.to || i > 0 || !one.first)
          add(Op::compare, ends.from->tensors[seats[i]], read, one.box, none_id, false, job_.from->span());
      }
  }
}

void PartMover::check_copy(const Ends& ends, const Links& links) {
  for (const Link& link : links.copies) {
    const TensorId read = ends.to->tensors[ends.to_shards->shards[link.to].seats.front()];
    for (const uint32_t seat : ends.from_shards->shards[link.from].seats)
      for (const PairBox& one : link.boxes)
        add(Op::compare, ends.from->tensors[seat], read, one.box, none_id, false, job_.from->span());
  }
}

bool PartMover::fill_target(const Ends& ends, const Links& links, const std::vector<FixedIndex>& fixed) {
  const bool repeats = job_.repeat_pads && reads_;
  for (const Own& own : links.to)
    for (const uint32_t seat : ends.to_shards->shards[own.shard].seats) {
      const TensorId to = ends.to->tensors[seat];
      for (const SlabBox& box : own.held) {
        if (reads_) break;
        const auto fill = constant_->fill(fixed, own.slab, box);
        if (!fill) return false;
        add(Op::fill, none_id, to,
            Box{box.image.shape, {0, std::vector<int64_t>(box.image.shape.size(), 0)}, box.image.at}, *fill, false,
            job_.to->span());
      }
      for (const SlabBox& box : own.empty)
        if (!repeats) fill_pads(to, box.image);
    }
  for (const Unreached& own : links.to_unreached)
    for (const uint32_t seat : ends.to_shards->shards[own.shard].seats)
      for (const SlabBox& box : own.pads)
        if (!repeats && claims_[1].claim(ends.to->tensors[seat], box.image))
          fill_pads(ends.to->tensors[seat], box.image);
  return true;
}

void PartMover::fill_pads(TensorId to, const Image& pads) {
  add(Op::fill, none_id, to, Box{pads.shape, {0, std::vector<int64_t>(pads.shape.size(), 0)}, pads.at},
      zero_fill(graph_), true, job_.to->span());
}

// The other end holds no tensor: what is read must be the constant, or is left out.
bool PartMover::judge_source(const Ends& ends, const Links& links, const std::vector<FixedIndex>& fixed) {
  for (const Own& own : links.from)
    for (const uint32_t seat : ends.from_shards->shards[own.shard].seats)
      for (const SlabBox& box : own.held) {
        const TensorId from = ends.from->tensors[seat];
        if (!constant_) {
          graph_.omissions.push_back({Omission::Kind::unused, from, box.image, job_.from_standing.rule});
          continue;
        }
        const auto fill = constant_->fill(fixed, own.slab, box);
        if (!fill) return false;
        add(Op::compare_fill, from, none_id,
            Box{box.image.shape, box.image.at, {0, std::vector<int64_t>(box.image.shape.size(), 0)}}, *fill, false,
            job_.to->span());
      }
  return true;
}

void PartMover::omit_pads(const Ends& ends, const Links& links) {
  const auto omit = [&](TensorId tensor, const SlabBox& box) {
    graph_.omissions.push_back({Omission::Kind::pad, tensor, box.image, job_.from_standing.rule});
  };
  for (const Own& own : links.from)
    for (const uint32_t seat : ends.from_shards->shards[own.shard].seats)
      for (const SlabBox& box : own.empty) omit(ends.from->tensors[seat], box);
  for (const Unreached& own : links.from_unreached)
    for (const uint32_t seat : ends.from_shards->shards[own.shard].seats)
      for (const SlabBox& box : own.pads)
        if (claims_[0].claim(ends.from->tensors[seat], box.image)) omit(ends.from->tensors[seat], box);
}

}  // namespace tessera
