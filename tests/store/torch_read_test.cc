// Files of torch.save, good ones: containers, byte orders, views, names.
#include <algorithm>

#include "base/text.h"
#include "store/formats.h"
#include "store/torch_samples.h"

using namespace tessera;
using namespace tessera::testing;
using namespace tessera::testing::asm_;

namespace {

std::vector<std::string> names(const Reader& reader) {
  std::vector<std::string> out;
  for (const TensorInfo& tensor : reader.contents().tensors) out.push_back(tensor.name);
  return out;
}

void verify_all(const Reader& reader) {
  for (StorageId id = 0; id < reader.contents().storages.size(); ++id) reader.verify(id);
}

std::string from_hex(std::string_view hex) {
  std::string out, digits;
  for (char c : hex) {
    if (c != ' ') digits += c;
    if (digits.size() == 2) {
      out += static_cast<char>(std::stoi(digits, nullptr, 16));
      digits.clear();
    }
  }
  return out;
}

// {'model': OrderedDict(a = ones(2, 3) bf16), 'iteration': 7, 'checkpoint_version': 3.0} as torch pickles it.
const std::string vector_hex =
    "80027d71002858050000006d6f64656c710163636f6c6c656374696f6e730a4f726465726564446963740a7102295271035801000000617104"
    "63746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a710528285807000000 73746f72616765 7106"
    "63746f7263680a42466c6f6174313653746f726167650a7107 580100000030 7108 5803000000637075 7109 4b06 74 710a 51"
    "4b00 4b024b0386 710b 4b034b0186 710c 89 6802 29 52 710d 74 710e 52 710f 73"
    "5809000000697465726174696f6e 7110 4b07 5812000000636865636b706f696e745f76657273696f6e 7111 47 4008000000000000 75 "
    "2e";

// The legacy stream of one storage "0".
std::string legacy(const Bytes& object, const std::string& raw, uint64_t count, bool little = true,
                   const Bytes& keys = list({text("0")})) {
  const Bytes machine = dict(
      {{text("protocol_version"), "M\xE9\x03"}, {text("little_endian"), little ? yes : no}, {text("type_sizes"), "}"}});
  return pickle("\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19") + pickle("M\xE9\x03") + pickle(machine) +
         pickle(object) + pickle(keys) + asm_::little(count, 8) + raw;
}
Bytes legacy_storage(int64_t count, const Bytes& view = none) {
  return tuple({text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), integer(count), view}) + "Q";
}

const std::string six = floats({0, 1, 2, 3, 4, 5});

}  // namespace

TEST_CASE("torch: the test vector of 241 bytes") {
  const std::string pickle = from_hex(vector_hex);
  REQUIRE(pickle.size() == 241);
  const TempFolder folder;
  std::string ones;
  for (int i = 0; i < 6; ++i) ones += "\x80\x3F";
  const auto reader = open_torch_file(folder.put("x1.pt", archive(folder, pickle, {ones})));
  const Contents& contents = reader->contents();
  CHECK(contents.format == "torch");
  CHECK(contents.side == "mcore");
  CHECK(*contents.config.find("checkpoint_version") == Value(3.0));
  CHECK(*contents.config.find("iteration") == Value(7));
  REQUIRE(contents.tensors.size() == 1);
  CHECK(contents.tensors[0].name == "a");
  CHECK(contents.tensors[0].dtype == DType::bf16);
  CHECK(contents.tensors[0].shape == std::vector<int64_t>{2, 3});
  CHECK(elements(*reader, contents.tensors[0]) == ones);
  verify_all(*reader);
}

