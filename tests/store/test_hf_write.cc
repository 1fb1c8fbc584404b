// Folders that are written: names and texts as transformers' save_pretrained makes them, and the way back.
#include <set>

#include "base/text.h"
#include "store/file.h"
#include "store/formats.h"
#include "store/limits.h"
#include "store/temp_folder.h"

using namespace tessera;
using namespace tessera::testing;

namespace fs = std::filesystem;

namespace {

// Three tensors of 4, 4 and 2 bytes.
OutputSpec example(const fs::path& path, const std::string& format, uint64_t most) {
  OutputSpec spec;
  spec.path = path;
  spec.format = format;
  spec.max_shard_size = most;
  spec.tensors = {{"w.b", DType::f32, {1}}, {"w.a", DType::f32, {1}}, {"w.h", DType::bf16, {1}}};
  spec.config["model_type"] = "x";
  spec.config["a"] = 1e-5;
  return spec;
}

void write_example(Writer& writer, const fs::path& folder) {
  const std::vector<std::string> data = {"bbbb", "aaaa", "hh"};
  writer.open(nullptr);
  for (uint32_t i = 0; i < 3; ++i) writer.write(i, 0, std::as_bytes(std::span(data[i])));
  writer.finish(false);
  for (const SmallFile& mark : writer.marks()) write_whole_file(folder / mark.path, mark.bytes, false);
}

std::string names(const fs::path& folder) {
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder)) found.insert(entry.path().filename());
  return join({found.begin(), found.end()}, " ");
}

std::string bytes_of(const Reader& reader, const std::string& name) {
  for (const TensorInfo& tensor : reader.contents().tensors) {
    if (tensor.name != name) continue;
    std::string out(4, '?');
    out.resize(reader.contents().storages[tensor.chunks[0].storage].bytes);
    reader.read(tensor.chunks[0].storage, 0, std::as_writable_bytes(std::span(out)));
    return out;
  }
  return "not there";
}

}  // namespace

TEST_CASE("hf: one shard has no index") {
  for (const auto& [format, file] : {std::pair{"safetensors", "model.safetensors"}, {"bin", "pytorch_model.bin"}}) {
    const std::string shown = format;
    CAPTURE(shown);
    const TempFolder folder;
    const auto writer = create_checkpoint(example(folder.path(), format, 1000));
    write_example(*writer, folder.path());
    CHECK(names(folder.path()) == tessera::format("config.json {}", file));
    CHECK(get(folder / "config.json") == "{\n  \"a\": 1e-05,\n  \"model_type\": \"x\"\n}\n");
    const auto reader = open_checkpoint(folder.path());
    CHECK(reader->contents().format == format);
    CHECK(bytes_of(*reader, "w.a") == "aaaa");
    CHECK(bytes_of(*reader, "w.h") == "hh");
  }
}

TEST_CASE("hf: several shards, their names, their index") {
  const std::vector<std::array<std::string, 3>> rows = {
      {"safetensors", "model-0000{}-of-00002.safetensors", "model.safetensors.index.json"},
      {"bin", "pytorch_model-0000{}-of-00002.bin", "pytorch_model.bin.index.json"}};
  for (const auto& [format, shard, index] : rows) {
    const std::string shown = format;
    CAPTURE(shown);
    const TempFolder folder;
    const auto writer = create_checkpoint(example(folder.path(), format, 7));
    write_example(*writer, folder.path());
    const std::string first = fmt::format(fmt::runtime(shard), 1), second = fmt::format(fmt::runtime(shard), 2);
    CHECK(get(folder / index) ==
          tessera::format("{{\n  \"metadata\": {{\n    \"total_size\": 10\n  }},\n  \"weight_map\": {{\n"
                          "    \"w.a\": \"{1}\",\n    \"w.b\": \"{0}\",\n    \"w.h\": \"{1}\"\n  }}\n}}\n",
                          first, second));
    const auto reader = open_checkpoint(folder.path());
    CHECK(reader->contents().warnings.empty());
    for (const char* name : {"w.a", "w.b", "w.h"}) CHECK(bytes_of(*reader, name)[0] == name[2]);
    CHECK(writer->places()[0].file == 0);
    CHECK(writer->places()[1].file == 1);
  }
}

TEST_CASE("hf: all files are announced with their final sizes, before the first write") {
  const TempFolder folder, source;
  OutputSpec spec = example(folder.path(), "safetensors", 7);
  spec.side_files = {source.put("tokenizer.json", "{}"), source.put("config.json", "old"),
                     source.put("sub/tokenizer.json", "other")};
  const auto writer = create_checkpoint(spec);
  const std::vector<FileInfo> announced = writer->files();
  CHECK(fs::is_empty(folder.path()));
  write_example(*writer, folder.path());
  for (const FileInfo& file : announced) CHECK(fs::file_size(folder.path() / file.path) == file.bytes);
  CHECK(announced.size() == 5);
  CHECK(names(folder.path()) ==
        "config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json "
        "tokenizer.json");
  CHECK(get(folder / "tokenizer.json") == "{}");
  CHECK(get(folder / "config.json").starts_with("{\n  \"a\""));
}

TEST_CASE("hf: there are no ranks, and formats have names") {
  const TempFolder folder;
  OutputSpec spec = example(folder.path(), "safetensors", 7);
  spec.mesh[0] = 2;
  check_refused([&] { create_checkpoint(spec); }, {"`safetensors` has no ranks"}, Fault::usage);
  spec.format = "gguf";
  check_refused([&] { create_checkpoint(spec); }, {"format `gguf` cannot be written"}, Fault::usage);
  CHECK(find_format("bin")->side == "hf");
  CHECK(find_format("gguf") == nullptr);
}

TEST_CASE("hf: a name that the readers would refuse is not written") {
  const TempFolder folder;
  const std::string longest(limits::name_bytes, 'w');
  for (const std::string& name :
       {std::string(), std::string("__metadata__"), std::string("a\0b", 3), std::string("\xff"), longest + "w"}) {
    CAPTURE(escape(name));
    for (const char* format : {"safetensors", "bin"}) {
      OutputSpec spec = example(folder.path(), format, 1000);
      spec.tensors[1].name = name;
      check_refused([&] { create_checkpoint(spec); }, {"is no name which every format can hold"}, Fault::mapping);
    }
  }
  OutputSpec spec = example(folder.path(), "safetensors", 1000);
  spec.tensors[1].name = longest;
  CHECK(create_checkpoint(spec) != nullptr);
}

TEST_CASE("hf: what goes along does not stand in for the output's own files") {
  const TempFolder folder, other;
  OutputSpec spec = example(folder.path(), "safetensors", 1000);
  for (const char* name : {"latest_checkpointed_iteration.txt", ".metadata", "release", "iter_0000001", "mp_rank_00",
                           "tessera.json", ".tessera-resume", "config.json", "model.safetensors", "words.txt"})
    spec.side_files.push_back(other.put(name, "x"));
  write_example(*create_checkpoint(spec), folder.path());
  CHECK(names(folder.path()) == "config.json model.safetensors words.txt");
  spec.side_files = {other.put("a\nb", "x")};
  check_refused([&] { create_checkpoint(spec); }, {"a\\x0ab: goes along", "no plain text"});
}
