// Rules, then copies: each part of each is handed to a PartMover, which walks its indices. Nothing here looks at a
// header; that is for resolve.
#include <algorithm>
#include <memory>

#include "base/text.h"
#include "plan/part_moves.h"
#include "plan/resolve.h"
#include "plan/rest.h"
#include "plan/verdict.h"
#include "rules/expr_budget.h"

namespace tessera {
namespace {

constexpr size_t most_moves = 8'000'000;  // and omissions, of one conversion

class Builder {
 public:
  Builder(const Model& model, const BuildOptions& options, Draft& draft, Diagnostics& diagnostics)
      : model_(model),
        rules_(*model.rules),
        options_(options),
        draft_(draft),
        diagnostics_(diagnostics),
        walk_(model, {&draft.from, &draft.to}, diagnostics) {}

  bool run() {
    bool good = true;
    auto& empty = draft_.graph.empty_ranges;
    for (RuleId rule = 0; rule < rules_.rules.size() && !full(); ++rule)
      good &= walk_.rule(
          rule, [&](const RuleSites& sites) { good &= carry(sites); }, &empty);
    empty.erase(std::unique(empty.begin(), empty.end()), empty.end());
    for (const Copy& copy : rules_.copies) {
      if (copy.side == model_.from.side)
        good &= walk_.copy(copy, 0, [&](const RuleSites& sites) { good &= check_copy(sites); });
      if (copy.side == model_.to.side && !copy.optional)
        good &= walk_.copy(copy, 1, [&](const RuleSites& sites) { good &= write_copy(sites); });
    }
    return good;
  }

 private:
  bool full() const { return draft_.from.tensors.full() || draft_.to.tensors.full(); }

  Standing standing(const RuleSites& sites, size_t address, bool of_copy) const {
    const Rule& rule = rules_.rules[sites.rule];
    Standing out{sites.rule, rule.entry, 0, static_cast<uint32_t>(address), rule.stage, false};
    if (!of_copy) return out;
    out.address += first_copy_address + static_cast<uint32_t>(sites.copy - rules_.copies.data());
    out.stage = sites.copy->stage;
    out.optional = sites.copy->optional;
    return out;
  }
  static constexpr uint32_t first_copy_address = 1 << 16;  // copies stand behind their rule's own tensors

  bool carry(const RuleSites& sites) {
    bool good = true;
    for (size_t i = 0; i < sites.addresses[0].size(); ++i)
      for (const std::string& part : sites.addresses[0][i]->part_names())
        for (size_t j = 0; j < sites.addresses[1].size(); ++j)
          if (sites.addresses[1][j]->has_part(part))
            good &= move({PartJob::Kind::carry, part, sites.addresses[0][i], sites.addresses[1][j], &draft_.from,
                          &draft_.to, standing(sites, i, false), standing(sites, j, false),
                          rules_.rules[sites.rule].name, options_.pad_repeat},
                         sites);
    return good;
  }

  bool write_copy(const RuleSites& sites) {
    bool good = true;
    for (size_t i = 0; i < sites.addresses[0].size(); ++i)
      for (const std::string& part : sites.addresses[0][i]->part_names())
        for (size_t j = 0; j < sites.copy_addresses.size(); ++j)
          if (sites.copy_addresses[j]->has_part(part))
            good &= move({PartJob::Kind::write_copy, part, sites.addresses[0][i], sites.copy_addresses[j], &draft_.from,
                          &draft_.to, standing(sites, i, false), standing(sites, j, true),
                          rules_.rules[sites.rule].name, options_.pad_repeat},
                         sites);
    return good;
  }

  bool check_copy(const RuleSites& sites) {
    if (sites.copy->own_ops) return look_at_copy(sites);
    const std::string& name = rules_.rules[sites.rule].name;
    if (!sites.copy->optional && !sites.variant->sites.empty())
      weaken(draft_.graph.verdict, Grade::checked, name + ": a further copy");
    bool good = true;
    for (size_t i = 0; i < sites.copy_addresses.size(); ++i)
      for (const std::string& part : sites.copy_addresses[i]->part_names())
        for (size_t j = 0; j < sites.addresses[0].size(); ++j)
          if (sites.addresses[0][j]->has_part(part))
            good &= move({PartJob::Kind::check_copy, part, sites.copy_addresses[i], sites.addresses[0][j], &draft_.from,
                          &draft_.from, standing(sites, i, true), standing(sites, j, false), name, false},
                         sites);
    return good;
  }

