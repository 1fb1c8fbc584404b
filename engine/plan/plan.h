// The passes of planning, in order: bind (model.h), build, cover, merge, order. plan() runs them all.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "plan/graph.h"
#include "plan/model.h"
#include "store/checkpoint.h"

namespace tessera {

struct BuildOptions {
  std::optional<DType> cast;    // --dtype: floats (not f8) that no rule pins
  bool pad_repeat = false;      // --pad-fill repeat
  DType decoded = DType::bf16;  // of decoded weights, without a cast
  bool decode = false;          // encoded weights that can be decoded are not carried, even where they could be
  // Refused is neither what is missing (outputs that want it are left out), nor what no rule names (Graph::unmapped),
  // nor values that would have to be encoded.
  bool partial = false;
};

// Boxes for every rule, copy and pad from the source's headers to the target's tensors. V01 (unmapped, missing), V02
// (shapes, dtypes), B01, B02. Source names are those of the files; dialects of the ends are applied.
std::optional<Graph> build(const Model& model, const Contents& source, const BuildOptions& options,
                           Diagnostics& diagnostics);
// V03: every output element exactly once; every source element read, compared, padding or ignored. Always run; of a
// partial graph it is the outputs alone.
bool cover(const Graph& graph, const RuleSet& rules, Diagnostics& diagnostics, bool partial = false);
void merge(Graph& graph);  // fewest axes for each box; neighbouring boxes joined
void order(
    Graph& graph,
    const Contents& source);  // outputs in writing order, each output's moves front to back, sources in file order

// Which dialects (and open options that change names) the source's names speak; docs/language.md section 9. Fills
// request.from.dialects and request.settings. Explains each candidate's fit when none or several are left.
bool detect_dialects(ConfigRequest& request, const Contents& source, Diagnostics& diagnostics);

struct Plan {
  Model model;
  Graph graph;
  Map target_config;
};
std::optional<Plan> make_plan(ConfigRequest request, const Contents& source, const BuildOptions& options,
                              Diagnostics& diagnostics);

// Names, shapes and dtypes (none where only the source knows) that the rules give one end: for `plan --names`, and V01.
struct Declared {
  SharedText name;
  Shared<Extents> shape;
  uint32_t place = 0;
  bool optional = false;
  RuleId rule = 0;
};
std::optional<std::vector<Declared>> declared_tensors(const Model& model, const EndSpec& end, Diagnostics& diagnostics);

}  // namespace tessera
