// Boxes of small rules against numbers worked out by hand from docs/language.md, "What a layout means".
#include "plan/built.h"

namespace tessera {
namespace {

// One rule in one block, with its axes.
std::string one_rule(const std::string& axes, const std::string& rule, const std::string& more = "") {
  return format("axes: {{ {} }}\nblocks: {{ b: {{ w: {{ {} }} }} }}\nmodel: [{{ use: b }}]\n{}", axes, rule, more);
}
Mesh tp(int32_t ranks) { return {ranks, 1, 1, 1, 1}; }

// The lines of a plan without those that only name rules and files.
std::string moves(std::string text) {
  std::string out;
  for (const std::string& line : split(text, '\n')) out += line.substr(0, line.find("  (")) + "\n";
  return out;
}

TEST_CASE("a transposed weight is one box with swapped strides") {
  Built built(one_rule("o: 3, i: 4", "hf: a  o i, mcore: b  i o"));
  CHECK(moves(built.text(built.end("hf"), built.end("mcore"))) ==
        "b  f32 [4, 3]\n"
        "  copy a  [4, 3] [1, 4] -> [3, 1]\n"
        "exact\n\n");
}

TEST_CASE("k of a fused, split QKV lies behind the query heads of each group") {
  // 4 groups on 2 ranks, 2 query heads each, d 3, h 5: a group is (2+1+1)*3 = 12 rows; k starts at row 6, at
  // element 30.
  Built built(one_rule("g: { size: 4, split: tp }, r: 2, d: 3, h: 5",
                       "hf: { q: q  (g r d) h, k: k  (g d) h, v: v  (g d) h }, mcore: qkv  (g q+k+v d) h"));
  const std::string text = moves(built.text(built.end("hf"), built.end("mcore", tp(2))));
  CHECK(text.find("qkv@1  f32 [24, 5]\n"
                  "  copy q  [2, 30] 60 + [30, 1] -> [60, 1]\n"
                  "  copy k  [2, 15] 30 + [15, 1] -> 30 + [60, 1]\n"
                  "  copy v  [2, 15] 30 + [15, 1] -> 45 + [60, 1]\n") != std::string::npos);
}

TEST_CASE("fewer groups than ranks: the rows are cut through a group") {
  // 2 groups of 4 rows (q q k v), 4 ranks with 2 rows each: rank 0 q, rank 1 k v.
  Built built(one_rule("g: { size: 2, split: tp }, r: 2, h: 5",
                       "hf: { q: q  (g r) h, k: k  g h, v: v  g h }, mcore: qkv  (g q+k+v) h"));
  const std::string text = moves(built.text(built.end("hf"), built.end("mcore", tp(4))));
  CHECK(text.find("qkv@2  f32 [2, 5]\n  copy q  [10] 10 + [1] -> [1]\n") != std::string::npos);
  CHECK(text.find("qkv@3  f32 [2, 5]\n  copy k  [5] 5 + [1] -> [1]\n  copy v  [5] 5 + [1] -> 5 + [1]\n") !=
        std::string::npos);
}

TEST_CASE("a pad is filled, or repeats the last row; read, it is left out") {
  Built built(one_rule("v: { size: 3, split: tp, pad: { mcore: 2 * tp } }, h: 2", "hf: e  v h, mcore: e  v h"));
  CHECK(moves(built.text(built.end("hf"), built.end("mcore", tp(2)))) ==
        "e  f32 [2, 2]\n  copy e  [4] [1] -> [1]\n"
        "e@1  f32 [2, 2]\n  copy e  [2] 4 + [1] -> [1]\n  fill pad 0  [2] -> 2 + [1]\n"
        "exact\n\n");
  Built repeated(one_rule("v: { size: 3, split: tp, pad: { mcore: 2 * tp } }, h: 2", "hf: e  v h, mcore: e  v h"));
  CHECK(moves(repeated.text(repeated.end("hf"), repeated.end("mcore", tp(2)), {{}, true}))
            .find("  copy pad e  [2] 4 + [1] -> 2 + [1]\n") != std::string::npos);
  Built back(one_rule("v: { size: 3, split: tp, pad: { mcore: 2 * tp } }, h: 2", "hf: e  v h, mcore: e  v h"));
  CHECK(moves(back.text(back.end("mcore", tp(2)), back.end("hf"))).find("left out e@1  [1, 2] 2 + [2, 1]\n") !=
        std::string::npos);
}

TEST_CASE("replicas and copies: the first is read, the others are compared") {
  Built replicas(one_rule("h: 4", "hf: n  h, mcore: n  h"));
  CHECK(moves(replicas.text(replicas.end("mcore", tp(3)), replicas.end("hf"))) ==
        "n  f32 [4]\n  copy n  [4] [1] -> [1]\n"
        "compared\n  compare n@1 with n  [4] [1] -> [1]\n  compare n@2 with n  [4] [1] -> [1]\n"
        "exact\n\n");
  Built stars(one_rule("h: 2, x: 3", "hf: n  h, mcore: n  (h x*)"));
  CHECK(moves(stars.text(stars.end("mcore"), stars.end("hf"))) ==
        "n  f32 [2]\n  copy n  [2] [3] -> [1]\n"
        "compared\n  compare n with n  [2, 2] 1 + [3, 1] -> [3, 0]\n"
        "checked: b.w: copies\n\n");
}

TEST_CASE("constants: filled there, compared back, with the value operations of the tensor") {
  Built built(one_rule("h: 2", "hf: { a: a  h, z: constant(0)  h }, mcore: n  a+z h | plus(1), dtype: f32"));
  CHECK(moves(built.text(built.end("hf"), built.end("mcore"))) ==
        "n  f32 [2, 2]\n  copy a  [2] [1] -> [1] | plus(1.0)\n  fill 1.0  [2] -> 2 + [1]\n"
        "lossy: b.w | plus(1.0)\n\n");
  Built back(one_rule("h: 2", "hf: { a: a  h, z: constant(0)  h }, mcore: n  a+z h | plus(1)"));
  CHECK(moves(back.text(back.end("mcore"), back.end("hf"))).find("  compare_fill n 1.0  [2] 2 + [1]\n") !=
        std::string::npos);
}

TEST_CASE("a constant may speak of its axes") {
  Built built(one_rule("p: 2, k: 3", "hf: constant(10 * p + k)  p k, mcore: t  k p, dtype: f32"));
  const auto graph = built.graph(built.end("hf"), built.end("mcore"), built.declare(built.end("hf")));
  REQUIRE(graph.has_value());
  REQUIRE(graph->fills.size() == 1);
  REQUIRE(graph->moves.size() == 1);
  // The box walks the axes in the order of the part, p then k; t[2][1] is element 5.
  CHECK(graph->fills[0].at({1, 2}) == 12);
  CHECK(graph->moves[0].box->to == Strided{0, {1, 2}});
}

TEST_CASE("rest: what no part fills is written, and checked") {
  // Rows: a 2, b 1; columns: a 1, b 2: two blocks on the diagonal of a 3 x 3 matrix.
  const std::string rule = "hf: { a: a  i j, b: b  j i }, mcore: w  a:i+b:j a:j+b:i | rest(0)";
  Built built(one_rule("i: 2, j: 1", rule));
  CHECK(moves(built.text(built.end("hf"), built.end("mcore"))) ==
        "w  f32 [3, 3]\n"
        "  copy a  [2] [1] -> [3]\n"
        "  fill 0  [2, 2] -> 1 + [3, 1]\n"
        "  fill 0  [] -> 6\n"
        "  copy b  [2] [1] -> 7 + [1]\n"
        "exact\n\n");
  Built back(one_rule("i: 2, j: 1", rule));
  const std::string text = moves(back.text(back.end("mcore"), back.end("hf")));
  CHECK(text.find("  compare_fill w 0  [2, 2] 1 + [3, 1]\n") != std::string::npos);
  CHECK(text.find("checked: b.w: rest\n") != std::string::npos);
}

TEST_CASE("value operations that both ends share cancel") {
  Built built(one_rule("h: 2", "hf: n  h, mcore: n  h | times(3)"));
  CHECK(moves(built.text(built.end("mcore", tp(2)), built.end("mcore"))).find("exact\n") != std::string::npos);
}

TEST_CASE("a tensor without elements does not exist") {
  Built built(one_rule("z: 0, h: 2", "hf: a  z h, mcore: b  z h"));
  CHECK(moves(built.text(built.end("hf"), built.end("mcore"))) == "exact\n\n");
}

TEST_CASE("what is refused, and where") {
  struct Row {
    const char *axes, *rule, *error;
    Mesh mesh;
  };
  const Row rows[] = {
      {"f: { size: 12, split: tp }, h: 2", "hf: o  h f, mcore: o  h f",
       "B01 at `f`: 12 indices of axis `f` cannot be split evenly over 5 tp ranks", tp(5)},
      {"g: { size: 2, split: tp }, d: 4", "hf: o  (g d), mcore: o  (d g)",
       "B01 at `g`: axis `g` has fewer indices (2) than there are tp ranks, and does not lead its dimension in `o  (d "
       "g)`",
       tp(4)},
      {"g: { size: 2, split: tp }, d: 3", "hf: o  (g d), mcore: o  (g d)",
       "B01 at `g`: 6 rows of `o  (g d)` cannot be cut evenly for 4 tp ranks", tp(4)},
      {"e: { size: 4, split: tp }, h: 2", "hf: o.<e>  h, mcore: o.<e + 1>  h",
       "B01 at `e + 1`: axis `e` is split here, so it must stand alone in its hole", tp(2)},
      {"e: 4, h: 2", "hf: o.<e>  h, mcore: o.<e // 2>  h",
       "B02 at `o.<e // 2>  h`: `o.0` is one name for several indices: e = 0 and 1", tp(1)},
      {"h: 2 - 5", "hf: o  h, mcore: o  h", "B03 at `2 - 5`: this is -3; it must be at least 0", tp(1)},
      {"e: 2, h: 2", "hf: o.<e - 1>  h, mcore: o.<e>  h", "B03 at `e - 1`: a name cannot hold -1", tp(1)},
      {"h: 2", "hf: constant(1)  h, mcore: o  h",
       "V02 at `o  h`: nothing says which dtype `o` has: it is made of constants alone", tp(1)},
      {"h: 2, i: 3", "hf: { a: a  h, b: b  i }, mcore: o  a+b a:h+b:i",
       "V03 at `o  a+b a:h+b:i`: element [0, 2] of `o` [2, 5] is filled by nothing", tp(1)},
  };
  for (const Row& row : rows) {
    Built built(one_rule(row.axes, row.rule));
    CHECK(built.text(built.end("hf"), built.end("mcore", row.mesh)) == row.error);
  }
}

TEST_CASE("stages: first, last, and all of them") {
  Built built(
      "axes: { l: { size: 3, split: pp }, h: 2 }\n"
      "blocks: { e: { w: { hf: e  h, mcore: e  h } }, x: { w: { hf: w  h, mcore: w  h } }, f: { w: { hf: f  h, mcore: "
      "f  h } }, a: { w: { hf: a  h, mcore: a  h } } }\n"
      "model: [{ use: e, stage: first }, { use: x, hf: l.<l>, mcore: l.<l>, for: l in 0..3 }, { use: f, stage: last }, "
      "{ use: a }]\n");
  EndSpec to = built.end("mcore", {1, 2, 1, 1, 1});
  to.tables[MeshDim::pp] = {{-1, 2}, {0, 1}};
  const auto graph = built.graph(built.end("hf"), to, built.declare(built.end("hf")));
  REQUIRE(graph.has_value());
  std::string names;
  for (const Tensor& tensor : graph->tensors)
    if (tensor.output) names += format("{}@{} ", tensor.name, tensor.place);
  CHECK(names == "e@0 l.1.w@0 a@0 l.0.w@1 l.1.w@1 f@1 a@1 ");
}

TEST_CASE("headers against declarations: missing, unmapped, shapes") {
  const std::string sections =
      "axes: { l: 3, h: 2 }\nblocks: { b: { w: { hf: w  h, mcore: w  h } } }\n"
      "model: [{ use: b, hf: l.<l>, mcore: d.<l>, for: l in 0..3 }]\n"
      "ignore: { hf: { l.<x>.mask: a buffer } }\n";
  struct Row {
    std::vector<std::pair<std::string, std::vector<int64_t>>> tensors;
    const char* error;
  };
  const Row rows[] = {
      {{{"l.0.w", {2}}, {"l.1.w", {2}}, {"l.2.w", {2}}, {"l.7.mask", {9}}, {"none", {0}}}, ""},
      {{{"l.2.w", {2}}}, "V01 at `w  h`: `l.<0, 1>.w` is not in the source (2 tensors)"},
      {{{"l.0.w", {2}}, {"l.1.w", {2}}, {"l.2.w", {2}}, {"l.0.x", {1}}, {"l.1.x", {1}}},
       "V01 at ``: no rule names `l.<0, 1>.x` (2 tensors)"},
      {{{"l.0.w", {2}}, {"l.1.w", {3}}, {"l.2.w", {2}}},
       "V02 at `w  h`: `l.1.w` is [3] in the source; the rules make it [2]"},
  };
  for (const Row& row : rows) {
    Built built(sections);
    Contents source;
    source.places.push_back({});
    for (const auto& [name, shape] : row.tensors) source.tensors.push_back({name, DType::f32, shape, 0, {}});
    const auto graph = built.graph(built.end("hf"), built.end("mcore"), source);
    CHECK(built.errors() == row.error);
    CHECK(graph.has_value() == (*row.error == 0));
  }
}

TEST_CASE("encoded weights that cannot be read or written") {
  const char* const read =
      "encodings: { fp8: { kind: fp8_block, block: [2, 2], on: { hf: <name>_s }, write: never } }\n";
  const char* const written = "encodings: { fp8: { kind: fp8_block, block: [2, 2], on: { mcore: <name>_s } } }\n";
  const char* const packed =
      "encodings: { q: { kind: gptq, bits: 4, group: 8, on: { hf: [<name>.q, <name>.z, <name>.s, <name>.g] } } }\n";
  struct Row {
    const char* encodings;
    std::vector<std::tuple<std::string, DType, Extents>> tensors;
    const char* error;
  };
  const Row rows[] = {
      {read, {{"w", DType::f8_e4m3, {16, 8}}, {"w_s", DType::f32, {8, 4}}}, ""},
      {read,
       {{"w", DType::f8_e4m3, {16, 8}}, {"w_s", DType::f32, {4, 8}}},
       "V02 at `w  o h`: `w_s` is [4, 8] in the source; beside a weight [16, 8] it is [8, 4]"},
      {read,
       {{"w", DType::f32, {16, 8}}, {"w_s", DType::f32, {8, 4}}},
       "V02 at `w  o h`: `w` is f32; as values of `fp8` it cannot be"},
      {read, {{"w_s", DType::f32, {8, 4}}}, "V01 at `w  o h`: `w` is not in the source"},
      {written, {{"w", DType::f32, {16, 8}}}, "V02 at `fp8`: values cannot be encoded as `fp8` on the mcore side"},
      {packed,
       {{"w.q", DType::i32, {1, 16}},
        {"w.z", DType::i32, {1, 2}},
        {"w.s", DType::f16, {1, 16}},
        {"w.g", DType::i32, {8}}},
       "V02 at `w  o h`: `w` is encoded as `q`, which is only carried, not decoded"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.error);
    Built built(one_rule("o: 16, h: 8", "hf: w  o h, mcore: w  o h", row.encodings));
    Contents source;
    source.places.push_back({});
    for (const auto& [name, dtype, shape] : row.tensors) source.tensors.push_back({name, dtype, shape, 0, {}});
    const auto graph = built.graph(built.end("hf"), built.end("mcore"), source);
    CHECK(built.errors().substr(0, std::string(row.error).size()) == row.error);
    CHECK(graph.has_value() == (*row.error == 0));
  }
}

TEST_CASE("what is decoded has the dtype that was asked for, else bf16") {
  for (const auto& [options, dtype] : {std::pair{BuildOptions{}, DType::bf16},
                                       {BuildOptions{DType::f32, false, DType::bf16}, DType::f32},
                                       {BuildOptions{{}, false, DType::f16}, DType::f16}}) {
    Built built(
        one_rule("o: 4, h: 4", "hf: w  o h, mcore: w  o h",
                 "encodings: { fp8: { kind: fp8_block, block: [2, 2], on: { hf: <name>_s }, write: never } }\n"));
    Contents source;
    source.places.push_back({});
    source.tensors = {{"w", DType::f8_e4m3, {4, 4}, 0, {}}, {"w_s", DType::f32, {2, 2}, 0, {}}};
    const auto graph = built.graph(built.end("hf"), built.end("mcore"), source, options);
    REQUIRE(graph.has_value());
    CHECK(graph->tensors.back().dtype == dtype);
    CHECK(format("{} {}", grade_name(graph->verdict.grade), graph->verdict.reason) == "lossy fp8 decoded");
  }
}

TEST_CASE("dtypes: a pin, --dtype for floats, the sources; what a cast loses") {
  struct Row {
    const char* rule;
    DType a, b;
    std::optional<DType> cast;
    DType made;
    const char* verdict;
  };
  const Row rows[] = {
      {"", DType::bf16, DType::bf16, {}, DType::bf16, "exact "},
      {"", DType::bf16, DType::f32, DType::f32, DType::f32, "exact "},
      {"", DType::f32, DType::f32, DType::bf16, DType::bf16, "lossy f32 to bf16"},
      {"", DType::i64, DType::i64, DType::bf16, DType::i64, "exact "},
      {", dtype: f32", DType::f16, DType::bf16, DType::bf16, DType::f32, "exact "},
      {", dtype: { hf: f32 }", DType::f16, DType::f16, {}, DType::f16, "exact "},
  };
  SUBCASE("integers become no floats") {
    Built built(one_rule("h: 2", "hf: a  h, mcore: w  h, dtype: f32"));
    Contents source;
    source.places.push_back({});
    source.tensors = {{"a", DType::i64, {2}, 0, {}}};
    CHECK(!built.graph(built.end("hf"), built.end("mcore"), source).has_value());
    CHECK(built.errors() == "V02 at `w  h`: `a` is i64; it cannot become f32");
  }
  for (const Row& row : rows) {
    Built built(one_rule("h: 2", format("hf: {{ a: a  h, b: b  h }}, mcore: w  a+b h{}", row.rule)));
    Contents source;
    source.places.push_back({});
    source.tensors = {{"a", row.a, {2}, 0, {}}, {"b", row.b, {2}, 0, {}}};
    const auto graph = built.graph(built.end("hf"), built.end("mcore"), source, {row.cast, false});
    REQUIRE(graph.has_value());
    CHECK(graph->tensors.back().dtype == row.made);
    CHECK(format("{} {}", grade_name(graph->verdict.grade), graph->verdict.reason) == row.verdict);
  }
}

}  // namespace
}  // namespace tessera
