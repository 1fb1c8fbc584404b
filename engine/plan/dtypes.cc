// The dtype of an output: the rule's pin for that side, else --dtype, else what its sources agree on.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "plan/resolve.h"
#include "plan/verdict.h"

namespace tessera {
namespace {

constexpr size_t most_followed = 64;  // rules, from one whose dtype is another's to that one

std::string_view word(DType dtype) { return info(dtype).short_name; }

class DtypePass {
 public:
  DtypePass(Graph& graph, const Model& model, const std::vector<Standing>& standings, const BuildOptions& options,
            Diagnostics& diagnostics)
      : graph_(graph),
        rules_(*model.rules),
        side_(model.to.side),
        standings_(standings),
        options_(options),
        diagnostics_(diagnostics),
        first_(static_cast<TensorId>(graph.tensors.size() - standings.size())),
        made_(standings.size()) {
    for (const Move& move : graph.moves) {
      if (!op_writes(move.op) || move.pad) continue;
      Made& made = made_[move.to - first_];
      made.empty = false;
      if (move.op == Op::copy) made.add(graph.tensors, move.from);
    }
  }

  bool run() {
    for (uint32_t i = 0; i < standings_.size(); ++i)
      if (const auto dtype = decide(i))
        graph_.tensors[first_ + i].dtype = *dtype;
      else
        good_ = false;
    if (good_) check_casts();
    return good_;
  }

 private:
  // What an output is made of.
  struct Made {
    TensorId first = none_id, second = none_id;  // sources: the first, and the first of another dtype
    bool empty = true;                           // pads alone
    bool floats = true, decoded = false;         // all sources; one of those of the first two dtypes

    void add(const std::vector<Tensor>& tensors, TensorId source) {
      const Tensor& tensor = tensors[source];
      if (first != none_id && tensors[first].dtype == tensor.dtype) return;
      if (second != none_id && tensors[second].dtype == tensor.dtype) return;
      floats &= is_float(tensor.dtype);
      decoded |= tensor.stored != none_id;
      if (first == none_id)
        first = source;
      else if (second == none_id)
        second = source;
    }
  };

  // All layers share an address: what is wrong with it is said once.
  bool is_new(Span why) { return told_.emplace(why.source, why.begin).second; }
  Tensor& output(uint32_t i) { return graph_.tensors[first_ + i]; }

  const std::optional<DtypePin>& pin_of(uint32_t i) const { return rules_.rules[standings_[i].rule].dtype[side_]; }

  std::optional<DType> decide(uint32_t i) {
    for (size_t followed = 0; !standings_[i].field && pin_of(i) && !pin_of(i)->dtype; ++followed) {
      const auto next = pinned(i, *pin_of(i), followed);
      if (!next) return std::nullopt;
      i = *next;
    }
    if (standings_[i].field) return standings_[i].field;
    return pin_of(i) ? pin_of(i)->dtype : by_sources(i);
  }

  std::optional<DType> by_sources(uint32_t i) {
    const Made& made = made_[made_[i].empty ? sibling(i) : i];
    if (made.first == none_id) {
      if (is_new(output(i).why))
        diagnostics_.error(
            "V02", output(i).why,
            format("nothing says which dtype `{}` has: it is made of constants alone", escape(output(i).name)),
            "pin it: `dtype: f32`, or the name of a rule of this block");
      return std::nullopt;
    }
    if (options_.cast && made.floats) return options_.cast;
    const Tensor& first = graph_.tensors[made.first];
    if (made.decoded) return options_.decoded;
    if (made.second == none_id) return first.dtype;
    const Tensor& second = graph_.tensors[made.second];
    if (is_new(output(i).why))
      diagnostics_.error("V02", output(i).why,
                         format("`{}` has sources of two dtypes: `{}` is {}, `{}` is {}", escape(output(i).name),
                                escape(first.name), word(first.dtype), escape(second.name), word(second.dtype)),
                         "pin one with `dtype:`, or give --dtype");
    return std::nullopt;
  }

  // A place that holds pads alone has the dtype of the others.
  uint32_t sibling(uint32_t i) const {
    const auto same = [&](const Standing& other) { return other.order() == standings_[i].order(); };
    for (uint32_t j = 0; j < standings_.size(); ++j)
      if (same(standings_[j]) && made_[j].first != none_id) return j;
    return i;
  }

  // Where another rule of the block, whose dtype is wanted, has its output on that side.
  std::optional<uint32_t> pinned(uint32_t i, const DtypePin& pin, size_t followed) {
    const Rule& rule = rules_.rules[standings_[i].rule];
    const std::string name = rule.name.substr(0, rule.name.find('.') + 1) + pin.rule;
    std::optional<uint32_t> best;
    for (const uint32_t j : outputs_of(rule.entry, name)) {
      const bool nearer = standings_[j].turn == standings_[i].turn &&
                          (!best || standings_[*best].turn != standings_[i].turn || output(j).place == output(i).place);
      if (!best || nearer) best = j;
    }
    if (best && followed < most_followed) return best;
    const std::string why = best ? format("the dtype of `{}` comes by way of more than {} rules", name, most_followed)
                                 : format("`{}` has no tensor on this side, so no dtype", name);
    diagnostics_.error("V02", pin.span, why);
    return std::nullopt;
  }

  const std::vector<uint32_t>& outputs_of(uint32_t entry, const std::string& rule) {
    const auto [at, added] = by_rule_.try_emplace({entry, rule});
    for (uint32_t i = 0; added && i < standings_.size(); ++i)
      if (standings_[i].entry == entry && rules_.rules[standings_[i].rule].name == rule) at->second.push_back(i);
    return at->second;
  }

  void check_casts() {
    for (const Move& move : graph_.moves) {
      if (move.op != Op::copy) continue;
      const Tensor &from = graph_.tensors[move.from], &to = graph_.tensors[move.to];
      const bool computes = move.program != none_id;
      const bool possible = computes ? is_float(from.dtype) && is_float(to.dtype) : cast_exists(from.dtype, to.dtype);
      if (!possible) {
        diagnostics_.error("V02", to.why,
                           format("`{}` is {}; it cannot {} {}", escape(from.name), word(from.dtype),
                                  computes ? "be computed with and become" : "become", word(to.dtype)));
        good_ = false;
        return;
      }
      if (!cast_is_exact(from.dtype, to.dtype))
        weaken(graph_.verdict, Grade::lossy, format("{} to {}", word(from.dtype), word(to.dtype)));
    }
  }

  Graph& graph_;
  const RuleSet& rules_;
  SideId side_;
  const std::vector<Standing>& standings_;
  const BuildOptions& options_;
  Diagnostics& diagnostics_;
  std::set<std::pair<SourceId, uint32_t>> told_;
  TensorId first_;          // output
  std::vector<Made> made_;  // by output
  std::map<std::pair<uint32_t, std::string>, std::vector<uint32_t>> by_rule_;
  bool good_ = true;
};

}  // namespace

bool decide_dtypes(Graph& graph, const Model& model, const std::vector<Standing>& standings,
                   const BuildOptions& options, Diagnostics& diagnostics) {
  return DtypePass(graph, model, standings, options, diagnostics).run();
}

}  // namespace tessera
