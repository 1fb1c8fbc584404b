// Checksums of storages that are read in pieces.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "run/checked_storages.h"
#include "store/checksum.h"
#include "store/memory.h"

using namespace tessera;

namespace {

std::vector<std::byte> some_bytes(size_t n) {
  std::vector<std::byte> bytes(n);
  for (size_t i = 0; i < n; ++i) bytes[i] = std::byte(i * 37 + i / 251);
  return bytes;
}

uint32_t sum_of(std::span<const std::byte> all, uint64_t begin, uint64_t end) {
  return crc32(all.subspan(begin, end - begin));
}

// A checkpoint in memory whose storages have checksums; counts what is read.
class Summed : public MemoryCheckpoint {
 public:
  Summed(size_t storages, size_t bytes) {
    add_place({});
    for (size_t i = 0; i < storages; ++i) add(0, std::to_string(i), DType::u8, {int64_t(bytes)}, some_bytes(bytes));
    for (size_t i = 0; i < storages; ++i) edit().storages[i].summed = true;
    sums.assign(storages, crc32(some_bytes(bytes)));
  }
  std::optional<uint32_t> checksum(StorageId s) const override { return plain ? std::optional(sums[s]) : std::nullopt; }
  void verify(StorageId s) const override {
    ++verified;
    if (crc32(bytes(s)) != sums[s]) fail_world("damaged");
  }
  std::vector<uint32_t> sums;
  bool plain = true;
  mutable int verified = 0;
};

void read(CheckedStorages& storages, StorageId storage, uint64_t begin, uint64_t end) {
  std::vector<std::byte> out(end - begin);
  storages.read(storage, begin, out);
  const auto all = some_bytes(end);
  CHECK(std::equal(out.begin(), out.end(), all.begin() + std::ptrdiff_t(begin)));
}

}  // namespace

TEST_CASE("pieces in any order, and more than once, have the sum of the whole") {
  const auto all = some_bytes(1000);
  const std::vector<std::pair<uint64_t, uint64_t>> orders[] = {{{0, 1000}},
                                                               {{0, 10}, {10, 1000}},
                                                               {{10, 1000}, {0, 10}},
                                                               {{900, 1000}, {0, 300}, {300, 900}},
                                                               {{400, 500}, {300, 600}, {0, 1000}, {5, 7}}};
  for (const auto& order : orders) {
    PiecewiseSum sum;
    for (const auto& [from, to] : order) {
      CHECK(!sum.whole(1000));
      for (const auto& [begin, end] : sum.missing(from, to)) sum.add(begin, end, sum_of(all, begin, end));
      CHECK(sum.missing(from, to).empty());
      if (to == 1000 && from == 0) break;
    }
    CHECK(sum.whole(1000) == crc32(all));
    CHECK(!sum.whole(1001));
  }
}

TEST_CASE("what is missing") {
  PiecewiseSum sum;
  sum.add(10, 20, 1);
  sum.add(30, 40, 2);
  using Parts = std::vector<std::pair<uint64_t, uint64_t>>;
  CHECK(sum.missing(0, 50) == Parts{{0, 10}, {20, 30}, {40, 50}});
  CHECK(sum.missing(12, 18) == Parts{});
  CHECK(sum.missing(15, 35) == Parts{{20, 30}});
  CHECK(sum.missing(5, 12) == Parts{{5, 10}});
  CHECK(sum.missing(20, 20) == Parts{});
  sum.add(15, 25, 3);  // a part is known: left out
  CHECK(sum.missing(0, 50) == Parts{{0, 10}, {20, 30}, {40, 50}});
}

TEST_CASE("pieces that lie apart are not remembered without end") {
  PiecewiseSum sum;
  for (uint64_t i = 0; i < 100000; ++i) sum.add(2 * i, 2 * i + 1, 0);
  CHECK(sum.missing(0, 200000).size() <= 4097);
  CHECK(sum.missing(199998, 199999).size() == 1);
}

TEST_CASE("a storage that was read in pieces is not read again") {
  Summed source(2, 1000);
  CheckedStorages storages(source);
  for (uint64_t at = 0; at < 1000; at += 100) read(storages, 0, at, at + 100);
  for (uint64_t at = 1000; at > 0; at -= 50) read(storages, 1, at - 50, at);
  storages.finish(1);
  CHECK(source.verified == 0);
}

TEST_CASE("a storage of which a part was read is read for its checksum, once; another is not") {
  Summed source(2, 1000);
  CheckedStorages storages(source);
  read(storages, 1, 0, 999);
  storages.finish(1);
  storages.finish(1);
  read(storages, 1, 0, 1000);
  CHECK(source.verified == 1);
  storages.begin(0);
  storages.finish(2);
  CHECK(source.verified == 2);
}

TEST_CASE("damage shows with the last piece, at the end, or when asked for") {
  Summed source(3, 1000);
  for (auto& sum : source.sums) sum ^= 1;
  CheckedStorages storages(source);
  std::vector<std::byte> out(500);
  storages.read(0, 0, out);
  CHECK_THROWS_WITH_AS(storages.read(0, 500, out), "damaged", Error);
  storages.read(1, 0, out);
  CHECK_THROWS_WITH_AS(storages.require(1), "damaged", Error);
  storages.read(2, 0, out);
  CHECK_THROWS_WITH_AS(storages.finish(1), "damaged", Error);
}

TEST_CASE("bytes that are not those that were summed up are compared before they are read") {
  Summed source(1, 1000);
  source.plain = false;
  CheckedStorages storages(source);
  read(storages, 0, 0, 10);
  CHECK(source.verified == 1);
  read(storages, 0, 10, 1000);
  CHECK(source.verified == 1);
  source.sums[0] ^= 1;
  CheckedStorages others(source);
  std::vector<std::byte> out(10);
  CHECK_THROWS_WITH_AS(others.read(0, 0, out), "damaged", Error);
}
