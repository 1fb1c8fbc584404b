// Folders of Hugging Face: what is found in them, how index and shards must agree, and what is written.
#include <sys/stat.h>

#include "base/text.h"
#include "store/formats.h"
#include "store/hf_dir.h"
#include "store/safetensors_text.h"
#include "store/temp_folder.h"

using namespace tessera;
using namespace tessera::testing;

namespace fs = std::filesystem;

namespace {

const std::string first = "model-00001-of-00002.safetensors", second = "model-00002-of-00002.safetensors";
const std::string index_name = "model.safetensors.index.json";

// m.a and m.b in the first shard, m.c in the second.
struct Sharded : TempFolder {
  Sharded() {
    put(first, tiny("ab"));
    put(second, tiny("c"));
    index(R"({"metadata":{"total_size":3},"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})");
  }
  void index(std::string text) {
    for (const auto& [from, to] : {std::pair{"$1", first}, {"$2", second}})
      for (size_t at; (at = text.find(from)) != text.npos;) text.replace(at, 2, to);
    put(index_name, text);
  }
};

std::string names(const Contents& contents) {
  std::string out;
  for (const TensorInfo& tensor : contents.tensors) out += tensor.name + " ";
  return out;
}

std::string data(const Reader& reader) {
  std::string out;
  for (StorageId id = 0; id < reader.contents().storages.size(); ++id) {
    std::string part(reader.contents().storages[id].bytes, '?');
    reader.read(id, 0, std::as_writable_bytes(std::span(part)));
    reader.verify(id);
    out += part;
  }
  return out;
}

void check_warned(const Contents& contents, const std::string& word) {
  REQUIRE_MESSAGE(contents.warnings.size() == 1, join(contents.warnings, "; "));
  CHECK_MESSAGE(contents.warnings[0].find(word) != std::string::npos, contents.warnings[0]);
}

}  // namespace

TEST_CASE("hf: a folder with an index") {
  const Sharded folder;
  const auto reader = open_checkpoint(folder.path());
  const Contents& contents = reader->contents();
  CHECK(contents.format == "safetensors");
  CHECK(contents.side == "hf");
  CHECK(names(contents) == "m.a m.b m.c ");
  CHECK(contents.files.size() == 2);
  CHECK(contents.storages[2].file == 1);
  CHECK(data(*reader) == "abc");
  CHECK(contents.warnings.empty());
  CHECK(!contents.has_config);
  reader->check_unchanged();
  fs::resize_file(folder / second, 4);
  check_refused([&] { reader->check_unchanged(); }, {second, "changed"});
}

TEST_CASE("hf: what is read when there is more than one way") {
  Sharded folder;
  SUBCASE("a shard may be a link") {
    fs::rename(folder / second, folder / "blob");
    fs::create_symlink("blob", folder / second);
    CHECK(data(*open_checkpoint(folder.path())) == "abc");
  }
  SUBCASE("one file is taken before an index") {
    folder.put("model.safetensors", tiny("xy"));
    const auto reader = open_checkpoint(folder.path());
    CHECK(data(*reader) == "xy");
    check_warned(reader->contents(), index_name);
  }
  SUBCASE("safetensors are taken before .bin") {
    folder.put("pytorch_model.bin", "anything");
    check_warned(open_checkpoint(folder.path())->contents(), "pytorch_model.bin");
  }
  SUBCASE("a shard that the index does not name") {
    folder.put("model-00003-of-00002.safetensors", tiny("z"));
    check_warned(open_checkpoint(folder.path())->contents(), "model-00003-of-00002.safetensors");
  }
  SUBCASE("the only file, whatever its name") {
    const TempFolder other;
    other.put("consolidated.safetensors", tiny("q"));
    CHECK(names(open_checkpoint(other.path())->contents()) == "m.q ");
  }
  SUBCASE("a file by itself, with the config.json beside it") {
    folder.put("config.json", R"({"model_type":"x"})");
    const auto reader = open_checkpoint(folder / first);
    CHECK(names(reader->contents()) == "m.a m.b ");
    CHECK(reader->contents().has_config);
    CHECK(reader->contents().root == folder / first);
  }
}

TEST_CASE("hf: no checkpoint") {
  const TempFolder folder;
  check_refused([&] { open_checkpoint(folder.path()); },
                {"no checkpoint", "model.safetensors", "pytorch_model.bin.index.json", "mp_rank_"});
  folder.put(first, tiny("a"));
  folder.put(second, tiny("b"));
  check_refused([&] { open_checkpoint(folder.path()); }, {"2 weight files", first});
  check_refused([&] { open_checkpoint(folder / "nothing"); }, {"nothing: cannot open"});
  check_refused([&] { open_checkpoint("/dev/zero"); }, {"/dev/zero: is a device"});
  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  check_refused([&] { open_checkpoint(folder / "fifo"); }, {"is a FIFO"});
  check_refused([&] { open_checkpoint(folder.put("page", "<!DOCTYPE html>")); },
                {"page: not a checkpoint but an HTML page"});
}

