// The passes in order.
#include "plan/plan.h"

namespace tessera {

std::optional<Plan> make_plan(ConfigRequest request, const Contents& source, const BuildOptions& options,
                              Diagnostics& diagnostics) {
  if (!request.config && source.has_config) request.config = &source.config;
  if (!options.partial) request.from.tensors = source.tensors.size();
  if (!detect_dialects(request, source, diagnostics)) return std::nullopt;
  auto model = bind(request, diagnostics);
  if (!model) return std::nullopt;
  Map written;
  if (request.have_target_config) {
    auto config = target_config(*model, diagnostics);
    if (!config) return std::nullopt;
    written = *std::move(config);
  }
  auto graph = build(*model, source, options, diagnostics);
  if (!graph) return std::nullopt;
  merge(*graph);
  if (!cover(*graph, *request.rules, diagnostics, options.partial)) return std::nullopt;
  order(*graph, source);
  return Plan{*std::move(model), *std::move(graph), std::move(written)};
}

}  // namespace tessera
