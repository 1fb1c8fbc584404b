// Megatron's folders: trackers, names of ranks, meshes, and ranks that contradict each other.
#include "base/text.h"
#include "store/formats.h"
#include "store/megatron_dir.h"
#include "store/torch_samples.h"

using namespace tessera;
using namespace tessera::testing;
using namespace tessera::testing::asm_;

namespace {

const std::string six = floats({0, 1, 2, 3, 4, 5});
using Pairs = std::vector<std::pair<Bytes, Bytes>>;

Bytes weight(const std::vector<int64_t>& shape = {6}) {
  return tensor(storage("0", 6), 0, shape, shape.size() == 1 ? std::vector<int64_t>{1} : std::vector<int64_t>{3, 1});
}
Bytes model(const Pairs& more = {}) {
  Pairs pairs = {{text("x.weight"), weight()}, {text("x._extra_state"), none}};
  pairs.insert(pairs.end(), more.begin(), more.end());
  return dict(pairs);
}
Bytes arguments(const std::vector<std::pair<std::string, int64_t>>& sizes, const Pairs& more = {}) {
  Pairs pairs = more;
  for (const auto& [key, size] : sizes) pairs.push_back({text(key), integer(size)});
  return global("argparse", "Namespace") + ")\x81" + dict(pairs) + "b";
}
Bytes mesh_arguments(int64_t tp, int64_t pp, int64_t ep = 1, int64_t etp = 0) {
  std::vector<std::pair<std::string, int64_t>> sizes = {
      {"tensor_model_parallel_size", tp}, {"pipeline_model_parallel_size", pp}, {"expert_model_parallel_size", ep}};
  if (etp != 0) sizes.push_back({"expert_tensor_parallel_size", etp});
  return arguments(sizes);
}
Pairs rank(const Bytes& args, const Pairs& rest = {{text("model"), model()}}) {
  Pairs pairs = {{text("args"), args}, {text("checkpoint_version"), real(3)}, {text("iteration"), integer(5)}};
  pairs.insert(pairs.end(), rest.begin(), rest.end());
  return pairs;
}

// A checkpoint in a folder of its own, iteration 5.
struct Tree {
  TempFolder folder;
  std::string iteration = "iter_0000005";

  explicit Tree(const std::string& tracker = "5") { folder.put(megatron_tracker, tracker); }
  Tree& put(const std::string& label, const Pairs& pairs, const std::string& file = "model_optim_rng.pt") {
    folder.put(iteration + "/" + label + "/" + file, archive(folder, pickle(dict(pairs)), {six}));
    std::filesystem::remove_all(folder / "made");
    return *this;
  }
  Tree& put_all(const std::vector<std::string>& labels, const Pairs& pairs) {
    for (const std::string& label : labels) put(label, pairs);
    return *this;
  }
  std::unique_ptr<Reader> open() const { return open_megatron(folder.path()); }
};

std::string labels(const Contents& contents) {
  std::vector<std::string> out;
  for (const PlaceInfo& place : contents.places) out.push_back(place.label);
  return join(out, " ");
}

}  // namespace

TEST_CASE("megatron: meshes and their folders") {
  struct Case {
    std::vector<std::string> folders;
    Bytes args;
    Mesh mesh;
    std::string places;
  };
  const std::vector<Case> cases = {
      {{"mp_rank_00"}, mesh_arguments(1, 1), {1, 1, 1, 1, 1}, "mp_rank_00"},
      {{"mp_rank_00", "mp_rank_01"}, mesh_arguments(2, 1), {2, 1, 1, 1, 2}, "mp_rank_00 mp_rank_01"},
      {{"mp_rank_00", "mp_rank_01"}, arguments({{"model_parallel_size", 2}}), {2, 1, 1, 1, 2}, "mp_rank_00 mp_rank_01"},
      {{"mp_rank_00_000", "mp_rank_00_001"}, mesh_arguments(1, 2), {1, 2, 1, 1, 1}, "mp_rank_00_000 mp_rank_00_001"},
      {{"mp_rank_00_000", "mp_rank_00_001"}, mesh_arguments(1, 1, 2), {1, 1, 1, 2, 1}, "mp_rank_00_000 mp_rank_00_001"},
      {{"mp_rank_00_000", "mp_rank_00_001", "mp_rank_01_000", "mp_rank_01_001"},
       mesh_arguments(2, 2),
       {2, 2, 1, 1, 2},
       "mp_rank_00_000 mp_rank_01_000 mp_rank_00_001 mp_rank_01_001"},
      {{"mp_rank_00_000_000", "mp_rank_00_001_000", "mp_rank_01_000_001", "mp_rank_01_001_001"},
       mesh_arguments(2, 2, 2, 1),
       {2, 2, 1, 2, 1},
       "mp_rank_00_000_000 mp_rank_01_000_001 mp_rank_00_001_000 mp_rank_01_001_001"},
  };
  for (const Case& c : cases) {
    Tree tree;
    const auto reader = tree.put_all(c.folders, rank(c.args)).open();
    CHECK(reader->contents().mesh == c.mesh);
    CHECK(labels(reader->contents()) == c.places);
    REQUIRE(reader->contents().tensors.size() == c.folders.size());
    for (uint32_t i = 0; i < c.folders.size(); ++i) CHECK(reader->contents().tensors[i].place == i);
  }
}

