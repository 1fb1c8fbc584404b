// Each tensor is written by one thread, so what belongs to it needs no lock.
#include "store/hashing_writer.h"

namespace tessera {

HashingWriter::HashingWriter(Writer& inner, Done done)
    : inner_(inner),
      done_(std::move(done)),
      open_(inner.places().size()),
      hashes_(inner.places().size(), Hasher().hex()) {}

void HashingWriter::write(uint32_t tensor, uint64_t offset, std::span<const std::byte> bytes) {
  inner_.write(tensor, offset, bytes);
  std::unique_ptr<Hasher>& hasher = open_[tensor];
  if (!hasher) hasher = std::make_unique<Hasher>();
  hasher->add(bytes);
  if (offset + bytes.size() < places()[tensor].bytes) return;
  hashes_[tensor] = hasher->hex();
  hasher.reset();
  if (done_) done_(tensor, hashes_[tensor]);
}

void HashingWriter::keep(uint32_t tensor, uint32_t crc, std::string hash) {
  inner_.keep(tensor, crc);
  hashes_[tensor] = std::move(hash);
}

}  // namespace tessera
