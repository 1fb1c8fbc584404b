// Raw deflate of a known result size, streamed from a range of a file (zlib comes in here).
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "store/file.h"

namespace tessera {

// A deflated range of a file and the size that its result is declared to have.
struct Deflated {
  uint64_t offset = 0;  // of the first packed byte in the file
  uint64_t packed = 0;  // bytes in the file
  uint64_t bytes = 0;   // of the result
};

// Above the limit of the ratio.
bool is_inflated_too_far(uint64_t packed, uint64_t bytes);

// Hands the result to `sink` in blocks, front to back, in constant memory; `sink` returns false to stop early.
// Error(world) "<file>: <what>: ..., at byte N" if the declared sizes break the ratio limit (checked before the first
// byte), the stream is broken, ends early, or gives other than `bytes` bytes from exactly `packed` bytes.
void inflate(const InputFile& file, const Deflated& range, const std::string& what,
             const std::function<bool(std::span<const std::byte>)>& sink);

// The same, front to back in pieces of the caller's: what lies before the block that was read last is gone.
class InflateStream {
 public:
  InflateStream(const InputFile& file, Deflated range, std::string what);
  InflateStream(InflateStream&&) noexcept;
  ~InflateStream();
  uint64_t front() const;                            // the first byte of the result that can still be had
  void read(uint64_t at, std::span<std::byte> out);  // bytes [at, at + out.size()), from front() on

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tessera