TEST_CASE("megatron: places of a folded mesh") {
  const auto shown = [](const Mesh& mesh) {
    std::vector<std::string> out;
    for (const PlaceInfo& place : megatron_places(mesh))
      out.push_back(format("{}{}{}{}{}", place.at[0], place.at[1], place.at[2], place.at[3], place.at[4]));
    return join(out, " ");
  };
  CHECK(shown({2, 1, 1, 2, 2}) == "00000 00010 10001 10011");
  CHECK(shown({2, 1, 1, 4, 1}) == "00000 00020 10010 10030");
  CHECK(shown({1, 2, 2, 1, 1}) == "00000 01000 00100 01100");
}

TEST_CASE("megatron: virtual stages are places of one folder") {
  Tree tree;
  const Pairs chunks = {{text("model0"), model()}, {text("model1"), model({{text("y"), weight()}})}};
  const auto reader = tree.put_all({"mp_rank_00_000", "mp_rank_00_001"}, rank(mesh_arguments(1, 2), chunks)).open();
  CHECK(reader->contents().mesh == Mesh{1, 2, 2, 1, 1});
  CHECK(labels(reader->contents()) == "mp_rank_00_000 mp_rank_00_001 mp_rank_00_000 mp_rank_00_001");
  CHECK(reader->contents().places[2].at == Coordinates{0, 0, 1, 0, 0});
  CHECK(reader->contents().tensors.size() == 6);
  CHECK(tensor_named(*reader, "y", 2).place == 2);
  CHECK(tensor_named(*reader, "y", 3).place == 3);
}

TEST_CASE("megatron: without arguments, folders and names tell the mesh") {
  const auto open = [](const Bytes& other) {
    Tree tree;
    const Pairs first = {{text("model"), model()}}, second = {{text("model"), dict({{other, weight()}})}};
    return tree.put("mp_rank_00_000", first).put("mp_rank_00_001", second).open();
  };
  CHECK(open(text("y.weight"))->contents().mesh == Mesh{1, 2, 1, 1, 1});
  CHECK(open(text("x.weight"))->contents().mesh == Mesh{1, 1, 1, 2, 1});
  const auto reader = open(text("x.weight"));
  CHECK_FALSE(reader->contents().has_config);
  CHECK(*reader->contents().config.find("checkpoint_version") == Value(0.0));
}

TEST_CASE("megatron: configuration") {
  Tree tree;
  tree.folder.put("config.json", "{\"model_type\": \"t\"}");
  tree.folder.put("tokenizer.json", "{}");
  tree.put("mp_rank_00", rank(arguments({{"tensor_model_parallel_size", 1}},
                                        {{text("params_dtype"), global("torch", "float16")},
                                         {text("type"), call(global("p.enums", "Type"), {integer(1)})}})));
  const auto reader = tree.open();
  const Contents& contents = reader->contents();
  CHECK(contents.format == "torch");
  CHECK(contents.root == tree.folder.path());
  CHECK(*contents.config.find("params_dtype") == Value(Opaque{"dtype", "torch.float16"}));
  CHECK(*contents.config.find("type") == Value(Opaque{"object", "p.enums.Type(1)"}));
  CHECK(*contents.config.find("iteration") == Value(5));
  CHECK(*contents.companion_config.find("model_type") == Value("t"));
  REQUIRE(contents.side_files.size() == 1);
  CHECK(contents.side_files[0].filename() == "tokenizer.json");
}

