// Packings: keys of several tensors, taken apart and put together; and an end of one place.
#include "layout/layout.h"
#include "plan/built.h"
#include "plan/packing.h"

using namespace tessera;

namespace {

const std::string stacked =
    "packing: stacked\nside: mcore\nwhen: (freq or 1) == 1\n"
    "pack:\n"
    "  dec.<l>.experts.<m:word>.weight<e>: dec.experts.all.<m:word>.weight\n"
    "  dec.<l>.<r:rest>: dec.<r:rest>\n";
const std::string by_layer =
    "packing: by_layer\nside: mcore\nwhen: not ((freq or 1) == 1)\n"
    "pack: { dec.<l>.experts.<m:word>.weight<e>: dec.<l>.experts.all.<m:word>.weight }\n";
constexpr SideId mcore = 1;

struct Packed {
  InlineRules rules{"", {stacked, by_layer}};
  Contents contents;
  Diagnostics diagnostics;

  Packed() { contents.places.resize(1), contents.whole = true; }
  void key(const std::string& name, std::vector<int64_t> shape, std::vector<Chunk> chunks = {}) {
    contents.tensors.push_back({name, DType::f32, std::move(shape), 0, std::move(chunks)});
  }
  std::string names() {
    const auto made = unpack(contents, rules.set, mcore, diagnostics);
    std::string out;
    if (made)
      for (const TensorInfo& tensor : made->tensors) out += tensor.name + " " + show_shape(tensor.shape) + "\n";
    return out;
  }
  std::string error() const {
    return diagnostics.failed() ? diagnostics.list()[0].id + ": " + diagnostics.list()[0].message : "";
  }
};

struct Packing {
  InlineRules rules;
  std::vector<OutTensor> tensors;
  Map arguments;
  Diagnostics diagnostics;

  explicit Packing(const std::vector<std::string>& packings = {stacked, by_layer}) : rules("", packings) {}
  void add(const std::string& name, std::vector<int64_t> shape, DType dtype = DType::f32) {
    tensors.push_back({name, dtype, std::move(shape)});
  }
  std::string run() {
    if (!pack(tensors, rules.set, mcore, arguments, diagnostics))
      return diagnostics.list()[0].id + ": " + diagnostics.list()[0].message;
    std::string out;
    for (const OutTensor& tensor : tensors)
      out += tensor.slab ? format("{} {} at {}\n", tensor.slab->key, show_shape(tensor.slab->shape),
                                  show_shape(tensor.slab->at))
                         : *tensor.name + "\n";
    return out;
  }
};

}  // namespace

TEST_CASE("packing: stacked keys become a tensor for each index") {
  Packed packed;
  packed.key("dec.w", {2, 5});
  packed.key("dec.experts.all.fc1.weight", {2, 3, 4});
  packed.key("final.w", {5});
  CHECK(packed.names() ==
        "dec.0.w [5]\ndec.1.w [5]\n"
        "dec.0.experts.fc1.weight0 [4]\ndec.0.experts.fc1.weight1 [4]\ndec.0.experts.fc1.weight2 [4]\n"
        "dec.1.experts.fc1.weight0 [4]\ndec.1.experts.fc1.weight1 [4]\ndec.1.experts.fc1.weight2 [4]\n"
        "final.w [5]\n");
}

TEST_CASE("packing: keys of one layer stay, and their experts come apart; the keys tell, not the arguments") {
  Packed packed;
  packed.key("dec.0.w", {2, 5});
  packed.key("dec.1.experts.all.fc1.weight", {2, 4});
  packed.key("dec.1.router.weight", {2, 4});
  CHECK(packed.names() ==
        "dec.0.w [2, 5]\ndec.1.experts.fc1.weight0 [4]\ndec.1.experts.fc1.weight1 [4]\ndec.1.router.weight [2, 4]\n");
}

TEST_CASE("packing: slabs go to the tensors they touch, over the same storages") {
  Packed packed;
  packed.key("dec.w", {3, 2, 4},
             {{{0, 0, 0}, {2, 2, 4}, 7, 100, {}},         // layers 0 and 1, whole
              {{2, 0, 0}, {1, 2, 1}, 8, 0, {}},           // layer 2, its first column
              {{2, 0, 1}, {1, 2, 3}, 9, 5, {6, 1, 2}}});  // and the others, transposed in their storage
  const auto made = unpack(packed.contents, packed.rules.set, mcore, packed.diagnostics);
  REQUIRE(made);
  REQUIRE(made->tensors.size() == 3);
  for (size_t layer : {0, 1}) {
    REQUIRE(made->tensors[layer].chunks.size() == 1);
    const Chunk& chunk = made->tensors[layer].chunks[0];
    CHECK(chunk.offsets.empty());
    CHECK(chunk.storage == 7);
    CHECK(chunk.at == 100 + int64_t(layer) * 8);
    CHECK(chunk.strides == std::vector<int64_t>{4, 1});
  }
  REQUIRE(made->tensors[2].chunks.size() == 2);
  CHECK(made->tensors[2].chunks[0].offsets == std::vector<int64_t>{0, 0});
  CHECK(made->tensors[2].chunks[0].shape == std::vector<int64_t>{2, 1});
  CHECK(made->tensors[2].chunks[1].offsets == std::vector<int64_t>{0, 1});
  CHECK(made->tensors[2].chunks[1].at == 5);
  CHECK(made->tensors[2].chunks[1].strides == std::vector<int64_t>{1, 2});
}

