// Manifests: out, in, and every doubt; an output compared with one; what an interrupted run leaves.
#include <atomic>

#include "base/text.h"
#include "store/file.h"
#include "store/formats.h"
#include "store/hash_file.h"
#include "store/hashing_writer.h"
#include "store/identity.h"
#include "store/manifest.h"
#include "store/manifest_check.h"
#include "store/parallel.h"
#include "store/resume_state.h"
#include "store/temp_folder.h"

using namespace tessera;
using namespace tessera::testing;

namespace fs = std::filesystem;

namespace {

const std::string empty_hash = "99aa06d3014798d86001c324468d497f";  // XXH3-128 of nothing, as its authors publish it

Manifest example(bool hashed) {
  const std::string hash = hashed ? empty_hash : "";
  Manifest manifest{"0.1", empty_hash, hashed, {}, {}, {}};
  manifest.sources = {{"model.safetensors", 7, hash}};
  manifest.files = {{"a/data", 20, hash}, {"config.json", 3, hash}};
  manifest.tensors = {{"w\"\n", 0, 4, 8, hash}, {"b", 0, 12, 0, hash}, {"c", 0, 12, 8, hash}};
  return manifest;
}

std::string replaced(std::string text, const std::string& a, const std::string& b) {
  const size_t at = text.find(a);
  REQUIRE(at != std::string::npos);
  return text.replace(at, a.size(), b);
}

// Two files: one of two tensors with bytes around them, one without any.
struct Output {
  TempFolder folder;
  Manifest manifest{"0.1", empty_hash, true, {}, {}, {}};
  Output() {
    folder.put("d/data",
               "head"
               "AAAA"
               "mid"
               "BB"
               "tail");
    folder.put("note", "hello");
    manifest.files = {{"d/data", 17,
                       hash_text("head"
                                 "mid"
                                 "tail")},
                      {"note", 5, hash_text("hello")}};
    manifest.tensors = {{"a", 0, 4, 4, hash_text("AAAA")}, {"b", 0, 11, 2, hash_text("BB")}};
  }
  std::vector<Damage> check() const { return compare(manifest, {folder.path(), {}, false, 2, {}, {}}); }
};

}  // namespace

TEST_CASE("manifest: what is written is read") {
  for (const bool hashed : {true, false}) {
    const Manifest manifest = example(hashed);
    const std::string text = to_text(manifest);
    const Manifest again = parse_manifest(text, "m");
    CHECK(to_text(again) == text);
    CHECK(again.hashed == hashed);
    CHECK(again.tensors[0].name == "w\"\n");
    CHECK((text.find("\"self\"") != std::string::npos) == hashed);
    CHECK(text.ends_with("\n}\n"));
  }
}

TEST_CASE("manifest: no bit of it can change") {
  const std::string text = to_text(example(true));
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string other = text;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
    CHECK_THROWS_AS(parse_manifest(other, "m"), Error);
  }
  for (const std::string& other : {text + "\n", text.substr(1), " " + text})
    CHECK_THROWS_AS(parse_manifest(other, "m"), Error);
}

TEST_CASE("manifest: what could not have been written is refused") {
  const std::string text = to_text(example(false));
  const auto refused = [&](const std::string& a, const std::string& b, const std::string& word) {
    CAPTURE(b);
    check_refused([&] { parse_manifest(replaced(text, a, b), "the-file"); }, {"the-file", word});
  };
  refused("a/data", "/data", "not the path");
  refused("a/data", "../data", "not the path");
  refused("config.json", "a/data", "twice");
  refused("\"offset\": 4", "\"offset\": 9", "`b`");
  refused("\"offset\": 12, \"bytes\": 8", "\"offset\": 12, \"bytes\": 9", "`c`");
  refused("\"offset\": 12, \"bytes\": 8", "\"offset\": 9223372036854775807, \"bytes\": 9223372036854775807", "`c`");
  refused("\"bytes\": 7", "\"bytes\": -7", "not a count");
  refused("\"manifest\": 1", "\"manifest\": 2", "newer");
  refused("\"tessera\"", "\"other\"", "`tessera`");
  refused("\"sources\": [", "\"more\": 1, \"sources\": [", "keys");
}

TEST_CASE("manifest: an output is compared byte by byte") {
  const Output out;
  CHECK(out.check().empty());
  const std::string data = get(out.folder / "d/data");
  for (size_t at = 0; at < data.size(); ++at) {
    std::string other = data;
    other[at] = '?';
    out.folder.put("d/data", other);
    const auto damage = out.check();
    REQUIRE(damage.size() == 1);
    CHECK(damage[0].file == "d/data");
    CHECK(damage[0].tensor == (at >= 4 && at < 8 ? "a" : at >= 11 && at < 13 ? "b" : ""));
  }
  out.folder.put("d/data", data + "x");
  CHECK(out.check().at(0).what == "has 18 bytes, 17 were written");
  fs::remove(out.folder / "d/data");
  CHECK(out.check().at(0).what == "is missing");
  const auto only_note = [](const std::string& file) { return file == "note"; };
  CHECK(compare(out.manifest, {out.folder.path(), only_note, false, 1, {}, {}}).empty());
}

