// A drafted graph (tensor ids are those of its ends) meets the source's headers: names found or missing (V01), shapes
// and dtypes (V02), outputs put into writing order.
#pragma once
#include "plan/plan.h"
#include "plan/sites.h"

namespace tessera {

struct Draft {
  Graph graph;  // ids: those of `from` for what is read, of `to` for what is written
  EndState& from;
  EndState& to;
};

// V01 and V02 of the source's side. `tensor_of`: by id in draft.from, the index into source.tensors or none_id
// (optional tensors alone may be absent). Fills graph.ignored.
bool find_sources(Draft& draft, const Model& model, const Contents& source, std::vector<uint32_t>& tensor_of,
                  Diagnostics& diagnostics);
// Fills graph.tensors: sources that are used, then outputs in writing order; moves speak of them afterwards.
// `standings`: by id of an output, minus the number of sources.
void number_tensors(Draft& draft, const Contents& source, const std::vector<uint32_t>& tensor_of,
                    std::vector<Standing>& standings);
// The dtype of every output (V02), and what the casts do to the verdict.
bool decide_dtypes(Graph& graph, const Model& model, const std::vector<Standing>& standings,
                   const BuildOptions& options, Diagnostics& diagnostics);

}  // namespace tessera
