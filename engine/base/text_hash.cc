#include "base/text_hash.h"

#include <random>

#include "base/xxh3.h"

namespace tessera {
namespace {

uint64_t draw() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace

uint64_t text_hash(std::string_view text) {
  static const uint64_t key = draw();
  return XXH3_64bits_withSeed(text.data(), text.size(), key);
}

}  // namespace tessera
