// Megatron checkpoints that are written: folders, keys, nesting of names, and the way back through the reader.
#include <set>

#include "base/text.h"
#include "store/file.h"
#include "store/formats.h"
#include "store/megatron_dir.h"
#include "store/megatron_pickle.h"
#include "store/torch_samples.h"

using namespace tessera;
using namespace tessera::testing;

namespace fs = std::filesystem;

namespace {

OutputSpec spec_of(const fs::path& path, const Mesh& mesh, const std::vector<std::string>& names) {
  OutputSpec spec;
  spec.path = path;
  spec.format = "torch";
  spec.mesh = mesh;
  spec.places = megatron_places(mesh);
  for (uint32_t place = 0; place < spec.places.size(); ++place)
    for (const std::string& name : names) spec.tensors.push_back({name, DType::bf16, {2, 3}, place});
  spec.config["tensor_model_parallel_size"] = mesh[0];
  spec.config["pipeline_model_parallel_size"] = mesh[1];
  spec.config["expert_model_parallel_size"] = mesh[3];
  spec.config["expert_tensor_parallel_size"] = mesh[4];
  spec.config["params_dtype"] = Opaque{"dtype", "torch.bfloat16"};
  spec.config["activation"] = Value();
  return spec;
}

std::string data_of(uint32_t tensor) { return std::string(12, static_cast<char>('a' + tensor)); }

void write_all(const OutputSpec& spec) {
  const auto writer = create_checkpoint(spec);
  CHECK(fs::is_empty(spec.path));
  writer->open(nullptr);
  for (uint32_t i = 0; i < spec.tensors.size(); ++i) {
    const std::string data = data_of(i);
    writer->write(i, 0, std::as_bytes(std::span(data)));
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
    CHECK(get(spec.path / writer->files()[place.file].path).substr(place.offset, place.bytes) == data_of(i));
  }
}

std::vector<std::string> rank_folders(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return {names.begin(), names.end()};
}

}  // namespace

TEST_CASE("megatron writer: meshes come back") {
  const std::vector<Mesh> meshes = {{1, 1, 1, 1, 1}, {2, 1, 1, 1, 2}, {2, 2, 1, 1, 2}, {1, 2, 2, 1, 1},
                                    {2, 1, 1, 2, 2}, {2, 2, 1, 2, 1}, {1, 2, 2, 2, 1}};
  for (const Mesh& mesh : meshes) {
    const TempFolder folder;
    OutputSpec spec = spec_of(folder.path(), mesh, {"b.weight", "a.weight"});
    spec.release = false;
    spec.iteration = 12;
    write_all(spec);
    CHECK(get(folder / megatron_tracker) == "12");
    const auto reader = open_checkpoint(folder.path());
    const Contents& contents = reader->contents();
    CHECK(contents.mesh == mesh);
    CHECK(*contents.config.find("checkpoint_version") == Value(3.0));
    CHECK(*contents.config.find("iteration") == Value(12));
    CHECK(*contents.config.find("params_dtype") == Value(Opaque{"dtype", "torch.bfloat16"}));
    REQUIRE(contents.config.find("activation") != nullptr);
    REQUIRE(contents.places.size() == spec.places.size());
    for (size_t i = 0; i < spec.places.size(); ++i) CHECK(contents.places[i].at == spec.places[i].at);
    for (uint32_t i = 0; i < spec.tensors.size(); ++i)
      CHECK(elements(*reader, tensor_named(*reader, spec.tensors[i].name, spec.tensors[i].place)) == data_of(i));
    for (StorageId id = 0; id < contents.storages.size(); ++id) reader->verify(id);
  }
}

TEST_CASE("megatron writer: a release, and its version") {
  const TempFolder folder;
  OutputSpec spec = spec_of(folder.path(), {2, 1, 1, 1, 2}, {"x"});
  spec.config["checkpoint_version"] = 2;
  const fs::path side = folder.put("from/tokenizer.json", "{}");
  spec.path = folder / "to";
  fs::create_directory(spec.path);
  spec.side_files = {side};
  write_all(spec);
  CHECK(get(spec.path / megatron_tracker) == "release");
  CHECK(get(spec.path / "tokenizer.json") == "{}");
  CHECK(rank_folders(spec.path / "release") == std::vector<std::string>{"mp_rank_00", "mp_rank_01"});
  const auto reader = open_checkpoint(spec.path);
  CHECK(*reader->contents().config.find("checkpoint_version") == Value(2.0));
}