TEST_CASE("torch: views are read as what they mean") {
  const TempFolder folder;
  struct View {
    int64_t offset;
    std::vector<int64_t> shape, strides;
    std::vector<float> expected;
  };
  const std::vector<View> cases = {{0, {2, 3}, {3, 1}, {0, 1, 2, 3, 4, 5}},
                                   {0, {3, 2}, {1, 3}, {0, 3, 1, 4, 2, 5}},
                                   {4, {2}, {1}, {4, 5}},
                                   {1, {2}, {3}, {1, 4}},
                                   {2, {2, 2}, {0, 1}, {2, 3, 2, 3}},
                                   {5, {}, {}, {5}},
                                   {6, {0}, {1}, {}}};
  for (const View& view : cases) {
    const Bytes value = dict({{text("x"), tensor(storage("0", 6), view.offset, view.shape, view.strides)}});
    for (const std::string& bytes :
         {archive(folder, pickle(value), {six}),
          legacy(dict({{text("x"), tensor(legacy_storage(6), view.offset, view.shape, view.strides)}}), six, 6)}) {
      const auto reader = open_torch_file(folder.put("x.bin", bytes));
      CHECK(elements(*reader, tensor_named(*reader, "x")) == floats(view.expected));
      verify_all(*reader);
    }
  }
}

TEST_CASE("torch: legacy views of storages are windows") {
  const TempFolder folder;
  const Bytes window = tuple({text("1"), integer(2), integer(3)});
  const auto reader = open_torch_file(
      folder.put("x.pt", legacy(dict({{text("x"), tensor(legacy_storage(6, window), 1, {2}, {1})}}), six, 6)));
  CHECK(elements(*reader, tensor_named(*reader, "x")) == floats({3, 4}));
  const Bytes outside = dict({{text("x"), tensor(legacy_storage(6, window), 1, {3}, {1})}});
  check_refused([&] { open_torch_file(folder.put("y.pt", legacy(outside, six, 6))); }, {"y.pt", "storage 0"});
}

TEST_CASE("torch: a legacy stream is little-endian, whatever machine it says it was written on") {
  const TempFolder folder;
  const auto reader = open_torch_file(
      folder.put("x.pt", legacy(dict({{text("x"), tensor(legacy_storage(6), 0, {6}, {1})}}), six, 6, false)));
  CHECK(elements(*reader, tensor_named(*reader, "x")) == six);
}

TEST_CASE("torch: the key of a legacy view is text, its own, and has one window") {
  const TempFolder folder;
  const auto view = [](const Bytes& key, int64_t first) {
    return tensor(legacy_storage(6, tuple({key, integer(first), integer(3)})), 0, {3}, {1});
  };
  const auto refused = [&](const Bytes& object, const char* word) {
    check_refused([&] { open_torch_file(folder.put("y.pt", legacy(object, six, 6))); }, {"y.pt", "storage 0", word});
  };
  refused(dict({{text("x"), view(text("0"), 2)}}), "key");
  refused(dict({{text("x"), view(integer(1), 2)}}), "view");
  refused(dict({{text("x"), view(text("1"), 2)}, {text("y"), view(text("1"), 3)}}), "two windows");
}

TEST_CASE("torch: names are joined with dots; extra state is left out; what has no name is told") {
  const TempFolder folder;
  const Bytes t = tensor(storage("0", 6), 0, {6}, {1});
  const Bytes value = dict({{text("a"), dict({{text("b.c"), t}, {text("_extra_state"), t}})},
                            {text("d"), t},
                            {text("d._extra_state"), none},
                            {text("epoch"), integer(3)},
                            {integer(4), none},
                            {text("list"), list({dict({{text("x"), t}})})},
                            {text("object"), call(global("p.q", "C"), {t})}});
  const auto reader = open_torch_file(folder.put("x.bin", archive(folder, pickle(value), {six})));
  CHECK(names(*reader) == std::vector<std::string>{"a.b.c", "d"});
  CHECK(reader->contents().format == "bin");
  REQUIRE(reader->contents().warnings.size() == 2);
  CHECK(reader->contents().warnings[0].find("`list`") != std::string::npos);
  CHECK(reader->contents().warnings[1].find("`object`") != std::string::npos);
}

