// CRC-32 of zip members and the 128-bit fingerprint of manifests (ISA-L, XXH3 and nettle come in here).
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tessera {

// The polynomial of zip and gzip. `seed` is the CRC of the bytes before: crc32(b, crc32(a)) == crc32(ab).
uint32_t crc32(std::span<const std::byte> bytes, uint32_t seed = 0);
// Of two runs of bytes, one behind the other, from the CRC-32 of each and the length of the second.
uint32_t crc32_joined(uint32_t first, uint32_t second, uint64_t second_bytes);

// XXH3-128 of a stream of bytes.
class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();
  void add(std::span<const std::byte> bytes);
  std::string hex() const;  // of all bytes so far: 32 lower-case digits, most significant first

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// SHA-256 of a stream, as other tools print it.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  std::string hex();  // 64 lower-case digits; ends the stream

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tessera