TEST_CASE("megatron: where a path leads") {
  Tree tree("5\n");
  tree.put("mp_rank_00", rank(mesh_arguments(1, 1)));
  const std::filesystem::path folder = tree.folder / "iter_0000005";
  CHECK(find_megatron(tree.folder.path())->folder == folder);
  CHECK(find_megatron(folder)->root == tree.folder.path());
  CHECK(find_megatron(folder / "")->iteration == 5);
  check_refused([&] { find_megatron(folder / "mp_rank_00"); }, {"one rank"});
  const TempFolder other;
  other.put("a/b", "c");
  CHECK_FALSE(find_megatron(other.path()).has_value());
  CHECK(open_torch_file(folder / "mp_rank_00/model_optim_rng.pt")->contents().side == "mcore");

  Tree release("release");
  release.iteration = "release";
  release.put("mp_rank_00", rank(mesh_arguments(1, 1)));
  CHECK(release.open()->contents().config.find("iteration") == nullptr);
}

TEST_CASE("megatron: trackers that lead nowhere") {
  const std::vector<std::string> trackers = {"",
                                             " \n",
                                             "latest",
                                             "-5",
                                             "+5",
                                             "5.0",
                                             "0x5",
                                             "5 6",
                                             "5\n6\n",
                                             "6",
                                             "release",
                                             "../5",
                                             "iter_0000005",
                                             "5\0"s,
                                             "\xEF\xBB\xBF"
                                             "5",
                                             std::string(100, '5')};
  for (const std::string& tracker : trackers) {
    CAPTURE(tracker);
    Tree tree(tracker);
    tree.put("mp_rank_00", rank(mesh_arguments(1, 1)));
    check_refused([&] { tree.open(); }, {megatron_tracker});
  }
  Tree tree;
  tree.put("mp_rank_00", rank(mesh_arguments(1, 1)));
  std::filesystem::remove(tree.folder / megatron_tracker);
  check_refused([&] { tree.open(); }, {megatron_tracker, "iter_0000005"});
}

TEST_CASE("megatron: a folder with optimizer state only is no rank") {
  Tree tree;
  tree.put("mp_rank_00", rank(mesh_arguments(1, 1)), "model_rng.pt");
  tree.put("mp_rank_00_000", {{text("optimizer"), none}}, "optim.pt");
  CHECK(labels(tree.open()->contents()) == "mp_rank_00");
}

TEST_CASE("megatron: ranks that are missing, left over or misnamed") {
  struct Refused {
    std::vector<std::string> folders;
    Bytes args;
    std::vector<std::string> words;
  };
  const std::vector<Refused> cases = {
      {{"mp_rank_00"}, mesh_arguments(2, 1), {"mp_rank_01", "missing", "tensor_model_parallel_size 2"}},
      {{"mp_rank_01"}, mesh_arguments(2, 1), {"mp_rank_00", "missing"}},
      {{"mp_rank_00", "mp_rank_01"}, mesh_arguments(1, 1), {"mp_rank_01", "too many"}},
      {{"mp_rank_00", "mp_rank_01"}, mesh_arguments(1'000'000, 1'000'000, 1'000'000), {"missing"}},
      {{"mp_rank_00", "mp_rank_01"}, mesh_arguments(1'000'001, 1), {"tensor_model_parallel_size", "1000001"}},
      {{"mp_rank_00"}, mesh_arguments(1, 0), {"pipeline_model_parallel_size", "0"}},
      {{"mp_rank_00_000", "mp_rank_00_002"}, mesh_arguments(1, 3), {"mp_rank_00_001", "missing"}},
      {{"mp_rank_00", "mp_rank_01_000"}, mesh_arguments(2, 1), {"mp_rank_01_000", "not named like"}},
      {{"mp_rank_00", "mp_rank_1"}, mesh_arguments(2, 1), {"mp_rank_1", "not a rank"}},
      {{"mp_rank_00", "mp_rank_001"}, mesh_arguments(2, 1), {"mp_rank_001", "not a rank"}},
      {{"mp_rank_00", "mp_rank_99999999999999999999"}, mesh_arguments(2, 1), {"mp_rank_9999", "not a rank"}},
      {{"mp_rank_00"}, mesh_arguments(1, 1, 1, 2), {"mp_rank_00", "share a folder"}},
  };
  for (const Refused& c : cases) {
    Tree tree;
    tree.put_all(c.folders, rank(c.args));
    check_refused([&] { tree.open(); }, c.words);
  }
  Tree tree;
  tree.put("mp_rank_00", rank(mesh_arguments(2, 1)));
  std::filesystem::create_directory(tree.folder / "iter_0000005/mp_rank_01");
  check_refused([&] { tree.open(); }, {"mp_rank_01", "no model_optim_rng.pt"});
  std::filesystem::remove(tree.folder / "iter_0000005/mp_rank_01");
  tree.folder.put("iter_0000005/mp_rank_01", "x");
  check_refused([&] { tree.open(); }, {"mp_rank_01", "not a folder"});
}

