// The zip container: bytes of a good archive are changed one place at a time, and each change is refused.
#include <zlib.h>

#include <algorithm>

#include "base/text.h"
#include "store/checksum.h"
#include "store/torch_samples.h"
#include "store/zip_read.h"

using namespace tessera;
using namespace tessera::testing;
using namespace tessera::testing::asm_;

namespace {

const std::string six = floats({0, 1, 2, 3, 4, 5});
const Bytes state = pickle(dict({{text("x"), tensor(storage("0", 6), 0, {6}, {1})}}));

// A plain archive as any zip tool writes it: sizes in front, no padding, no zip64.
struct Member {
  std::string name, bytes;
  int method = 0;
  std::string packed = {};  // of a deflated one; made if empty
};

std::string deflated(const std::string& bytes) {
  std::string out(bytes.size() + 100, '\0');
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string plain_zip(std::vector<Member> members) {
  std::string out, directory;
  for (Member& m : members) {
    const size_t at = out.size();
    if (m.method == 8 && m.packed.empty()) m.packed = deflated(m.bytes);
    const std::string& data = m.method == 8 ? m.packed : m.bytes;
    const uint32_t crc = crc32(std::as_bytes(std::span(m.bytes)));
    const std::string common = little(static_cast<uint64_t>(m.method), 2) + little(0, 4) + little(crc, 4) +
                               little(data.size(), 4) + little(m.bytes.size(), 4) + little(m.name.size(), 2);
    out += "PK\3\4" + little(0, 4) + common + little(0, 2) + m.name + data;
    directory += "PK\1\2" + little(0, 6) + common + little(0, 12) + little(at, 4) + m.name;
  }
  const size_t at = out.size(), count = members.size();
  return out + directory + "PK\5\6" + little(0, 4) + little(count, 2) + little(count, 2) + little(directory.size(), 4) +
         little(at, 4) + little(0, 2);
}

std::vector<Member> members() { return {{"a/data.pkl", state}, {"a/data/0", six}, {"a/version", "3\n"}}; }

std::unique_ptr<Reader> open(const TempFolder& folder, const std::string& bytes) {
  auto reader = open_torch_file(folder.put("x.pt", bytes));
  for (StorageId id = 0; id < reader->contents().storages.size(); ++id) reader->verify(id);
  return reader;
}

void check_good(const TempFolder& folder, const std::string& bytes) {
  const auto reader = open(folder, bytes);
  CHECK(elements(*reader, tensor_named(*reader, "x")) == six);
}

}  // namespace

TEST_CASE("zip: archives of other writers") {
  const TempFolder folder;
  check_good(folder, plain_zip(members()));
  std::vector<Member> reversed = members();
  std::swap(reversed[0], reversed[2]);
  check_good(folder, plain_zip(reversed));
  for (Member& m : reversed) m.method = 8;
  check_good(folder, plain_zip(reversed));
}

TEST_CASE("zip: a later version of the format") {
  const TempFolder folder;
  std::string bytes = plain_zip(members());
  const size_t version = bytes.find("PK\1\2") + 6;
  bytes[version] = 63;
  check_good(folder, bytes);
  bytes[version] = 64;
  check_refused([&] { open(folder, bytes); }, {"version 6.4"});
}

TEST_CASE("zip: deflated storages are read in any order") {
  const TempFolder folder;
  std::string large(100'000, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * i >> 3);
  const Bytes value = pickle(dict({{text("x"), tensor(storage("0", 25'000), 0, {25'000}, {1})}}));
  const auto reader = open(folder, plain_zip({{"a/data.pkl", value}, {"a/data/0", large, 8}, {"a/version", "3"}}));
  for (const size_t at : {size_t{90'000}, size_t{0}, size_t{50'000}}) {
    std::string part(1000, '\0');
    reader->read(0, at, std::as_writable_bytes(std::span(part)));
    CHECK(part == large.substr(at, 1000));
  }
}

TEST_CASE("zip: big-endian storages are swapped by element, wherever a read begins") {
  const TempFolder folder;
  std::string swapped = six;
  for (size_t i = 0; i < swapped.size(); i += 4)
    std::reverse(swapped.begin() + static_cast<ptrdiff_t>(i), swapped.begin() + static_cast<ptrdiff_t>(i + 4));
  const auto reader = open(
      folder, plain_zip({{"a/data.pkl", state}, {"a/data/0", swapped}, {"a/version", "3"}, {"a/byteorder", "big"}}));
  for (uint64_t at = 0; at < 24; ++at)
    for (size_t count = 0; at + count <= 24; ++count) {
      std::string part(count, '\0');
      reader->read(0, at, std::as_writable_bytes(std::span(part)));
      CHECK(part == six.substr(at, count));
    }
}

TEST_CASE("zip: refused members") {
  const TempFolder folder;
  struct Refused {
    std::string what;
    std::vector<Member> members;
    std::string word;
  };
  const auto with = [](Member extra) {
    std::vector<Member> all = members();
    all.push_back(std::move(extra));
    return all;
  };
  const auto instead = [](size_t i, Member other) {
    std::vector<Member> all = members();
    all[i] = std::move(other);
    return all;
  };
  const std::vector<Refused> cases = {
      {"no pickle", {{"a/version", "3"}}, "no data.pkl"},
      {"no version", {{"a/data.pkl", state}, {"a/data/0", six}}, "no version"},
      {"no storage", {{"a/data.pkl", state}, {"a/version", "3"}}, "data/0"},
      {"version 0", instead(2, {"a/version", "0\n"}), "version"},
      {"version 11", instead(2, {"a/version", "11"}), "version"},
      {"version of words", instead(2, {"a/version", "3x"}), "`3x`"},
      {"version of a megabyte", instead(2, {"a/version", std::string(1 << 20, '3'), 8}), "version"},
      {"byteorder", with({"a/byteorder", "middle"}), "`middle`"},
      {"TorchScript", with({"a/constants.pkl", "x"}), "TorchScript"},
      {"storage too short", instead(1, {"a/data/0", six.substr(1)}), "data/0"},
      {"storage too long", instead(1, {"a/data/0", six + "x"}), "data/0"},
      {"twice", with({"a/data/0", six}), "twice"},
      {"another top folder", with({"b/x", "x"}), "not under a/"},
      {"no folder", with({"x", "x"}), "top folder"},
      {"up", with({"a/../x", "x"}), "`..`"},
      {"absolute", with({"/etc/x", "x"}), "empty"},
      {"backslash", with({"a/b\\c", "x"}), "backslash"},
      {"drive", with({"C:/x", "x"}), "drive"},
      {"NUL", with({"a/b\0c"s, "x"}), "control"},
      {"not UTF-8", with({"a/\xFF", "x"}), "UTF-8"},
      {"a folder", with({"a/b/", ""}), "empty"},
      {"long", with({"a/" + std::string(5000, 'x'), "x"}), "long"},
      {"not deflate", instead(1, {"a/data/0", six, 8, std::string(24, '\xFF')}), "data/0"},
      {"deflate cut", instead(1, {"a/data/0", six, 8, deflated(six).substr(0, 5)}), "data/0"},
      {"deflate and more", instead(1, {"a/data/0", six, 8, deflated(six) + "tail"}), "data/0"},
      {"pickle bomb", instead(0, {"a/data.pkl", std::string(20 << 20, 'N'), 8}), "data.pkl"},
  };
  for (const Refused& c : cases) {
    CAPTURE(c.what);
    check_refused([&] { open(folder, plain_zip(c.members)); }, {"x.pt", c.word});
  }
}

TEST_CASE("zip: no byte of structure may change") {
  const TempFolder folder;
  const std::string good = archive(folder, state, {six});
  check_good(folder, good);
  const size_t data = good.find("data/0"), header = good.rfind("PK\3\4", data), descriptor = good.find("PK\7\10", data);
  const size_t entry = good.rfind("PK\1\2", good.rfind("data/0")), end64 = good.rfind("PK\6\6"),
               locator = good.rfind("PK\6\7"), end = good.rfind("PK\5\6");
  struct Change {
    std::string what;
    size_t at;
    std::string bytes;
  };
  const std::vector<Change> changes = {
      {"local signature", header, "PK\3\5"},
      {"local flags", header + 6, "\x09"},
      {"local method", header + 8, "\x08"},
      {"local name", data, "data/1"},
      {"local extra length", header + 28, "\xFF\xFF"},
      {"local size", header + 22, little(23, 4)},
      {"local checksum", header + 14, little(23, 4)},
      {"descriptor's signature", descriptor, "PK\7\7"},
      {"descriptor's checksum", descriptor + 4, little(23, 4)},
      {"descriptor's size", descriptor + 12, little(23, 4)},
      {"entry's signature", entry, "PK\1\3"},
      {"encrypted", entry + 8, little(0x809, 2)},
      {"masked", entry + 8, little(0x2808, 2)},
      {"method", entry + 10, "\x0C"},
      {"checksum", entry + 16, little(23, 4)},
      {"packed size", entry + 20, little(23, 4)},
      {"size", entry + 24, little(23, 4)},
      {"size of 2^32-1 and no zip64", entry + 24, little(UINT32_MAX, 4)},
      {"name length", entry + 28, "\xFF\x0F"},
      {"extra length", entry + 30, "\xFF\x0F"},
      {"comment length", entry + 32, "\x01"},
      {"disk", entry + 34, "\x01"},
      {"offset", entry + 42, little(1, 4)},
      {"offset beyond the end", entry + 42, little(1'000'000, 4)},
      {"offset of another member", entry + 42, little(0, 4)},
      {"zip64 signature", end64, "PK\6\5"},
      {"zip64 length", end64 + 4, little(45, 8)},
      {"zip64 count", end64 + 32, little(3, 8)},
      {"zip64 size", end64 + 40, little(UINT64_MAX, 8)},
      {"zip64 offset", end64 + 48, little(UINT64_MAX, 8)},
      {"locator", locator + 8, little(0, 8)},
      {"count", end + 10, "\x01"},
      {"count on this disk", end + 8, "\x01"},
      {"size of the directory", end + 12, little(40, 4)},
      {"offset of the directory", end + 16, little(0, 4)},
      {"number of disks", end + 4, "\x01"},
      {"comment", end + 20, "\x01"},
  };
  for (const Change& change : changes) {
    CAPTURE(change.what);
    std::string bad = good;
    bad.replace(change.at, change.bytes.size(), change.bytes);
    REQUIRE(bad != good);
    check_refused([&] { open(folder, bad); }, {"x.pt"});
  }
  for (const std::string& bad : {good + "x", "x" + good, good + good, "MZ" + good})
    check_refused([&] { open(folder, bad); }, {"x.pt"});
  for (size_t size = 0; size < good.size(); ++size)
    check_refused([&] { open(folder, good.substr(0, size)); }, {"x.pt"});
}

TEST_CASE("zip: no flipped bit gives other tensors") {
  const TempFolder folder;
  const std::string good = archive(folder, state, {six});
  size_t refused = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    try {
      const auto reader = open(folder, bad);
      CAPTURE(bit);
      REQUIRE(reader->contents().tensors.size() == 1);
      CHECK(elements(*reader, tensor_named(*reader, "x")) == six);
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > good.size() * 4);
}

TEST_CASE("zip: contents are held to their checksums") {
  const TempFolder folder;
  const std::string good = archive(folder, state, {six});
  std::string storage = good, pickled = good;
  storage[good.find(six)] ^= 1;
  pickled[good.find(state) + 5] ^= 1;
  CHECK_NOTHROW(open_torch_file(folder.put("y.pt", storage)));
  check_refused([&] { open(folder, storage); }, {"x.pt", "data/0", "checksum"});
  check_refused([&] { open_torch_file(folder.put("x.pt", pickled)); }, {"x.pt", "data.pkl", "checksum"});
}

TEST_CASE("zip: all checksums 0 were not computed") {
  const TempFolder folder;
  std::string bytes = plain_zip(members());
  for (const char* signature : {"PK\3\4", "PK\1\2"})
    for (size_t at = bytes.find(signature); at != std::string::npos; at = bytes.find(signature, at + 1))
      bytes.replace(at + (signature[2] == 1 ? 16 : 14), 4, 4, '\0');
  const auto reader = open(folder, bytes);
  REQUIRE(reader->contents().warnings.size() == 1);
  CHECK(reader->contents().warnings[0].find("no checksums") != std::string::npos);
}

TEST_CASE("zip: what nothing refers to is told") {
  const TempFolder folder;
  std::vector<Member> all = members();
  all.push_back({"a/notes.txt", "x"});
  all.push_back({"a/data/7", "x"});
  const auto reader = open(folder, plain_zip(all));
  REQUIRE(reader->contents().warnings.size() == 2);
  CHECK(reader->contents().warnings[0].find("notes.txt") != std::string::npos);
  CHECK(reader->contents().warnings[1].find("data/7") != std::string::npos);
}

TEST_CASE("zip: an archive within a file") {
  const TempFolder folder;
  const std::string inner = archive(folder, state, {six});
  const std::filesystem::path path = folder.put("x.distcp", "before" + inner + "behind");
  const InputFile file(path);
  const TorchArchive slice(InputFile(path), read_torch_slice(file, {6, inner.size()}).storages);
  std::string read(six.size(), '\0');
  slice.read(0, 0, std::as_writable_bytes(std::span(read)));
  CHECK(read == six);
  check_refused([&] { slice.read(0, six.size() - 3, std::as_writable_bytes(std::span(read).first(4))); },
                {"x.distcp", "4 bytes are wanted at 21, it has 24"});
  check_refused([&] { read_torch_slice(file, {6, inner.size() + 1}); }, {"x.distcp"});
}