TEST_CASE("hf: an index that is refused") {
  struct Row {
    std::string index;
    std::vector<std::string> words;
  };
  const std::vector<Row> rows = {
      {"", {"at byte 0"}},
      {"null", {"must be an object"}},
      {"[]", {"must be an object"}},
      {"{}", {"`weight_map` is missing"}},
      {R"({"weight_map":null})", {"`weight_map` must be an object"}},
      {R"({"weight_map":{}})", {"`weight_map` is empty"}},
      {R"({"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"},"weight_map":{}})", {"weight_map"}},
      {R"({"weight_map":{"m.a":"$1","m.a":"$1","m.b":"$1","m.c":"$2"}})", {"m.a"}},
      {R"({"metadata":[],"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})", {"`metadata` must be an object"}},
      {R"({"metadata":{"total_size":"3"},"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})", {"total_size"}},
      {R"({"metadata":{"total_size":-3},"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})", {"total_size"}},
      {R"({"metadata":{"total_size":1180591620717411303424},"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})",
       {"total_size"}},
      {R"({"weight_map":{"m.a":1,"m.b":"$1","m.c":"$2"}})", {"`m.a`: its shard must be a string, at byte 21"}},
      {R"({"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}},"x":1})", {"not valid JSON", "at byte"}},
      {R"({"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"},"x":})", {"not valid JSON: `x` has no value"}},
      {R"({"x":[1}],"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})", {"not valid JSON", "at byte 7"}},
      {R"({"x":"]})", {"a string does not end, at byte 5"}},
      {R"({"x":[[1,2],"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})", {"not valid JSON", "at byte"}},
      {R"({"x":1 2,"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})", {"not valid JSON", "at byte 7"}},
      {R"({"weight_map":{"m.a":"../$1","m.b":"$1","m.c":"$2"}})",
       {"`m.a`", "is not the plain name of a .safetensors file"}},
      {R"({"weight_map":{"m.a":"pytorch_model.bin","m.b":"$1","m.c":"$2"}})", {"`m.a`", "pytorch_model.bin"}},
      {R"({"weight_map":{"m.a":"$1","m.b":"$1","m.c":"model-00009-of-00009.safetensors"}})",
       {"shard model-00009-of-00009.safetensors is missing"}},
      {R"({"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2","m.ghost":"$2"}})", {"`m.ghost` is not in " + second}},
      {R"({"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2","m.x":"$2","m.y":"$1"}})", {"`m.x`", "and 1 more"}},
      {R"({"weight_map":{"m.a":"$1","m.c":"$2"}})", {"`m.b` of " + first + " is not in the index"}},
      {R"({"weight_map":{"m.a":"$1","m.b":"$2","m.c":"$2"}})", {"`m.b` stands in " + first, "says " + second}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.index);
    Sharded folder;
    folder.index(row.index);
    std::vector<std::string> words = row.words;
    words.push_back(index_name);
    check_refused([&] { open_checkpoint(folder.path()); }, words);
  }
}

TEST_CASE("hf: an index that is accepted") {
  const std::vector<std::pair<std::string, const char*>> rows = {
      {R"({"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})", ""},
      {R"({"metadata":{"total_size":3.0,"total_parameters":3},"x":[1],"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})",
       ""},
      {R"({"metadata":{"total_size":4},"weight_map":{"m.a":"$1","m.b":"$1","m.c":"$2"}})",
       "total_size is 4, the shards hold 3 bytes"},
  };
  for (const auto& [index, warning] : rows) {
    Sharded folder;
    folder.index(index);
    const auto reader = open_checkpoint(folder.path());
    CHECK(names(reader->contents()) == "m.a m.b m.c ");
    if (*warning)
      check_warned(reader->contents(), warning);
    else
      CHECK(reader->contents().warnings.empty());
  }
}

TEST_CASE("hf: a tensor in two shards, a broken shard") {
  Sharded folder;
  SUBCASE("twice") {
    folder.put(second, tiny("ca"));
    check_refused([&] { open_checkpoint(folder.path()); }, {"`m.a` stands in " + second, first});
  }
  SUBCASE("empty") {
    folder.put(second, "");
    check_refused([&] { open_checkpoint(folder.path()); }, {second + ": not a safetensors file"});
  }
  SUBCASE("a folder") {
    fs::remove(folder / second);
    fs::create_directory(folder / second);
    check_refused([&] { open_checkpoint(folder.path()); }, {second + ": is a directory"});
  }
}

TEST_CASE("hf: config.json") {
  const TempFolder folder;
  folder.put("model.safetensors", tiny("a"));
  folder.put("config.json", R"({"n": 9007199254740993, "t": "ä", "x": null})");
  const Contents contents = open_checkpoint(folder.path())->contents();
  CHECK(contents.has_config);
  CHECK(*contents.config.find("n")->as_int() == 9007199254740993);
  for (const std::string bad : {"", "[]", "{", R"({"a":1,"a":2})", "{}{}", "\xef\xbb\xbf{}", R"({"a":NaN})"}) {
    folder.put("config.json", bad);
    check_refused([&] { open_checkpoint(folder.path()); }, {"config.json: "});
  }
  folder.put("config.json", "");
  fs::resize_file(folder / "config.json", (uint64_t{16} << 20) + 1);
  check_refused([&] { open_checkpoint(folder.path()); }, {"config.json: ", "the limit is 16777216"});
  fs::remove(folder / "config.json");
  fs::create_symlink("config.json", folder / "config.json");
  check_refused([&] { open_checkpoint(folder.path()); }, {"config.json: cannot open"});
}

TEST_CASE("hf: side files") {
  const TempFolder folder;
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "spiece.model", "vocab.txt", "merges.txt", "README.md",
        "generation_config.json", "modeling_x.py", "chat_template.jinja", "training_args.bin", "model.safetensors"})
    folder.put(name, "x");
  fs::create_directory(folder / "tokenizer");
  std::vector<std::string> got;
  for (const fs::path& path : side_files_of(folder.path())) got.push_back(path.filename());
  CHECK(join(got, " ") ==
        "chat_template.jinja generation_config.json merges.txt modeling_x.py spiece.model tokenizer.json "
        "tokenizer_config.json vocab.txt");
  fs::create_symlink("nowhere", folder / "vocab.json");
  fs::create_symlink("added_tokens.json", folder / "added_tokens.json");  // a loop: it leads nowhere either
  CHECK(side_files_of(folder.path()).size() == got.size());
}