TEST_CASE("megatron: ranks that contradict each other") {
  const auto with = [](const Pairs& rest) { return rank(mesh_arguments(2, 1), rest); };
  const auto args = [](const Bytes& value) {
    return rank(arguments({{"tensor_model_parallel_size", 2}}, {{text("lr"), value}, {text("rank"), integer(1)}}));
  };
  const Pairs good =
      rank(arguments({{"tensor_model_parallel_size", 2}}, {{text("lr"), real(1)}, {text("rank"), integer(0)}}));
  struct Refused {
    std::string what;
    Pairs first, second;
    std::string word;
  };
  Pairs version = with({{text("model"), model()}}), iteration = version;
  version[1].second = real(2);
  iteration[2].second = integer(6);
  const Pairs plain = with({{text("model"), model()}});
  const std::vector<Refused> cases = {
      {"args", good, args(real(2)), "args.lr"},
      {"args absent", plain, {plain[1], plain[2], plain[3]}, "args is absent"},
      {"version", plain, version, "checkpoint_version"},
      {"iteration", plain, iteration, "iteration"},
      {"name", plain, with({{text("model"), dict({{text("y.weight"), weight()}})}}), "x.weight"},
      {"one more", plain, with({{text("model"), model({{text("z"), weight()}})}}), "`z`"},
      {"shape", plain, with({{text("model"), dict({{text("x.weight"), weight({2, 3})}})}}), "[2, 3]"},
      {"chunks", plain, with({{text("model0"), model()}, {text("model1"), model()}}), "virtual stages"},
  };
  for (const Refused& c : cases) {
    CAPTURE(c.what);
    Tree tree;
    tree.put("mp_rank_00", c.first).put("mp_rank_01", c.second);
    check_refused([&] { tree.open(); }, {"mp_rank_01", c.word});
  }
  Tree tree;
  CHECK_NOTHROW(tree.put("mp_rank_00", good).put("mp_rank_01", args(real(1))).open());
}

TEST_CASE("megatron: what a rank's file may not be") {
  struct Refused {
    std::string what;
    Pairs pairs;
    std::string word;
  };
  const Bytes args = mesh_arguments(1, 1);
  const auto replaced = [&](size_t i, const Bytes& value) {
    Pairs pairs = rank(args);
    pairs[i].second = value;
    return pairs;
  };
  const std::vector<Refused> cases = {
      {"args are a list", replaced(0, list({integer(1)})), "args"},
      {"version is text", replaced(1, text("3.0")), "checkpoint_version"},
      {"version 1.5", replaced(1, real(1.5)), "checkpoint_version"},
      {"version NaN", replaced(1, real(__builtin_nan(""))), "checkpoint_version"},
      {"iteration is text", replaced(2, text("5")), "iteration"},
      {"iteration -1", replaced(2, integer(-1)), "iteration"},
      {"no model", rank(args, {}), "no `model`"},
      {"model is a list", replaced(3, list({})), "model"},
      {"model is empty", replaced(3, dict({})), "model is empty"},
      {"model1 alone", rank(args, {{text("model1"), model()}}), "model"},
      {"model2 without model1", rank(args, {{text("model0"), model()}, {text("model2"), model()}}), "model2"},
      {"model and model0", rank(args, {{text("model"), model()}, {text("model0"), model()}}), "both"},
      {"an object in the model", replaced(3, model({{text("y"), call(global("p.q", "Float8Tensor"), {})}})), "`y`"},
      {"a list in the model", replaced(3, model({{text("y"), list({weight()})}})), "`y`"},
  };
  for (const Refused& c : cases) {
    CAPTURE(c.what);
    Tree tree;
    tree.put("mp_rank_00", c.pairs);
    check_refused([&] { tree.open(); }, {"mp_rank_00", c.word});
  }
}
