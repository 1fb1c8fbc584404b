// A target element has one move that writes it (V03). From there, or from a source element, every move that touches the
// element that is read.
#include "plan/trace.h"

#include <numeric>

namespace tessera {
namespace {

int64_t number_at(const Strided& at, const std::vector<int64_t>& index) {
  return std::inner_product(index.begin(), index.end(), at.strides.begin(), at.offset);
}

class Tracer {
 public:
  Tracer(const Graph& graph, size_t most) : graph_(graph), most_(most) {}

  Trace run(TensorId tensor, int64_t element) {
    const ElementAt asked{tensor, element};
    if (!graph_.tensors[tensor].output) {
      from_source(asked);
    } else if (const auto source = written_from(asked)) {
      from_source(*source);
    }
    return std::move(trace_);
  }

 private:
  std::vector<std::vector<int64_t>> find(const Move& move, const Strided& at, int64_t element, size_t most) const {
    return indices_at(move.box->shape, at, element, most);
  }

  // The source element that the writer of a target element reads; nothing for constants and pads.
  std::optional<ElementAt> written_from(const ElementAt& target) {
    for (uint32_t i = 0; i < graph_.moves.size(); ++i) {
      const Move& move = graph_.moves[i];
      if (!op_writes(move.op) || move.to != target.tensor) continue;
      const auto at = find(move, move.box->to, target.element, 1);
      if (at.empty()) continue;
      if (move.from != none_id) return ElementAt{move.from, number_at(move.box->from, at[0]), none_id};
      set_constant({target.tensor, target.element, i}, at[0]);
      trace_.written.push_back({target.tensor, target.element, i});
      return std::nullopt;
    }
    return std::nullopt;
  }

  void set_constant(const ElementAt& site, const std::vector<int64_t>& index) {
    FillValue value = graph_.fills[graph_.moves[site.move].fill];
    if (value.at) value.constant = value.at(index);
    trace_.constant = site;
    trace_.value = std::move(value);
  }

  void from_source(const ElementAt& asked) {
    for (uint32_t i = 0; i < graph_.omissions.size(); ++i) {
      const Omission& omission = graph_.omissions[i];
      if (omission.tensor != asked.tensor) continue;
      if (!indices_at(omission.region.shape, omission.region.at, asked.element, 1).empty()) trace_.omission = i;
    }
    const ElementAt read = reader_of(asked);
    for (uint32_t i = 0; i < graph_.moves.size(); ++i) touch(i, read);
    if (read.move != none_id || !trace_.written.empty() || !trace_.compared.empty()) trace_.read = read;
  }

  // A replica or copy is only compared: with the element that is read for all of them.
  ElementAt reader_of(const ElementAt& asked) const {
    for (uint32_t i = 0; i < graph_.moves.size(); ++i) {
      const Move& move = graph_.moves[i];
      if (move.op != Op::compare || move.from != asked.tensor) continue;
      const auto at = find(move, move.box->from, asked.element, 1);
      if (!at.empty()) return {move.to, number_at(move.box->to, at[0]), i};
    }
    return asked;
  }

  void touch(uint32_t i, const ElementAt& read) {
    const Move& move = graph_.moves[i];
    if (move.op == Op::compare) {
      if (move.to != read.tensor) return;
      for (const auto& at : find(move, move.box->to, read.element, most_))
        trace_.compared.push_back({move.from, number_at(move.box->from, at), i});
      return;
    }
    if (move.from != read.tensor) return;
    const auto all = find(move, move.box->from, read.element, most_ - std::min(most_, trace_.written.size()) + 1);
    for (const auto& at : all) {
      if (move.op == Op::compare_fill) set_constant({read.tensor, read.element, i}, at);
      if (move.op != Op::copy) continue;
      if (trace_.written.size() < most_)
        trace_.written.push_back({move.to, number_at(move.box->to, at), i});
      else
        trace_.more = true;
    }
  }

  const Graph& graph_;
  size_t most_;
  Trace trace_;
};

}  // namespace

Trace trace(const Graph& graph, TensorId tensor, int64_t element, size_t most) {
  return Tracer(graph, most).run(tensor, element);
}

}  // namespace tessera
