// Distributed checkpoints that are written: read again, and byte for byte where others look.
#include <set>

#include "store/dcp_metadata.h"
#include "store/dcp_samples.h"
#include "store/file.h"
#include "store/formats.h"
#include "store/torch_file.h"

using namespace tessera;
using namespace tessera::testing;

namespace fs = std::filesystem;

namespace {

OutputSpec spec_of(const fs::path& path) {
  OutputSpec spec;
  spec.path = path;
  spec.format = "torch_dist";
  spec.places.resize(1);
  spec.release = false;
  spec.iteration = 7;
  spec.config["num_layers"] = 2;
  spec.config["tensor_model_parallel_size"] = 4;
  const auto slab = [](int64_t at) {
    return std::make_shared<const OutSlab>(OutSlab{"layers.w.weight", {2, 2, 2}, {at}});
  };
  spec.tensors = {{"embedding.weight", DType::f32, {2, 3}},
                  {"layers.1.w.weight", DType::f32, {2, 2}, 0, slab(1), true},
                  {"layers.0.w.weight", DType::f32, {2, 2}, 0, slab(0), true},
                  {"head.weight", DType::f32, {1}, 0, {}, true},
                  {"scale", DType::f32, {}}};
  return spec;
}

const std::vector<std::vector<float>> values = {{0, 1, 2, 3, 4, 5}, {14, 15, 16, 17}, {10, 11, 12, 13}, {20}, {30}};

void write_all(const OutputSpec& spec) {
  const auto writer = create_checkpoint(spec);
  writer->open(nullptr);
  for (uint32_t i = 0; i < spec.tensors.size(); ++i) {
    const std::string data = floats(values[i]);
    const auto bytes = std::as_bytes(std::span(data));
    writer->write(i, 0, bytes.first(4));
    writer->write(i, 4, bytes.subspan(4));
  }
  writer->finish(false);
  for (const SmallFile& mark : writer->marks()) {
    CHECK(!fs::exists(spec.path / mark.path));
    write_whole_file(spec.path / mark.path, mark.bytes, false);
  }
  std::set<std::string> expected, found;
  for (const FileInfo& file : writer->files()) {
    expected.insert(file.path.string());
    CHECK(fs::file_size(spec.path / file.path) == file.bytes);
  }
  for (const auto& entry : fs::recursive_directory_iterator(spec.path))
    if (entry.is_regular_file()) found.insert(fs::relative(entry.path(), spec.path).string());
  CHECK(expected == found);
  for (uint32_t i = 0; i < spec.tensors.size(); ++i) {
    const OutPlace& place = writer->places()[i];
    CHECK(get(spec.path / writer->files()[place.file].path).substr(place.offset, place.bytes) == floats(values[i]));
  }
}

}  // namespace

TEST_CASE("dcp writer: tensors come back, stacked ones as one") {
  for (const uint64_t most : {uint64_t{5'000'000'000}, uint64_t{1}}) {
    const TempFolder folder;
    OutputSpec spec = spec_of(folder.path());
    spec.max_shard_size = most;
    write_all(spec);
    CHECK(get(folder / "latest_checkpointed_iteration.txt") == "7");
    const auto reader = open_checkpoint(folder.path());
    const Contents& contents = reader->contents();
    CHECK(contents.format == "torch_dist");
    CHECK(contents.mesh[0] == 4);
    CHECK(contents.tensors.size() == 4);
    CHECK(contents.files.size() == (most == 1 ? 6 : 1));  // with the objects'
    CHECK(*contents.config.find("iteration") == Value(7));
    CHECK(*contents.config.find("num_layers") == Value(2));
    CHECK(slab_floats(*reader, tensor_named(*reader, "embedding.weight")) == values[0]);
    const TensorInfo& stacked = tensor_named(*reader, "layers.w.weight");
    CHECK(stacked.shape == std::vector<int64_t>{2, 2, 2});
    CHECK(slab_floats(*reader, stacked) == std::vector<float>{10, 11, 12, 13, 14, 15, 16, 17});
    CHECK(slab_floats(*reader, tensor_named(*reader, "scale")) == values[4]);
    for (StorageId id = 0; id < contents.storages.size(); ++id) reader->verify(id);
  }
}

TEST_CASE("dcp writer: an object that holds nothing beside each linear layer") {
  const TempFolder folder;
  write_all(spec_of(folder.path()));
  const DcpMetadata metadata = read_dcp_metadata(folder / "iter_0000007/.metadata");
  std::set<std::string> names;
  for (const DcpObject& object : metadata.objects) {
    names.insert(object.name);
    const InputFile file(folder / "iter_0000007" / metadata.files[object.blob.file]);
    const PickleTree tree = read_torch_slice(file, object.blob.slice).tree;
    REQUIRE(tree.is(tree.root, PickleKind::list));
    REQUIRE(tree.items(tree.root).size() == 1);
    CHECK(tree.is(tree.items(tree.root)[0], PickleKind::none));
  }
  CHECK(names == std::set<std::string>{"layers.w._extra_state/shard_0_2", "layers.w._extra_state/shard_1_2",
                                       "head._extra_state/shard_0_1"});
}

TEST_CASE("dcp writer: the marks of the format") {
  const TempFolder folder;
  OutputSpec spec = spec_of(folder.path());
  spec.release = true;
  write_all(spec);
  CHECK(get(folder / "latest_checkpointed_iteration.txt") == "release");
  CHECK(
      get(folder / "release/metadata.json") ==
      R"({"sharded_backend": "torch_dist", "sharded_backend_version": 1, "common_backend": "torch", "common_backend_version": 1})");
  CHECK(!open_checkpoint(folder.path())->contents().config.find("iteration"));
}
