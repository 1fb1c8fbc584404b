// The stack machine's state and the moves that opcodes are made of. Opcodes themselves are a table (pickle_opcodes.cc);
// what values and calls mean is PickleBuilder's.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "store/pickle_build.h"

namespace tessera {

class PickleMachine {
 public:
  using Items = std::vector<PickleId>;
  // Thrown when a pickle goes on past the bytes that were read so far.
  struct NeedMore {};

  // `whole`: there is nothing behind `bytes`; else running out of them throws NeedMore.
  PickleMachine(std::string_view bytes, bool whole, PickleOptions options);
  uint64_t run();  // to STOP; returns the number of bytes used

  PickleBuilder build;

  // From the bytes.
  std::string_view take(uint64_t count);
  uint64_t number(size_t width);  // little-endian
  uint64_t signed_length();       // four bytes that Python takes for signed
  std::string_view line();        // without its end
  uint64_t index_line();          // a memo index in digits
  // The next `length` bytes must be there, and hold whole opcodes: a reader that buffers frames would fail else.
  void frame(uint64_t length);
  void protocol(uint64_t version);

  // On the stack. What is below the last MARK cannot be popped.
  void push(PickleId id) { stack_.push_back(id); }
  PickleId pop();
  PickleId top();
  Items pop_some(size_t count);
  Items pop_to_mark();
  PickleId take_behind_mark();  // the first value behind it
  void mark();
  void pop_or_unmark();
  void put(uint64_t index);  // the top into the memo
  void put_next() { put(remembered_); }
  void get(uint64_t index);

 private:
  static constexpr PickleId unset = UINT32_MAX;
  void check_limits(uint64_t steps) const;
  void check_frame() const;  // after an opcode
  std::string_view bytes_;
  bool whole_;
  uint64_t at_ = 0, frame_end_ = 0;
  Items stack_, memo_;
  uint64_t remembered_ = 0;    // indices of memo_ that are set
  std::vector<size_t> marks_;  // heights of the stack
};

using PickleOpcode = void (*)(PickleMachine&);
PickleOpcode find_opcode(unsigned char code);  // nullptr: unknown, or refused

}  // namespace tessera
