// Distributed checkpoints that are read: slabs of one tensor in several files, and every number that may lie.
#include "store/dcp_samples.h"
#include "store/formats.h"

using namespace tessera;
using namespace tessera::testing;

namespace {

using Change = std::function<void(DcpSample&)>;

void check_change(const Change& change, const std::vector<std::string>& words) {
  const TempFolder folder;
  DcpSample sample = dcp_sample(folder);
  change(sample);
  const auto path = sample.put(folder);
  check_refused([&] { open_checkpoint(path); }, words);
}

}  // namespace

TEST_CASE("dcp: slabs in two files are one tensor") {
  const TempFolder folder;
  const auto reader = open_checkpoint(dcp_sample(folder).put(folder));
  const Contents& contents = reader->contents();
  CHECK(contents.format == "torch_dist");
  CHECK(contents.side == "mcore");
  CHECK(contents.whole);
  CHECK(contents.mesh[0] == 2);
  CHECK(contents.places.size() == 1);
  CHECK(contents.tensors.size() == 2);
  CHECK(contents.warnings.empty());
  CHECK(*contents.config.find("num_layers") == Value(2));
  CHECK(*contents.config.find("checkpoint_version") == Value(3.0));
  CHECK(*contents.config.find("iteration") == Value(3));
  CHECK(slab_floats(*reader, tensor_named(*reader, "m")) == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(slab_floats(*reader, tensor_named(*reader, "v")) == std::vector<float>{8, 9, 10});
  CHECK(tensor_named(*reader, "v").chunks[0].offsets.empty());
  for (StorageId id = 0; id < contents.storages.size(); ++id) reader->verify(id);
}

TEST_CASE("dcp: the iteration's folder, and one without metadata.json") {
  const TempFolder folder;
  DcpSample sample = dcp_sample(folder);
  const auto path = sample.put(folder);
  CHECK(open_checkpoint(path / "iter_0000003")->contents().tensors.size() == 2);
  std::filesystem::remove(path / "iter_0000003/metadata.json");
  const auto plain = open_checkpoint(path / "iter_0000003");
  CHECK(plain->contents().format == "torch_dcp");
  CHECK(!plain->contents().side);
  CHECK(!plain->contents().has_config);
}

TEST_CASE("dcp: what holds no weight is left out") {
  const TempFolder folder;
  DcpSample sample = dcp_sample(folder);
  for (const char* key :
       {"optimizer.state.exp_avg.v", "chained_0.optimizer.state.exp_avg.v", "rng_state/shard_0.0_1.1"}) {
    sample.tensors.push_back({key, {1}});
    sample.add(folder, key, {0}, {1}, {1});
  }
  const auto reader = open_checkpoint(sample.put(folder));
  CHECK(reader->contents().tensors.size() == 2);
  CHECK(reader->contents().optimizer);
}

TEST_CASE("dcp: what is left out must be there as well") {
  const auto check_state = [](const Change& change, const std::vector<std::string>& words) {
    const TempFolder folder;
    DcpSample sample = dcp_sample(folder);
    sample.tensors.push_back({"optimizer.state.exp_avg.v", {3}});
    sample.add(folder, "optimizer.state.exp_avg.v", {0}, {2}, {1, 2});
    sample.add(folder, "optimizer.state.exp_avg.v", {2}, {1}, {3});
    CHECK(open_checkpoint(sample.put(folder))->contents().tensors.size() == 2);
    change(sample);
    const auto path = sample.put(folder);
    check_refused([&] { open_checkpoint(path); }, words);
  };
  check_state([](DcpSample& s) { s.slabs.back().length += 100000; }, {"`optimizer.state.exp_avg.v`", "are wanted"});
  check_state([](DcpSample& s) { s.slabs.pop_back(); }, {"`optimizer.state.exp_avg.v`", "2 of 3 elements"});
  check_state([](DcpSample& s) { s.slabs.back().offsets = {1}; }, {"`optimizer.state.exp_avg.v`", "overlap"});
  check_state([](DcpSample& s) { s.slabs.back().offset = s.slabs[2].offset; }, {"are also those of"});
}

TEST_CASE("dcp: arguments in the data, or nowhere") {
  const TempFolder folder;
  DcpSample sample = dcp_sample(folder);
  const std::string blob = archive(
      folder,
      asm_::pickle(
          asm_::list({asm_::dict({{asm_::text("args"), asm_::dict({{asm_::text("num_layers"), asm_::integer(5)}})}})})),
      {});
  std::string& file = sample.files["__0_0.distcp"];
  sample.objects.push_back({"common_state/shard_0_1", {}, {}, "__0_0.distcp", file.size(), blob.size()});
  file += blob;
  const auto path = sample.put(folder);
  std::filesystem::remove(path / "iter_0000003/common.pt");
  CHECK(*open_checkpoint(path)->contents().config.find("num_layers") == Value(5));

  const TempFolder other;
  const auto bare = dcp_sample(other).put(other);
  std::filesystem::remove(bare / "iter_0000003/common.pt");
  const auto reader = open_checkpoint(bare);
  CHECK(!reader->contents().has_config);
  CHECK(reader->contents().warnings.size() == 1);
}

TEST_CASE("dcp: slabs that do not tile their tensor") {
  check_change([](DcpSample& s) { s.slabs.erase(s.slabs.begin()); }, {".metadata", "`m`", "4 of 8 elements"});
  check_change([](DcpSample& s) { s.slabs[0].offsets = {0, 1}; }, {"`m`", "[0, 0]", "[0, 1]", "overlap"});
  check_change(
      [](DcpSample& s) {
        s.slabs[0].offsets = {0, 3};
      },
      {"`m`", "[0, 3] of [2, 2]", "beyond its shape [2, 4]"});
  check_change([](DcpSample& s) { s.slabs[0].offsets = {0, INT64_MAX}; }, {"`m`", "beyond its shape"});
  check_change([](DcpSample& s) { s.slabs[0].offsets = {2}; }, {"`m`", "not of the tensor's rank 2"});
  check_change([](DcpSample& s) { s.slabs[0].offsets = {0, -2}; }, {"offset", "negative"});
  check_change([](DcpSample& s) { s.slabs.push_back(s.slabs[0]); }, {"`m`", "two places for one slab"});
  check_change([](DcpSample& s) { s.tensors[0].second = {INT64_MAX, 4}; }, {"`m`", "too large"});
  check_change([](DcpSample& s) { s.tensors[0].second = {4, 4}; }, {"`m`", "8 of 16 elements"});
}

TEST_CASE("dcp: an irregular tiling is one too") {
  const TempFolder folder;
  DcpSample sample;  // a pinwheel: no cut separates its slabs
  sample.tensors = {{"w", {3, 3}}};
  sample.add(folder, "w", {0, 0}, {1, 2}, {0, 1});
  sample.add(folder, "w", {0, 2}, {2, 1}, {2, 5});
  sample.add(folder, "w", {2, 1}, {1, 2}, {7, 8});
  sample.add(folder, "w", {1, 0}, {2, 1}, {3, 6});
  sample.add(folder, "w", {1, 1}, {1, 1}, {4});
  const auto reader = open_checkpoint(sample.put(folder));
  CHECK(slab_floats(*reader, tensor_named(*reader, "w")) == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8});
}

