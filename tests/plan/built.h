// A graph from rules written in a test, and a source that has exactly what they declare.
#pragma once
#include "plan/inline_rules.h"
#include "plan/slots.h"

namespace tessera {

struct Built {
  explicit Built(const std::string& sections) : rules(sections) {}

  EndSpec end(const std::string& side, Mesh mesh = single_place) const {
    const auto id = rules.set.file.side(side);
    REQUIRE(id.has_value());
    return end_of(*id, {}, mesh);
  }
  std::optional<Model> bind_ends(const EndSpec& from, const EndSpec& to) {
    ConfigRequest request;
    request.rules = &rules.set;
    request.from = from;
    request.to = to;
    request.config = &config;
    return bind(request, diagnostics);
  }
  // Headers of every tensor that the rules give `from`, all of one dtype.
  Contents declare(const EndSpec& from, DType dtype = DType::f32) {
    const auto bound = bind_ends(from, from);
    REQUIRE(bound.has_value());
    const auto declared = declared_tensors(*bound, bound->from, diagnostics);
    Contents contents;
    for (const Coordinates& at : places_of(from)) contents.places.push_back({at, ""});
    if (!declared) return contents;
    for (const Declared& tensor : *declared)
      if (!tensor.optional) contents.tensors.push_back({tensor.name, dtype, tensor.shape, tensor.place, {}});
    return contents;
  }
  std::optional<Graph> graph(const EndSpec& from, const EndSpec& to, const Contents& source,
                             const BuildOptions& options = {}) {
    model = bind_ends(from, to);
    REQUIRE(model.has_value());
    return build(*model, source, options, diagnostics);
  }
  // All passes; the text of the result, or of what was refused.
  std::string text(const EndSpec& from, const EndSpec& to, const BuildOptions& options = {}) {
    const Contents source = declare(from);
    if (diagnostics.failed()) return errors();
    auto made = graph(from, to, source, options);
    if (!made || !cover(*made, rules.set, diagnostics)) return errors();
    merge(*made);
    order(*made, source);
    return to_text(*made, rules.set, rules.sources);
  }
  // "B01 at `g`: message" of the first error.
  std::string errors() const {
    for (const Diagnostic& one : diagnostics.list())
      if (one.severity == Severity::error)
        return format("{} at `{}`: {}", one.id, rules.text_at(one.span), one.message);
    return "";
  }

  InlineRules rules;
  Map config;
  Diagnostics diagnostics;
  std::optional<Model> model;
};

}  // namespace tessera
