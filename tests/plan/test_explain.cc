// One element followed, and named; every case of the conformance suite does so too.
#include "plan/built.h"
#include "plan/explain.h"
#include "plan/trace.h"

using namespace tessera;

namespace {

constexpr const char* padded =
    "axes: { v: { size: 3, pad: { mcore: 8 } }, h: 2 }\n"
    "blocks: { b: { w: { hf: w  v h, mcore: w  h v } } }\n"
    "model: [{ use: b }]\n";

std::string text(const std::optional<PartElement>& element) {
  if (!element) return "nothing";
  std::string out;
  for (const PartElement::Index& one : element->indices)
    out += format("{}={} ", one.axis, one.index ? std::to_string(*one.index) : "empty");
  return out;
}

}  // namespace

TEST_CASE("explain: an element and its repeated pads, as many as asked for") {
  Built built(padded);
  const EndSpec hf = built.end("hf"), mcore = built.end("mcore");
  const auto graph = built.graph(hf, mcore, built.declare(hf), {std::nullopt, true});
  REQUIRE(graph.has_value());
  const Trace all = trace(*graph, 0, 4);  // v=2 h=0
  REQUIRE(all.read.has_value());
  CHECK(all.written.size() == 6);
  CHECK(!all.more);
  const Trace few = trace(*graph, 0, 4, 2);
  CHECK(few.written.size() == 2);
  CHECK(few.more);
}

TEST_CASE("explain: indices on both ends, and an empty slot") {
  Built built(padded);
  const EndSpec hf = built.end("hf"), mcore = built.end("mcore");
  const auto graph = built.graph(hf, mcore, built.declare(hf));
  REQUIRE(graph.has_value());
  const auto laid = layings(*built.model, *graph, {0, 1});
  CHECK(text(part_at(laid[0], {3, 2}, 3)) == "v=1 h=1 ");
  CHECK(text(part_at(laid[1], {2, 8}, 9)) == "v=1 h=1 ");
  CHECK(text(part_at(laid[1], {2, 8}, 7)) == "v=empty h=0 ");
  const Trace pad = trace(*graph, 1, 7);
  CHECK(!pad.read.has_value());
  CHECK(pad.value.has_value());
}