TEST_CASE("dcp: places that lie") {
  check_change([](DcpSample& s) { s.slabs[2].length += 100000; }, {"`v`", "__0_0.distcp", "are wanted"});
  check_change([](DcpSample& s) { s.slabs[2].offset = uint64_t(INT64_MAX); }, {"`v`", "are wanted"});
  check_change([](DcpSample& s) { s.slabs[2].length -= 1; }, {"__0_0.distcp"});
  check_change([](DcpSample& s) { s.slabs[2].offset -= 1; }, {"__0_0.distcp"});
  check_change([](DcpSample& s) { s.objects[0].length += 1; }, {"m._extra_state", "are wanted"});
  check_change(
      [](DcpSample& s) {
        s.tensors.push_back({"twin", {3}});
        s.slabs.push_back(s.slabs[2]);
        s.slabs.back().key = "twin";
      },
      {"are also those of"});
  check_change([](DcpSample& s) { std::swap(s.slabs[0].sizes, s.slabs[0].offsets); }, {"`m`"});
  check_change([](DcpSample& s) { s.dtype = "int32"; }, {"it is F32", ".metadata says I32"});
  check_change([](DcpSample& s) { s.dtype = "strided"; }, {"its dtype `torch.strided` is not known"});
  for (const char* name : {"../__0_0.distcp", "/etc/passwd", "a/b.distcp", "x.pt", "..", ".distcp\n"})
    check_change([&](DcpSample& s) { s.slabs[2].file = name; }, {"not the plain name of a .distcp file"});
  check_change([](DcpSample& s) { s.slabs[2].file = "__7_7.distcp"; }, {"__7_7.distcp", "No such file"});
}

