// The bytes of files, as the reference writer makes them, and the way back.
#include "store/safetensors.h"
#include "store/safetensors_text.h"
#include "store/temp_folder.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

void write_all(Writer& writer, const std::vector<std::string>& data) {
  writer.open(nullptr);
  for (uint32_t i = 0; i < data.size(); ++i) writer.write(i, 0, std::as_bytes(std::span(data[i])));
  writer.finish(false);
}

}  // namespace

TEST_CASE("safetensors: widest dtypes first, then names by their bytes; header padded to 8") {
  const TempFolder folder;
  const std::vector<OutTensor> tensors = {{"z", DType::u8, {3}},   {"b", DType::f32, {1, 2}},
                                          {"a", DType::f32, {}},   {"B", DType::f32, {0, 7}},
                                          {"h", DType::bf16, {1}}, {"n\"\n\xc3\xa4", DType::i64, {1}}};
  SafetensorsWriter writer(folder / "x.safetensors", tensors);
  CHECK(!std::filesystem::exists(folder / "x.safetensors"));
  write_all(writer, {"zzz", "bbbbbbbb", "aaaa", "", "hh", "nnnnnnnn"});

  std::string header =
      R"({"__metadata__":{"format":"pt"},"n\"\nä":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("B":{"dtype":"F32","shape":[0,7],"data_offsets":[8,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[8,12]},)"
      R"("b":{"dtype":"F32","shape":[1,2],"data_offsets":[12,20]},"h":{"dtype":"BF16","shape":[1],"data_offsets":[20,22]},)"
      R"("z":{"dtype":"U8","shape":[3],"data_offsets":[22,25]}})";
  header.append((8 - header.size() % 8) % 8, ' ');
  const std::string whole = safetensors(header, "nnnnnnnnaaaabbbbbbbbhhzzz");
  CHECK(get(folder / "x.safetensors") == whole);
  CHECK(writer.files().at(0).path == "x.safetensors");
  CHECK(writer.files().at(0).bytes == whole.size());
  CHECK(writer.places()[0].offset == whole.size() - 3);
  CHECK(writer.places()[0].bytes == 3);

  const SafetensorsReader reader(folder / "x.safetensors");
  CHECK(reader.contents().tensors.size() == 6);
  CHECK(reader.contents().tensors[0].name == "n\"\n\xc3\xa4");
}

TEST_CASE("safetensors: no tensors at all") {
  const TempFolder folder;
  SafetensorsWriter writer(folder / "x.safetensors", {});
  write_all(writer, {});
  CHECK(SafetensorsReader(folder / "x.safetensors").contents().tensors.empty());
}

TEST_CASE("safetensors: a dtype that it lacks is refused") {
  const TempFolder folder;
  const std::vector<OutTensor> tensors = {{"a", DType::c128, {1}}};
  check_refused([&] { SafetensorsWriter(folder / "x.safetensors", tensors); }, {"tensor `a`", "C128"}, Fault::usage);
}

TEST_CASE("safetensors: a header that no reader takes is not written") {
  const TempFolder folder;
  std::vector<OutTensor> tensors;
  for (int i = 0; i < 25'000; ++i) tensors.push_back({std::string(4000, 'n') + std::to_string(i), DType::u8, {1}});
  check_refused([&] { SafetensorsWriter(folder / "x.safetensors", tensors); }, {"above the limit of 100000000"});
  CHECK(!std::filesystem::exists(folder / "x.safetensors"));
}