TEST_CASE("torch: refused roots and names") {
  const TempFolder folder;
  const Bytes t = tensor(storage("0", 6), 0, {6}, {1});
  struct Refused {
    Bytes value;
    std::string word;
  };
  const std::vector<Refused> cases = {
      {integer(3), "kind integer"},
      {list({t}), "kind list"},
      {dict({{text("a.b"), t}, {text("a"), dict({{text("b"), t}})}}), "two tensors are named `a.b`"},
      {dict({{text(""), t}}), "no name"},
      {dict({{text("a\0b"s), t}}), "no name"},
      {dict({{text(std::string(4097, 'n')), t}}), "4096"}};
  for (const Refused& c : cases)
    check_refused([&] { open_torch_file(folder.put("x.bin", archive(folder, pickle(c.value), {six}))); },
                  {"x.bin", c.word});
}

TEST_CASE("torch: the length of all names together") {
  const TempFolder folder;
  Bytes names = tensor(storage("0", 6), 0, {6}, {1}) +
                "q\0"
                "0}("s;
  for (int i = 0; i < 5000; ++i) names += text(std::to_string(i)) + "h\0"s;
  const Bytes value = dict({{text(std::string(4000, 'n')), names + "u"}});
  check_refused([&] { open_torch_file(folder.put("x.pt", archive(folder, pickle(value), {six}))); },
                {"x.pt", "names of more than 16"});
}

TEST_CASE("torch: files of other kinds are refused by name") {
  const TempFolder folder;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"PYTORCH1" + std::string(64, '\0'), "PYTORCH1"},
      {std::string(257, '\0') + "ustar" + std::string(300, '\0'), "tar"},
      {pickle("}"), "a pickle"},
      {"", "not a file of torch.save"}};
  for (const auto& one : cases)
    check_refused([&] { open_torch_file(folder.put("x.pt", one.first)); }, {"x.pt", one.second.c_str()});
}

TEST_CASE("torch: the legacy stream is read to its last byte") {
  const TempFolder folder;
  const Bytes object = dict({{text("x"), tensor(legacy_storage(6), 0, {6}, {1})}});
  const std::string good = legacy(object, six, 6);
  CHECK_NOTHROW(open_torch_file(folder.put("x.pt", good)));
  for (size_t size = 15; size < good.size(); ++size) {
    CAPTURE(size);
    check_refused([&] { open_torch_file(folder.put("x.pt", good.substr(0, size))); }, {"x.pt", "at byte"});
  }
  struct Refused {
    std::string bytes, word;
  };
  const std::vector<Refused> cases = {
      {good + "x", "1 bytes behind"},
      {legacy(object, six, 5), "behind"},
      {legacy(object, six, UINT64_MAX), "does not lie in the file"},
      {legacy(object, six, 6, true, list({})), "behind"},
      {legacy(object, six, 6, true, list({text("1")})), "storage 1"},
      {legacy(object, six + asm_::little(0, 8), 6, true, list({text("0"), text("0")})), "twice"},
      {legacy(object, six, 6, true, text("0")), "no list"}};
  for (const Refused& c : cases) check_refused([&] { open_torch_file(folder.put("x.pt", c.bytes)); }, {"x.pt", c.word});
}

// bf16 arguments of the one direction are fp32 results of the other: the upper halves of their bits.
TEST_CASE("torch: a real checkpoint and its conversion by another program") {
  const std::filesystem::path root =
      std::filesystem::path(TESSERA_TESTS) / "seed/cases/mg2hf_p_tp2pp2_bf16_ver3_enc_self";
  const auto megatron = open_checkpoint(root / "input");
  const auto hf = open_torch_file(root / "expected/pytorch_model.bin");
  CHECK(megatron->contents().mesh == Mesh{2, 2, 1, 1, 2});
  std::string upper;
  const std::string wide = elements(*hf, tensor_named(*hf, "transformer.wpe.weight"));
  for (size_t i = 0; i < wide.size(); i += 4) upper += wide.substr(i + 2, 2);
  CHECK(elements(*megatron, tensor_named(*megatron, "language_model.embedding.position_embeddings.weight")) == upper);
  verify_all(*megatron);
  verify_all(*hf);
}