TEST_CASE("megatron writer: nesting of names") {
  using Path = std::vector<std::string>;
  CHECK(dict_path("decoder.layers.0.mlp.weight", false) == Path{"decoder.layers.0.mlp.weight"});
  CHECK(dict_path("language_model.embedding.word_embeddings.weight", true) ==
        Path{"language_model", "embedding", "word_embeddings", "weight"});
  CHECK(dict_path("language_model.encoder.layers.0.mlp.weight", true) ==
        Path{"language_model", "encoder", "layers.0.mlp.weight"});
  CHECK(dict_path("language_model.output_layer.weight", true) == Path{"language_model", "output_layer", "weight"});
  CHECK(dict_path("word_embeddings_for_head.weight", true) == Path{"word_embeddings_for_head", "weight"});
  CHECK(dict_path("lm_head.dense.weight", true) == Path{"lm_head", "dense.weight"});
  CHECK(dict_path("weight", true) == Path{"weight"});
}

TEST_CASE("megatron writer: dicts of a legacy rank, on stages without language_model too") {
  const TempFolder folder;
  OutputSpec spec = spec_of(folder.path(), {1, 2, 1, 1, 1}, {});
  spec.tensors = {{"language_model.encoder.layers.0.a", DType::bf16, {2, 3}, 0},
                  {"language_model.encoder.layers.0.b", DType::bf16, {2, 3}, 0},
                  {"word_embeddings_for_head.weight", DType::bf16, {2, 3}, 1}};
  write_all(spec);
  const TorchFile first = read_torch_file(folder / "release/mp_rank_00_000/model_optim_rng.pt");
  const PickleTree& tree = first.tree;
  const auto language = tree.find(*tree.find(tree.root, "model"), "language_model");
  REQUIRE(language);
  const auto encoder = tree.find(*language, "encoder");
  REQUIRE(encoder);
  CHECK(tree.items(*encoder).size() == 4);
  CHECK(tree.find(*encoder, "layers.0.b"));
  const TorchFile last = read_torch_file(folder / "release/mp_rank_00_001/model_optim_rng.pt");
  const auto head = last.tree.find(*last.tree.find(last.tree.root, "model"), "word_embeddings_for_head");
  REQUIRE(head);
  CHECK(last.tree.find(*head, "weight"));
}

TEST_CASE("megatron writer: dummy optimizers") {
  const std::string expected =
      "{ step: 0, param_groups: [{ lr: 0.0, beta1: 0.0, beta2: 0.0, eps: 0.0, weight_decay: 0.0, correct_bias: false, "
      "params: [] }] }";
  const auto optimizer = [](const fs::path& path) {
    const TorchFile file = read_torch_file(path);
    return show(to_value(file.tree, *file.tree.find(file.tree.root, "optimizer")));
  };
  const TempFolder one, two;
  OutputSpec spec = spec_of(one.path(), {2, 1, 1, 1, 2}, {"x"});
  spec.options["dummy_optimizer"] = true;
  write_all(spec);
  CHECK(optimizer(one / "release/mp_rank_01/model_optim_rng.pt") == expected);

  spec.path = two.path();
  spec.options["dummy_optimizer"] = "distributed";
  spec.config["data_parallel_size"] = 2;
  write_all(spec);
  CHECK(rank_folders(two / "release") == std::vector<std::string>{"mp_rank_00", "mp_rank_00_000", "mp_rank_00_001",
                                                                  "mp_rank_01", "mp_rank_01_000", "mp_rank_01_001"});
  CHECK(fs::exists(two / "release/mp_rank_01/model_rng.pt"));
  CHECK(optimizer(two / "release/mp_rank_01_001/optim.pt") == expected);
  CHECK(open_checkpoint(two.path())->contents().mesh == spec.mesh);
}

TEST_CASE("megatron writer: refusals") {
  const TempFolder folder;
  check_refused(
      [&] {
        create_megatron(spec_of(folder.path(), {1, 1, 1, 1, 2}, {"x"}));
      },
      {"mp_rank_00", "torch_dist"}, Fault::usage);
  OutputSpec spec = spec_of(folder.path(), single_place, {"x"});
  spec.options["dummy_optimizer"] = "both";
  check_refused([&] { create_megatron(spec); }, {"dummy_optimizer", "both"}, Fault::usage);
  spec = spec_of(folder.path(), {1, 1, 1, 2, 1}, {"x"});
  spec.options["dummy_optimizer"] = "distributed";
  check_refused([&] { create_megatron(spec); }, {"dummy_optimizer"}, Fault::usage);
}