TEST_CASE("packing: keys that cannot be taken apart") {
  Packed scalar;
  scalar.key("dec.w", {});
  CHECK(scalar.names().empty());
  CHECK(scalar.error() == "V02: `dec.w` is []; the packing gives it 1 leading axes");
  Packed twice;
  twice.key("dec.w", {2, 5});
  twice.key("dec.1.w", {5});
  CHECK(twice.names().empty());
  CHECK(twice.error() == "B02: two keys of the source hold `dec.1.w`");
  Packed many;
  many.key("dec.w", {int64_t{1} << 40, 5});
  CHECK(many.names().empty());
  CHECK(many.error().find("unpacks to more than") != std::string::npos);
}

TEST_CASE("packing: tensors are put together under the packing whose condition holds") {
  Packing one;
  for (const char* layer : {"1", "0"}) {
    one.add(format("dec.{}.w", layer), {5});
    for (const char* expert : {"0", "1"}) one.add(format("dec.{}.experts.fc1.weight{}", layer, expert), {4});
  }
  one.add("final.w", {5});
  CHECK(one.run() ==
        "dec.w [2, 5] at [1]\ndec.experts.all.fc1.weight [2, 2, 4] at [1, 0]\n"
        "dec.experts.all.fc1.weight [2, 2, 4] at [1, 1]\ndec.w [2, 5] at [0]\n"
        "dec.experts.all.fc1.weight [2, 2, 4] at [0, 0]\ndec.experts.all.fc1.weight [2, 2, 4] at [0, 1]\nfinal.w\n");
  Packing list;
  list.arguments["freq"] = List{Value(0), Value(1)};
  list.add("dec.0.w", {5});
  list.add("dec.1.experts.fc1.weight0", {4});
  CHECK(list.run() == "dec.0.w\ndec.1.experts.all.fc1.weight [1, 4] at [0]\n");
}

TEST_CASE("packing: tensors that one key cannot hold") {
  Packing shapes;
  shapes.add("dec.0.w", {5});
  shapes.add("dec.1.w", {6});
  CHECK(
      shapes.run() ==
      "V02: `dec.1.w` cannot be packed into `dec.w`: it is f32 [6], `dec.0.w` is f32 [5]: one key holds tensors of one "
      "shape and dtype");
  Packing dtypes;
  dtypes.add("dec.0.w", {5});
  dtypes.add("dec.1.w", {5}, DType::bf16);
  CHECK(dtypes.run().starts_with("V02: `dec.1.w` cannot be packed"));
  Packing hole;
  hole.add("dec.0.w", {5});
  hole.add("dec.2.w", {5});
  CHECK(hole.run() == "V02: `dec.w` would be [3] with 2 tensors: every index must have one");
  Packing back;
  back.add("dec.0.7.w", {5});  // would be `dec.7.w`, a name as it stands
  CHECK(back.run().starts_with("B02: `dec.7.w`, packed from `dec.0.7.w`, would be read back as something else"));
  Packing plain;
  plain.add("dec.w", {5});
  CHECK(plain.run() == "B02: `dec.w` is no packed key but looks like one");
}

TEST_CASE("packing: conditions") {
  Packing both({stacked, "packing: other\nside: mcore\npack: { dec.<l>.<r:rest>: dec.<r:rest> }\n"});
  both.add("dec.0.w", {5});
  CHECK(both.run() == "R04: the packings `stacked` and `other` both hold for these arguments");
  Packing none({by_layer});
  none.add("dec.0.w", {5});
  CHECK(none.run() == "dec.0.w\n");
  Packing wrong({"packing: p\nside: mcore\nwhen: len(freq) == 1\npack: { dec.<l>.<r:rest>: dec.<r:rest> }\n"});
  wrong.add("dec.0.w", {5});
  CHECK(wrong.run().starts_with("B03: "));
  Packing other_side({"packing: p\nside: hf\npack: { dec.<l>.<r:rest>: dec.<r:rest> }\n"});
  other_side.add("dec.0.w", {5});
  CHECK(other_side.run() == "dec.0.w\n");
}

TEST_CASE("an end of one place is not cut; pads still know its tensor ranks") {
  Built built(
      "axes: { l: { size: 4, split: pp }, v: { size: 5, split: tp, pad: { mcore: 2 * tp } }, h: 3 }\n"
      "blocks: { b: { w: { hf: w  v h, mcore: w  v h } }, c: { x: { hf: x  h, mcore: x  h } } }\n"
      "model:\n"
      "  - { use: b, stage: first }\n"
      "  - { use: c, hf: layers.<l>, mcore: layers.<l>, for: l in 0..4 }\n"
      "same: [{ of: b.w, mcore: copy, when: pp * vpp > 1, stage: last }]\n");
  EndSpec whole = built.end("mcore", {4, 2, 1, 1, 4});
  whole.whole = true;
  const Contents declared = built.declare(whole);
  std::string names;
  for (const TensorInfo& tensor : declared.tensors) names += tensor.name + show_shape(tensor.shape) + " ";
  CHECK(names == "w[8, 3] layers.0.x[3] layers.1.x[3] layers.2.x[3] layers.3.x[3] ");
  CHECK(declared.places.size() == 1);
  CHECK(built.text(whole, built.end("mcore", {2, 2, 1, 1, 2})).find("error") == std::string::npos);
}
