// Stored deflate blocks written by hand, and what must be refused of them.
#include "store/inflate.h"
#include "store/temp_folder.h"

using namespace tessera;
using tessera::testing::check_refused;
using tessera::testing::TempFolder;

namespace {

struct Packed {
  TempFolder folder;
  InputFile file;
  explicit Packed(const std::string& stream) : file(folder.put("f", "head" + stream + "tail")) {}
};

std::string part(const Packed& p, const Deflated& range, uint64_t at, size_t n) {
  std::string out(n, '?');
  InflateStream(p.file, range, "data/0").read(at, std::as_writable_bytes(std::span(out)));
  return out;
}

}  // namespace

TEST_CASE("a deflated range gives its declared bytes, whole or in part") {
  const std::string stored(
      "\x01\x03\x00\xfc\xff"
      "abc",
      8);
  const Packed p(stored);
  CHECK(part(p, {4, 8, 3}, 0, 3) == "abc");
  CHECK(part(p, {4, 8, 3}, 1, 1) == "b");
  CHECK(part(p, {4, 8, 3}, 3, 0) == "");
}

TEST_CASE("broken streams and lies about sizes are refused by name") {
  const std::string stored(
      "\x01\x03\x00\xfc\xff"
      "abc",
      8);
  struct Row {
    const char* what;
    std::string stream;
    Deflated range;
    const char* word;
  };
  const std::vector<Row> rows = {
      {"result longer than declared", stored, {4, 8, 2}, "more than 2 bytes"},
      {"result shorter than declared", stored, {4, 8, 4}, "inflates to 3 bytes, 4 were declared"},
      {"packed bytes left over", stored, {4, 9, 3}, "bytes follow the end"},
      {"stream cut", stored, {4, 6, 3}, "ends early"},
      {"block type 3",
       "\x07"
       "abcdefg",
       {4, 8, 3},
       "broken deflate stream"},
      {"a bomb, by its declared sizes alone", stored, {4, 8, uint64_t{17} << 20}, "200:1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Packed p(row.stream);
    check_refused([&] { inflate(p.file, row.range, "data/0", [](auto) { return true; }); },
                  {"/f: data/0: ", row.word, "at byte"});
  }
}

TEST_CASE("results over several blocks") {
  // 1,000 stored blocks of 300 bytes each, so that parts lie across blocks of the stream and of the reader.
  std::string stream, all;
  for (int i = 0; i < 1000; ++i) {
    const std::string text(300, static_cast<char>('a' + i % 26));
    stream += i == 999 ? '\x01' : '\x00';
    stream += std::string("\x2c\x01\xd3\xfe", 4) + text;
    all += text;
  }
  const Packed p(stream);
  const Deflated range{4, stream.size(), all.size()};
  std::string got;
  inflate(p.file, range, "x", [&](std::span<const std::byte> block) {
    got.append(reinterpret_cast<const char*>(block.data()), block.size());
    return true;
  });
  CHECK(got == all);
  for (const size_t at : {size_t{0}, size_t{65'535}, size_t{65'536}, size_t{131'000}, all.size() - 600})
    CHECK(part(p, range, at, 600) == all.substr(at, 600));
  InflateStream forward(p.file, range, "x");
  for (size_t at = 0; at < all.size(); at += 7001) {
    std::string piece(std::min<size_t>(7001, all.size() - at), '?');
    CHECK(forward.front() <= at);
    forward.read(at, std::as_writable_bytes(std::span(piece)));
    CHECK(piece == all.substr(at, 7001));
  }
  std::byte beyond;
  check_refused([&] { forward.read(all.size(), std::span(&beyond, 1)); }, {"x: byte 300000 of 300000"});
}
