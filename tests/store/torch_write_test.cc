// Archives that are written: layout byte by byte where torch's readers care, and the way back.
#include "store/checksum.h"
#include "store/formats.h"
#include "store/pickle_write.h"
#include "store/torch_samples.h"
#include "store/zip_write.h"

using namespace tessera;
using namespace tessera::testing;
using namespace tessera::testing::asm_;

namespace {

uint64_t field(const std::string& bytes, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

}  // namespace

TEST_CASE("zip layout: data at multiples of 64, descriptors, end records") {
  ZipLayout layout;
  layout.add("x1/data.pkl", 241);  // as torch writes it: data at 64, the next header at 64 + 241 + 16 = 321
  layout.add("x1/data/0", 12);
  layout.add("x1/empty", 0);
  CHECK(layout.offset(0) == 64);
  CHECK(layout.header_offset(1) == 321);
  CHECK(layout.offset(1) == 384);
  CHECK(layout.header_offset(2) == 412);
  CHECK(layout.offset(2) == 512);
  CHECK(layout.directory_offset() == 512);

  const std::string header = layout.header(1);
  CHECK(header.size() == 63);
  CHECK(field(header, 6, 2) == 0x0808);
  CHECK(field(header, 14, 8) == 0);
  CHECK(field(header, 26, 2) == 9);
  CHECK(header.substr(39, 2) == "FB");
  CHECK(field(header, 41, 2) == 20);
  CHECK(header.substr(43) == std::string(20, 'Z'));
  CHECK(field(layout.header(2), 6, 2) == 0x0800);
  CHECK(ZipLayout::descriptor(0x01020304, 12) == "PK\7\10\4\3\2\1\14\0\0\0\14\0\0\0"s);
  CHECK(ZipLayout::descriptor(0, 0).empty());

  const std::string directory = layout.directory({1, 2, 0});
  CHECK(layout.size() == 512 + directory.size());
  const size_t entries = 3 * 46 + 11 + 9 + 8;
  REQUIRE(directory.size() == entries + 56 + 20 + 22);
  CHECK(directory.substr(entries, 4) == "PK\6\6");
  CHECK(field(directory, entries + 24, 8) == 3);
  CHECK(field(directory, entries + 40, 8) == entries);
  CHECK(field(directory, entries + 48, 8) == 512);
  CHECK(field(directory, entries + 56 + 8, 8) == 512 + entries);
}

TEST_CASE("zip layout: zip64 where 32 bits do not do") {
  constexpr uint64_t four = uint64_t{1} << 32;
  ZipLayout layout;
  layout.add("a/0", four);
  layout.add("a/1", 10);
  const std::string header = layout.header(0);
  CHECK(layout.offset(0) % 64 == 0);
  CHECK(layout.offset(0) == header.size());
  CHECK(field(header, 18, 4) == UINT32_MAX);
  CHECK(field(header, 33, 2) == 1);
  CHECK(field(header, 35, 2) == 16);
  CHECK(field(header, 37, 8) == four);
  CHECK(ZipLayout::descriptor(1, four).size() == 24);
  CHECK(layout.header_offset(1) == layout.offset(0) + four + 24);
  const std::string directory = layout.directory({1, 2});
  const size_t second = 46 + 3 + 20;
  CHECK(field(directory, 24, 4) == UINT32_MAX);
  CHECK(field(directory, 30, 2) == 20);
  CHECK(field(directory, second + 42, 4) == UINT32_MAX);
  CHECK(field(directory, second + 30, 2) == 12);
  CHECK(field(directory, second + 46 + 3 + 4, 8) == layout.header_offset(1));
}

TEST_CASE("pickle writer: opcodes of protocol 2") {
  PickleWriter writer;
  writer.begin_list();
  writer.none();
  writer.boolean(true);
  writer.integer(255);
  writer.integer(256);
  writer.integer(-1);
  writer.integer(int64_t{1} << 31);
  writer.real(3.0);
  writer.text("\u00e9");
  writer.end_list();
  CHECK(writer.finish() ==
        "\x80\x02]("
        "N\x88K\xFFM\x00\x01J\xFF\xFF\xFF\xFF\x8A\x08\x00\x00\x00\x80\x00\x00\x00\x00G\x40\x08\x00\x00\x00\x00\x00\x00X"
        "\x02\x00\x00\x00\xC3\xA9"
        "e."s);
}

TEST_CASE("pickle writer: arguments come back; objects of unknown classes are left out") {
  Map args;
  args["none"] = Value();
  args["list"] = List{1, 2.5, "x", Map()};
  args["dtype"] = Opaque{"dtype", "torch.bfloat16"};
  args["big"] = int64_t{1} << 40;
  Map expected = args;
  args["object"] = Opaque{"object", "p.q.C"};
  args["inside"] = List{Opaque{"object", "p.q.C"}};
  PickleWriter writer;
  writer.attributes(args);
  const PickleTree tree = read_pickle(writer.finish(), {.file = "f"});
  CHECK(to_value(tree, tree.root) == Value(expected));
}

TEST_CASE("torch writer: every dtype and shape comes back") {
  const TempFolder folder;
  std::vector<OutTensor> tensors;
  std::vector<std::string> data;
  for (int d = 0; d < dtype_count; ++d) {
    const DType dtype = static_cast<DType>(d);
    if (info(dtype).torch.empty() || !is_whole_bytes(dtype)) continue;
    tensors.push_back({std::string(info(dtype).name), dtype, {2, 3}});
    data.push_back(std::string(tensor_bytes(tensors.back()), static_cast<char>('a' + d)));
  }
  REQUIRE(tensors.size() >= 18);
  for (const auto& [name, shape] :
       {std::pair{"scalar", std::vector<int64_t>{}}, {"empty", {0}}, {"hollow", {2, 0, 3}}, {"tall", {3, 1, 1}}}) {
    tensors.push_back({name, DType::f32, shape});
    data.push_back(std::string(tensor_bytes(tensors.back()), name[0]));
  }
  const auto reader = open_torch_file(folder.put("x.bin", archive(folder, pickle_state_dict(tensors), data)));
  REQUIRE(reader->contents().tensors.size() == tensors.size());
  CHECK(reader->contents().warnings.empty());
  for (size_t i = 0; i < tensors.size(); ++i) {
    CAPTURE(tensors[i].name);
    const TensorInfo& tensor = reader->contents().tensors[i];
    CHECK(tensor.name == tensors[i].name);
    CHECK(tensor.dtype == tensors[i].dtype);
    CHECK(tensor.shape == tensors[i].shape);
    CHECK(elements(*reader, tensor) == data[i]);
    CHECK(reader->contents().storages[tensor.chunks[0].storage].offset % 64 == 0);
    reader->verify(tensor.chunks[0].storage);
  }
}

TEST_CASE("torch writer: offsets are known before the bytes, and the same bytes come out each time") {
  const TempFolder folder;
  const std::vector<std::string> data = {std::string(300, 'a'), "", std::string(70, 'b')};
  TorchArchiveWriter writer(folder / "archive.pt", pickle_state_dict({}), {300, 0, 70});
  const std::vector<uint64_t> offsets = {writer.offset(0), writer.offset(1), writer.offset(2)};
  CHECK(!std::filesystem::exists(folder / "archive.pt"));
  writer.open(nullptr);
  for (size_t at = 0; at < 300; at += 100) writer.write(0, at, std::as_bytes(std::span(data[0])).subspan(at, 100));
  writer.write(2, 0, std::as_bytes(std::span(data[2])));
  const uint64_t size = writer.size();
  writer.finish(false);
  const std::string bytes = get(folder / "archive.pt");
  CHECK(bytes.size() == size);
  for (size_t i = 0; i < 3; ++i) CHECK(bytes.substr(offsets[i], data[i].size()) == data[i]);
  CHECK(bytes == archive(folder, pickle_state_dict({}), data));
}
