// Splitting, naming, and which names an index may hold.
#include <doctest/doctest.h>

#include <array>

#include "store/shards.h"

using namespace tessera;

TEST_CASE("split_shards: examples of huggingface_hub's own tests, and the rule of big tensors") {
  using Shards = std::vector<std::vector<uint32_t>>;
  struct Row {
    std::vector<uint64_t> sizes;
    uint64_t most;
    Shards shards;
  };
  const std::vector<Row> rows = {
      {{}, 10, {{}}},
      {{3}, 10, {{0}}},
      {{6, 6, 2, 6, 2, 2}, 10, {{0}, {1, 2}, {3, 4, 5}}},
      {{5, 5}, 10, {{0, 1}}},
      {{5, 5, 1}, 10, {{0, 1}, {2}}},
      // the second is too big for any shard: it is put down at once, before the shard that is open
      {{2, 11, 3}, 10, {{1}, {0, 2}}},
      {{11}, 10, {{0}}},
      {{11, 12}, 10, {{0}, {1}}},
      {{10, 0, 1}, 10, {{0, 1}, {2}}},
  };
  for (const Row& row : rows) CHECK(split_shards(row.sizes, row.most) == row.shards);
}

TEST_CASE("shard_name") {
  CHECK(shard_name("model", ".safetensors", 0, 1) == "model.safetensors");
  CHECK(shard_name("model", ".safetensors", 1, 12) == "model-00002-of-00012.safetensors");
  CHECK(shard_name("pytorch_model", ".bin", 99'999, 100'000) == "pytorch_model-100000-of-100000.bin");
}

TEST_CASE("is_shard_name: one plain file name with the extension of a weight file") {
  using namespace std::string_view_literals;
  constexpr std::array<std::string_view, 2> extensions = {".bin", ".pt"};
  for (const auto good : {"a.bin"sv, "model-00001-of-00002.bin"sv, "..a.pt"sv, "ä b.bin"sv})
    CHECK(is_shard_name(good, extensions));
  for (const auto bad :
       {""sv,         ".bin"sv,      "."sv,           ".."sv,          "a"sv,         "a.txt"sv,          "/a.bin"sv,
        "../a.bin"sv, "x/a.bin"sv,   "x\\a.bin"sv,    "C:a.bin"sv,     "a.bin/"sv,    "a\0.bin"sv,        "a.bin\0"sv,
        "a\n.bin"sv,  "a\x7f.bin"sv, "a\u0085.bin"sv, "a\u202e.bin"sv, "a\xff.bin"sv, "https://h/a.bin"sv})
    CHECK_MESSAGE(!is_shard_name(bad, extensions), std::string(bad));
  CHECK(!is_shard_name(std::string(252, 'a') + ".bin", extensions));
}
