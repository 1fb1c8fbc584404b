// Texts made to have one hash of the standard library's (murmur, with a seed that everybody knows) are told apart here.
#include <doctest/doctest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "base/text_hash.h"

namespace {

constexpr uint64_t factor = 0xc6a4a7935bd1e995, seed = 0xc70f6907;

uint64_t inverse(uint64_t odd) {
  uint64_t x = odd;
  for (int i = 0; i < 6; ++i) x *= 2 - odd * x;
  return x;
}

// Texts of 16 bytes: what the first eight leave behind, the last eight undo.
std::vector<std::string> colliding(size_t count) {
  const uint64_t back = inverse(factor);
  std::vector<std::string> out;
  for (uint64_t first = 1; out.size() < count; ++first) {
    const auto stir = [](uint64_t block) {
      block *= factor;
      return (block ^ block >> 47) * factor;
    };
    const uint64_t state = ((seed ^ 16 * factor) ^ stir(first)) * factor;
    uint64_t last = state * back;  // so that the state after it is 0
    last ^= last >> 47;
    last *= back;
    const uint64_t blocks[2] = {first, last};
    std::string text(16, '\0');
    std::memcpy(text.data(), blocks, 16);
    out.push_back(std::move(text));
  }
  return out;
}

}  // namespace

TEST_CASE("hash of texts: nobody can choose texts that meet") {
  const std::vector<std::string> texts = colliding(1000);
  std::set<size_t> known, ours;
  for (const std::string& text : texts) {
    known.insert(std::hash<std::string>()(text));
    ours.insert(tessera::text_hash(text));
  }
#ifdef __GLIBCXX__
  CHECK(known.size() == 1);
#endif
  CHECK(ours.size() == texts.size());
}