  // A copy with value operations of its own: its name and shape are wanted, its elements left out.
  bool look_at_copy(const RuleSites& sites) {
    bool good = true;
    for (size_t i = 0; i < sites.copy_addresses.size(); ++i) {
      EndAddress& address = *sites.copy_addresses[i];
      good &=
          walk_tuples(sites, address.captured(), draft_.from.axes, diagnostics_, [&](const auto& fixed, uint32_t turn) {
            Standing at = standing(sites, i, true);
            at.turn = turn;
            const Instance* instance = draft_.from.tensors.find(address, at, captured_of(address, fixed));
            if (!instance) return false;
            for (const TensorId tensor : instance->tensors) omit_whole(tensor, sites.rule);
            return true;
          });
    }
    return good;
  }

  void omit_whole(TensorId tensor, RuleId rule) {
    if (tensor == none_id) return;
    const Extents& shape = draft_.from.tensors.tensors()[tensor].shape;
    draft_.graph.omissions.push_back({Omission::Kind::copy, tensor, {shape, {0, row_major(shape)}}, rule});
  }

  bool move(PartJob job, const RuleSites& sites) {
    PartMover mover(draft_.graph, job, claims_, rules_.file, diagnostics_);
    if (!mover.ready()) return false;
    std::vector<std::string> captured = job.from->captured();
    captured.insert(captured.end(), job.to->captured().begin(), job.to->captured().end());
    EndAxes& axes = job.from_end->axes;
    return walk_tuples(sites, captured, axes, diagnostics_, [&](const auto& fixed, uint32_t turn) {
      return mover.move(fixed, turn) && rests(job, fixed, turn) && few_moves(*job.from);
    });
  }

  bool few_moves(const EndAddress& address) {
    if (draft_.graph.moves.size() + draft_.graph.omissions.size() <= most_moves) return true;
    diagnostics_.error("B03", address.span(), format("the model makes more than {} moves", most_moves));
    return false;
  }

  bool rests(const PartJob& job, const std::vector<FixedIndex>& fixed, uint32_t turn) {
    const bool reads = job.kind != PartJob::Kind::write_copy, writes = job.kind != PartJob::Kind::check_copy;
    return (!reads || rest(*job.from, *job.from_end, job.from_standing, fixed, turn, false)) &&
           (!writes || rest(*job.to, *job.to_end, job.to_standing, fixed, turn, true));
  }

  // What no part fills, once for each tensor.
  bool rest(EndAddress& address, EndState& end, Standing at, const std::vector<FixedIndex>& fixed, uint32_t turn,
            bool writes) {
    const auto& ops = address.address().ops;
    const auto op = std::ranges::find(ops, ValueOp::Kind::rest, &ValueOp::kind);
    if (op == ops.end() || !address.is_tensor()) return true;
    at.turn = turn;
    Instance* instance = end.tensors.find(address, at, captured_of(address, fixed));
    if (!instance) return false;
    if (!std::exchange(instance->fresh, false)) return true;
    FillMaker maker(draft_.graph, *op->operand, {}, rules_.file, end.scope, diagnostics_);
    const auto fill = maker.fill();
    if (!fill) return false;
    if (!writes) weaken(draft_.graph.verdict, Grade::checked, rules_.rules[at.rule].name + ": rest");
    for (size_t seat = 0; seat < instance->tensors.size(); ++seat)
      for (const Image& hole : unfilled(address, end.tensors.place(instance->group->places[seat]), end.axes)) {
        const Strided still{0, std::vector<int64_t>(hole.shape.size(), 0)};
        const TensorId tensor = instance->tensors[seat];
        if (writes)
          draft_.graph.moves.push_back({Op::fill, none_id, tensor, Box{hole.shape, still, hole.at}, none_id, *fill,
                                        false, at.rule, address.span()});
        else
          draft_.graph.moves.push_back({Op::compare_fill, tensor, none_id, Box{hole.shape, hole.at, still}, none_id,
                                        *fill, false, at.rule, address.span()});
      }
    return true;
  }

  const Model& model_;
  const RuleSet& rules_;
  const BuildOptions& options_;
  Draft& draft_;
  Diagnostics& diagnostics_;
  std::array<PadClaims, 2> claims_;
  SiteWalk walk_;
};

}  // namespace

std::optional<Graph> build(const Model& model, const Contents& source, const BuildOptions& options,
                           Diagnostics& diagnostics) {
  EndState from(model, model.from, diagnostics), to(model, model.to, diagnostics);
  Draft draft{{}, from, to};
  const EvalBudget budget(2 * most_model_work);
  if (!Builder(model, options, draft, diagnostics).run()) return std::nullopt;
  if (!find_sources(draft, model, source, options.partial, diagnostics)) return std::nullopt;
  if (!carry_encoded(draft, model, source, options, diagnostics)) return std::nullopt;
  std::vector<Standing> standings;
  number_tensors(draft, source, options.partial, standings);
  if (!decide_dtypes(draft.graph, model, standings, options, diagnostics)) return std::nullopt;
  return std::move(draft.graph);
}

}  // namespace tessera