TEST_CASE("dcp: what stands around the slabs") {
  check_change([](DcpSample& s) { s.metadata_json = R"({"sharded_backend": "zarr"})"; }, {"metadata.json", "\"zarr\""});
  check_change([](DcpSample& s) { s.metadata_json = "[]"; }, {"metadata.json", "no `sharded_backend`"});
  check_change([](DcpSample& s) { s.common = asm_::pickle(asm_::integer(1)); }, {"common.pt", "not a dict"});
  const TempFolder folder;
  const auto path = dcp_sample(folder).put(folder);
  const std::string whole = get(path / "iter_0000003/.metadata");
  for (size_t length = 0; length < whole.size(); length += 7) {
    folder.put("ckpt/iter_0000003/.metadata", whole.substr(0, length));
    check_refused([&] { open_checkpoint(path); }, {".metadata"});
  }
  folder.put("ckpt/iter_0000003/.metadata", asm_::pickle(asm_::call(asm_::global("os", "system"), {asm_::text("id")})));
  check_refused([&] { open_checkpoint(path); }, {".metadata", "os.system"});
  std::filesystem::remove(path / "iter_0000003/.metadata");
  check_refused([&] { open_checkpoint(path); }, {".metadata", "No such file"});
}

TEST_CASE("dcp: every bit of .metadata is either refused or read as it was") {
  const TempFolder folder;
  const auto path = dcp_sample(folder).put(folder);
  const std::string whole = get(path / "iter_0000003/.metadata");
  const auto seen = [&] {
    const auto reader = open_checkpoint(path);
    std::map<std::string, std::vector<float>> out;
    for (const TensorInfo& tensor : reader->contents().tensors) out[tensor.name] = slab_floats(*reader, tensor);
    return out;
  };
  const auto right = seen();
  size_t other = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    folder.put("ckpt/iter_0000003/.metadata", flipped);
    try {
      const auto found = seen();
      for (const auto& read : found)  // a name may be another, values may not
        other += std::none_of(right.begin(), right.end(), [&](const auto& one) { return one.second == read.second; });
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::world);
    }
  }
  CHECK(other == 0);
}

TEST_CASE("dcp: objects of other classes") {
  const std::string classes = "torch.distributed.checkpoint.metadata";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {classes + "\nMetadata\n", "vorch.distributed.checkpoint.metadata\nMetadata\n"},
      {classes + "\nTensorStorageMetadata\n", classes + "\nTensorStorageMetadat\n"},
      {classes + "\nChunkStorageMetadata\n", "other\nChunkStorageMetadata\n"},
      {classes + "\nTensorProperties\n", "other\nTensorProperties\n"},
      {classes + "\nMetadataIndex\n", "other\nMetadataIndex\n"}};
  for (const auto& [right, wrong] : cases) {
    const TempFolder folder;
    const DcpSample sample = dcp_sample(folder);
    const auto path = sample.put(folder);
    std::string text = sample.metadata();
    for (size_t at = text.find(right); at != std::string::npos; at = text.find(right, at + 1))
      text.replace(at, right.size(), wrong);
    REQUIRE(text != sample.metadata());
    folder.put("ckpt/iter_0000003/.metadata", text);
    check_refused([&] { open_checkpoint(path); }, {".metadata"});
  }
}
