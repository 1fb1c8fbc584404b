// A drafted graph (tensor ids are those of its ends) meets the source's headers: names found or missing (V01), shapes
// and dtypes (V02), outputs put into writing order.
#pragma once
#include <map>

#include "plan/plan.h"
#include "plan/sites.h"

namespace tessera {

// A weight of the source whose fields stand there instead of its values.
struct Encoded {
  const EncodingDecl* encoding = nullptr;
  std::vector<uint32_t> fields;  // indices into source.tensors
};

struct Draft {
  Graph graph;  // ids: those of `from` for what is read, of `to` for what is written
  EndState& from;
  EndState& to;
  std::vector<uint32_t> tensor_of = {};      // by id in `from`: index into source.tensors; none_id: not there
  std::map<TensorId, Encoded> encoded = {};  // by id in `from`
};

// V01 and V02 of the source's side. Fills draft.tensor_of (optional tensors alone may be absent), draft.encoded and
// graph.ignored. Partial: see BuildOptions; what no rule names goes into graph.unmapped.
bool find_sources(Draft& draft, const Model& model, const Contents& source, bool partial, Diagnostics& diagnostics);
// Encoded weights: those that both sides encode are carried field by field (B01 where granules do not come out), the
// others are decoded (V02 where that cannot be). BuildOptions::decode: all that can be.
bool carry_encoded(Draft& draft, const Model& model, const Contents& source, const BuildOptions& options,
                   Diagnostics& diagnostics);
// Fills graph.tensors: sources that are used, then outputs in writing order; moves speak of them afterwards. Of a
// partial graph, outputs that want a source which is not there are dropped.
// `standings`: by id of an output, minus the number of sources.
void number_tensors(Draft& draft, const Contents& source, bool partial, std::vector<Standing>& standings);
// The dtype of every output (V02), and what the casts do to the verdict.
bool decide_dtypes(Graph& graph, const Model& model, const std::vector<Standing>& standings,
                   const BuildOptions& options, Diagnostics& diagnostics);

}  // namespace tessera
