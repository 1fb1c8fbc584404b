// Check values that the algorithms' authors publish.
#include <doctest/doctest.h>

#include <string_view>

#include "store/checksum.h"

using namespace tessera;

namespace {
std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
}  // namespace

TEST_CASE("crc32 is zip's, and goes on from a seed") {
  CHECK(crc32(bytes("")) == 0);
  CHECK(crc32(bytes("123456789")) == 0xcbf43926u);
  CHECK(crc32(bytes("56789"), crc32(bytes("1234"))) == 0xcbf43926u);
}

TEST_CASE("the CRC-32 of two runs from those of each") {
  CHECK(crc32_joined(crc32(bytes("1234")), crc32(bytes("56789")), 5) == 0xcbf43926u);
  CHECK(crc32_joined(crc32(bytes("")), crc32(bytes("123456789")), 9) == 0xcbf43926u);
  CHECK(crc32_joined(crc32(bytes("123456789")), crc32(bytes("")), 0) == 0xcbf43926u);
}

TEST_CASE("XXH3-128, whole and in pieces") {
  CHECK(Hasher().hex() == "99aa06d3014798d86001c324468d497f");
  const std::string text(5000, 'x');
  Hasher whole, pieces;
  whole.add(bytes(text));
  for (size_t at = 0; at < text.size(); at += 7) pieces.add(bytes(std::string_view(text).substr(at, 7)));
  CHECK(whole.hex() == pieces.hex());
  pieces.add(bytes("x"));
  CHECK(whole.hex() != pieces.hex());
}

TEST_CASE("a hasher can be moved") {
  Hasher a;
  a.add(bytes("abc"));
  const std::string hex = a.hex();
  const Hasher b = std::move(a);
  CHECK(b.hex() == hex);
}
