// Nothing is believed: every count is held to the bytes that are there, every pop to the stack, every index to the
// memo.
#include "store/pickle_machine.h"

#include "base/text.h"
#include "store/limits.h"
#include "store/pickle_text.h"

namespace tessera {

PickleMachine::PickleMachine(std::string_view bytes, bool whole, PickleOptions options)
    : build(std::move(options)), bytes_(bytes), whole_(whole) {}

uint64_t PickleMachine::run() {
  constexpr unsigned char stop = '.';
  for (uint64_t steps = 0;; ++steps) {
    build.at = at_;
    check_limits(steps);
    const auto code = static_cast<unsigned char>(take(1)[0]);
    if (code == stop) break;
    const PickleOpcode opcode = find_opcode(code);
    if (!opcode) build.fail(format("opcode {:#04x}, which is unknown or not allowed", code));
    opcode(*this);
    check_frame();
  }
  if (at_ < frame_end_) build.fail("a frame goes on behind STOP");
  if (stack_.size() != 1 || !marks_.empty()) build.fail(format("STOP with {} values on the stack", stack_.size()));
  build.tree.root = stack_[0];
  return at_;
}

void PickleMachine::check_limits(uint64_t steps) const {
  if (steps == limits::pickle_opcodes) build.fail(format("more than {} opcodes", limits::pickle_opcodes));
  if (stack_.size() > limits::pickle_stack)
    build.fail(format("more than {} values on the stack", limits::pickle_stack));
  build.check_size();
}

std::string_view PickleMachine::take(uint64_t count) {
  const uint64_t left = bytes_.size() - at_;
  if (count > left && !whole_ && count <= limits::pickle_bytes) throw NeedMore{};
  if (count > left) build.fail(format("the pickle ends where {} more bytes are wanted", count - left));
  const std::string_view out = bytes_.substr(at_, count);
  at_ += count;
  return out;
}

uint64_t PickleMachine::number(size_t width) {
  uint64_t value = 0;
  const std::string_view raw = take(width);
  for (size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(raw[i]);
  return value;
}

uint64_t PickleMachine::signed_length() {
  const uint64_t length = number(4);
  if (length > INT32_MAX) build.fail("a negative length");
  return length;
}

std::string_view PickleMachine::line() {
  const size_t end = bytes_.find('\n', at_);
  if (end == std::string_view::npos && !whole_) throw NeedMore{};
  if (end == std::string_view::npos) build.fail("a line without its end");
  const std::string_view text = take(end - at_);
  take(1);
  return text;
}

uint64_t PickleMachine::index_line() {
  const auto digits = integer_literal(line());
  if (!digits || digits->size() > 10 || digits->starts_with('-')) build.fail("a memo index out of range");
  uint64_t index = 0;
  for (char digit : *digits) index = index * 10 + static_cast<uint64_t>(digit - '0');
  return index;
}

void PickleMachine::check_frame() const {
  if (build.at < frame_end_ && at_ > frame_end_) build.fail("a frame ends inside this opcode");
}

void PickleMachine::frame(uint64_t length) {
  if (build.at < frame_end_) build.fail("a frame inside a frame");
  const bool there = length <= bytes_.size() - at_;
  if (!there && !whole_ && length <= limits::pickle_bytes) throw NeedMore{};
  if (!there) build.fail(format("a frame of {} bytes, more than there are", length));
  frame_end_ = at_ + length;
}

void PickleMachine::protocol(uint64_t version) {
  if (version > 5) build.fail(format("pickle protocol {}", version));
}

PickleId PickleMachine::pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) build.fail("the stack is empty");
  const PickleId top = stack_.back();
  stack_.pop_back();
  return top;
}

PickleId PickleMachine::top() {
  push(pop());
  return stack_.back();
}

PickleMachine::Items PickleMachine::pop_some(size_t count) {
  Items items(count);
  for (size_t i = count; i-- > 0;) items[i] = pop();
  return items;
}

PickleMachine::Items PickleMachine::pop_to_mark() {
  if (marks_.empty()) build.fail("there is no MARK");
  const auto from = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
  Items items(from, stack_.end());
  stack_.erase(from, stack_.end());
  marks_.pop_back();
  return items;
}

PickleId PickleMachine::take_behind_mark() {
  if (marks_.empty() || stack_.size() == marks_.back()) build.fail("there is nothing behind the MARK");
  const auto first = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
  const PickleId id = *first;
  stack_.erase(first);
  return id;
}

void PickleMachine::mark() {
  if (marks_.size() == limits::pickle_stack) build.fail(format("more than {} marks", limits::pickle_stack));
  marks_.push_back(stack_.size());
}

void PickleMachine::pop_or_unmark() {
  if (!marks_.empty() && stack_.size() == marks_.back())
    marks_.pop_back();
  else
    pop();
}

void PickleMachine::put(uint64_t index) {
  if (index >= limits::pickle_memo) build.fail(format("memo index {} (limit {})", index, limits::pickle_memo));
  if (memo_.size() <= index) memo_.resize(index + 1, unset);
  remembered_ += memo_[index] == unset;
  memo_[index] = top();
}

void PickleMachine::get(uint64_t index) {
  if (index >= memo_.size() || memo_[index] == unset) build.fail(format("memo index {}, which was never set", index));
  push(memo_[index]);
}

}  // namespace tessera