TEST_CASE("manifest: the hashes of a writer are those of its files") {
  for (const char* format : {"safetensors", "bin", "torch", "torch_dist"}) {
    CAPTURE(format);
    const TempFolder folder, beside;
    OutputSpec spec;
    spec.places.resize(1);
    spec.side_files = {beside.put("tokenizer.json", "{}"), beside.put("tokenizer.model", std::string(3'000'000, 'x'))};
    spec.path = folder.path();
    spec.format = format;
    spec.max_shard_size = 9;
    spec.tensors = {{"a", DType::f32, {2}}, {"none", DType::f32, {0}}, {"b", DType::f32, {1}}};
    const auto inner = create_checkpoint(spec);
    std::vector<std::string> told(3);
    HashingWriter writer(*inner, [&](uint32_t tensor, const std::string& hash) { told[tensor] = hash; });
    writer.open(nullptr);
    const std::string a = "aaaaAAAA", b = "bbbb";
    writer.write(0, 0, std::as_bytes(std::span(a)).first(3));
    CHECK(told[0].empty());
    writer.write(0, 3, std::as_bytes(std::span(a)).subspan(3));
    writer.write(2, 0, std::as_bytes(std::span(b)));
    CHECK(told == std::vector<std::string>{hash_text(a), "", hash_text(b)});
    writer.finish(false);
    Manifest manifest{"0.1", empty_hash, true, {}, {}, {}};
    describe_output(manifest, spec, writer, writer.hashes());
    for (const SmallFile& mark : writer.marks()) write_whole_file(folder.path() / mark.path, mark.bytes, false);
    CHECK(compare(manifest, {folder.path(), {}, false, 1, {}, {}}).empty());
    CHECK(manifest.tensors.size() == 3);
    CHECK(to_text(parse_manifest(to_text(manifest), "m")) == to_text(manifest));
  }
}

TEST_CASE("writers: a tensor that is kept is not written, and the file is the same") {
  for (const char* format : {"safetensors", "bin", "torch", "torch_dist"}) {
    CAPTURE(format);
    const TempFolder folder;
    OutputSpec spec;
    spec.path = folder / "first";
    spec.format = format;
    spec.places.resize(1);
    spec.tensors = {{"a", DType::f32, {2}}, {"b", DType::f32, {1}}};
    const std::string a = "aaaaAAAA", b = "bbbb";
    const auto write = [&](bool keep) {
      fs::create_directories(spec.path);
      const auto writer = create_checkpoint(spec);
      writer->open(nullptr);
      keep ? writer->keep(0, 0x89116df2u) : writer->write(0, 0, std::as_bytes(std::span(a)));
      writer->write(1, 0, std::as_bytes(std::span(b)));
      writer->finish(false);
      return get(spec.path / writer->files()[writer->places()[0].file].path);
    };
    const std::string first = write(false);
    const auto at = first.find(a);
    REQUIRE(at != std::string::npos);
    std::string begun = first;
    for (size_t i = 0; i < begun.size(); ++i)
      if (i < at || i >= at + a.size()) begun[i] = '?';
    spec.path = folder / "second";
    const auto writer = create_checkpoint(spec);
    folder.put("second/" + writer->files()[writer->places()[0].file].path.string(), begun + "longer than it will be");
    CHECK(write(true) == first);
  }
}

TEST_CASE("resume state: lines that are whole are read") {
  const TempFolder folder;
  const ResumeKey key{empty_hash, hash_text("s")};
  CHECK(!read_resume_state(folder.path()));
  {
    ResumeLog log(folder.path(), key);
    log.add(3, hash_text("3"));
    log.add(1, hash_text("1"));
  }
  const std::string text = get(folder / resume_file);
  {
    folder.put(resume_file, text + "2 " + hash_text("2").substr(5));  // cut short by a kill
    ResumeLog log(folder.path(), key);
    log.add(3, hash_text("again"));
  }
  const auto state = read_resume_state(folder.path());
  REQUIRE(state);
  CHECK(state->key == key);
  CHECK(state->finished == std::map<uint32_t, std::string>{{1, hash_text("1")}, {3, hash_text("again")}});
  for (const char* other : {"", "\n", "tessera-resume 2 a b\n", "hello"}) {
    folder.put(resume_file, other);
    CHECK(!read_resume_state(folder.path()));
  }
}

TEST_CASE("identity: every change of a source is one") {
  const TempFolder folder;
  const fs::path file = folder.put("f", "abc");
  const auto before = identify({file});
  require_unchanged(before);
  const std::string hash = hash_of(before, folder.path());
  CHECK(hash_of(identify({file}), folder.path()) == hash);
  SUBCASE("its time") { fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(1)); }
  SUBCASE("its size") { folder.put("f", "abcd"); }
  SUBCASE("another file of that name") {
    folder.put("g", "abc");
    fs::last_write_time(folder / "g", fs::last_write_time(file));
    fs::rename(folder / "g", file);
  }
  check_refused([&] { require_unchanged(before); }, {"/f: changed during the run"});
  CHECK(hash_of(identify({file}), folder.path()) != hash);
}

TEST_CASE("parallel: all of it once, and the first fault") {
  for (const int threads : {0, 1, 3, 50}) {
    std::vector<std::atomic<int>> times(20);
    in_parallel(times.size(), threads, [&](size_t i) { ++times[i]; });
    for (const auto& n : times) CHECK(n == 1);
    CHECK_THROWS_WITH_AS(in_parallel(20, threads,
                                     [](size_t i) {
                                       if (i == 7) fail_world("seven");
                                     }),
                         "seven", Error);
  }
  in_parallel(0, 4, [](size_t) { FAIL("nothing to do"); });
}

TEST_CASE("parallel: of several faults that of the first thing, whichever came first") {
  for (const int threads : {1, 2, 8}) {
    std::atomic<bool> later = threads == 1;
    const auto f = [&](size_t i) {
      if (i == 1) later = true, later.notify_all(), fail_world("one");
      if (i != 0) return;
      later.wait(false);
      fail_world("zero");
    };
    CHECK_THROWS_WITH_AS(in_parallel(2, threads, f), "zero", Error);
  }
}
