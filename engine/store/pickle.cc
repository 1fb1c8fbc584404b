// The stack machine: opcodes in, tree out. It has no opcode that runs anything: GLOBAL pushes two words, REDUCE and its
// kin ask PickleBuilder, which knows a fixed list of constructors. All limits are in limits.h.
#include "store/pickle.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "store/limits.h"
#include "store/pickle_build.h"
#include "store/pickle_text.h"

namespace tessera {
namespace {

// Thrown when a pickle goes on past the bytes that were read so far; never leaves this file.
struct NeedMore {};

class Machine {
 public:
  // `whole`: there is nothing behind `bytes`. Else running out of them throws NeedMore.
  Machine(std::string_view bytes, bool whole, PickleOptions options) : bytes_(bytes), whole_(whole), build_(std::move(options)) {}

  // Runs to STOP; returns the number of bytes used.
  uint64_t run() {
    for (uint64_t steps = 0;; ++steps) {
      build_.at = at_;
      if (steps == limits::pickle_opcodes) build_.fail(format("more than {} opcodes", limits::pickle_opcodes));
      const auto opcode = static_cast<unsigned char>(take(1)[0]);
      if (opcode == '.') break;
      if (!scalar(opcode) && !string(opcode) && !container(opcode) && !memo(opcode) && !object(opcode))
        build_.fail(format("opcode {:#04x}, which is unknown or not allowed", opcode));
      if (stack_.size() > limits::pickle_stack) build_.fail(format("more than {} values on the stack", limits::pickle_stack));
    }
    if (stack_.size() != 1 || !marks_.empty()) build_.fail(format("STOP with {} values on the stack", stack_.size()));
    build_.tree.root = stack_[0];
    return at_;
  }
  PickleTree take_tree() { return std::move(build_.tree); }
  [[noreturn]] void fail(const std::string& what) const { build_.fail(what); }

 private:
  using Items = std::vector<PickleId>;

  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - at_) {
      if (!whole_) throw NeedMore{};
      build_.fail(format("the pickle ends where {} more bytes are wanted", count - (bytes_.size() - at_)));
    }
    const std::string_view out = bytes_.substr(at_, count);
    at_ += count;
    return out;
  }
  uint64_t number(size_t width) {
    uint64_t value = 0;
    const std::string_view raw = take(width);
    for (size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(raw[i]);
    return value;
  }
  uint64_t signed_length() {  // four bytes, signed in Python
    const uint64_t length = number(4);
    if (length > INT32_MAX) build_.fail("a negative length");
    return length;
  }
  std::string_view line() {
    const size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) {
      if (!whole_) throw NeedMore{};
      build_.fail("a line without its end");
    }
    const std::string_view text = take(end - at_);
    take(1);
    return text;
  }
  template <class T>
  T literal(std::optional<T> read, const char* what) const {
    if (!read) build_.fail(format("not {}", what));
    return *std::move(read);
  }

  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  void push(PickleId id) { stack_.push_back(id); }
  PickleId pop() {
    if (stack_.size() <= floor()) build_.fail("the stack is empty");
    const PickleId top = stack_.back();
    stack_.pop_back();
    return top;
  }
  PickleId top() {
    push(pop());
    return stack_.back();
  }
  Items pop_to_mark() {
    if (marks_.empty()) build_.fail("there is no MARK");
    const auto from = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    Items items(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return items;
  }
  Items pop_some(size_t count) {
    Items items(count);
    for (size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }

  bool scalar(unsigned char opcode) {
    switch (opcode) {
      case 'N': push(build_.none()); return true;
      case 0x88: push(build_.boolean(true)); return true;
      case 0x89: push(build_.boolean(false)); return true;
      case 'J': push(build_.integer(static_cast<int32_t>(number(4)))); return true;
      case 'K': push(build_.integer(static_cast<int64_t>(number(1)))); return true;
      case 'M': push(build_.integer(static_cast<int64_t>(number(2)))); return true;
      case 0x8A: push(build_.integer(take(number(1)))); return true;
      case 0x8B: push(build_.integer(take(signed_length()))); return true;
      case 'G': push(build_.real(std::bit_cast<double>(__builtin_bswap64(number(8))))); return true;
      case 'I': push(integer_line(line())); return true;
      case 'L': push(build_.integer_of_decimal(literal(integer_literal(line()), "an integer"))); return true;
      case 'F': push(build_.real(literal(float_literal(line()), "a number"))); return true;
      default: return false;
    }
  }
  PickleId integer_line(std::string_view text) {
    if (text == "00" || text == "01") return build_.boolean(text == "01");
    return build_.integer_of_decimal(literal(integer_literal(text), "an integer"));
  }

  bool string(unsigned char opcode) {
    switch (opcode) {
      case 'X': push(build_.text(take(number(4)))); return true;
      case 0x8C: push(build_.text(take(number(1)))); return true;
      case 0x8D: push(build_.text(take(number(8)))); return true;
      case 'V': push(build_.text(build_.keep(literal(unicode_literal(line()), "text")))); return true;
      case 'U': push(build_.text_of_bytes(take(number(1)))); return true;
      case 'T': push(build_.text_of_bytes(take(signed_length()))); return true;
      case 'S': push(build_.text_of_bytes(build_.keep(literal(string_literal(line()), "a quoted string")))); return true;
      case 'C': push(build_.bytes(take(number(1)))); return true;
      case 'B': push(build_.bytes(take(number(4)))); return true;
      case 0x8E:
      case 0x96: push(build_.bytes(take(number(8)))); return true;
      default: return false;
    }
  }

  bool container(unsigned char opcode) {
    switch (opcode) {
      case '}': push(build_.container(PickleKind::dict, {})); return true;
      case ']': push(build_.container(PickleKind::list, {})); return true;
      case ')': push(build_.container(PickleKind::tuple, {})); return true;
      case 0x8F: push(build_.container(PickleKind::set, {})); return true;
      case 't': push(build_.container(PickleKind::tuple, pop_to_mark())); return true;
      case 'l': push(build_.container(PickleKind::list, pop_to_mark())); return true;
      case 'd': push(build_.container(PickleKind::dict, pop_to_mark())); return true;
      case 0x91: push(build_.frozenset(pop_to_mark())); return true;
      case 0x85:
      case 0x86:
      case 0x87: push(build_.container(PickleKind::tuple, pop_some(opcode - 0x84u))); return true;
      case 'a': fill(pop_some(1), &PickleBuilder::append); return true;
      case 's': fill(pop_some(2), &PickleBuilder::set_items); return true;
      case 'e': fill(pop_to_mark(), &PickleBuilder::append); return true;
      case 'u': fill(pop_to_mark(), &PickleBuilder::set_items); return true;
      case 0x90: fill(pop_to_mark(), &PickleBuilder::add_items); return true;
      default: return false;
    }
  }
  void fill(const Items& items, void (PickleBuilder::*with)(PickleId, std::span<const PickleId>)) { (build_.*with)(top(), items); }

  bool memo(unsigned char opcode) {
    switch (opcode) {
      case 'p': put(index_line()); return true;
      case 'q': put(number(1)); return true;
      case 'r': put(number(4)); return true;
      case 0x94: put(memo_.size()); return true;
      case 'g': get(index_line()); return true;
      case 'h': get(number(1)); return true;
      case 'j': get(number(4)); return true;
      case '0': pop_or_unmark(); return true;
      case '1': pop_to_mark(); return true;
      case '2': push(top()); return true;
      case '(': mark(); return true;
      case 0x80: protocol(number(1)); return true;
      case 0x95: frame(number(8)); return true;
      default: return false;
    }
  }
  uint64_t index_line() {
    const std::string_view digits = literal(integer_literal(line()), "a memo index");
    if (digits.size() > 10 || digits.starts_with('-')) build_.fail("a memo index out of range");
    uint64_t index = 0;
    for (char digit : digits) index = index * 10 + static_cast<uint64_t>(digit - '0');
    return index;
  }
  void put(uint64_t index) {
    if (index >= limits::pickle_memo) build_.fail(format("memo index {} (limit {})", index, limits::pickle_memo));
    if (memo_.size() <= index) memo_.resize(index + 1, unset);
    memo_[index] = top();
  }
  void get(uint64_t index) {
    if (index >= memo_.size() || memo_[index] == unset) build_.fail(format("memo index {}, which was never set", index));
    push(memo_[index]);
  }
  void pop_or_unmark() {
    if (!marks_.empty() && stack_.size() == marks_.back())
      marks_.pop_back();
    else
      pop();
  }
  void mark() {
    if (marks_.size() == limits::pickle_stack) build_.fail(format("more than {} marks", limits::pickle_stack));
    marks_.push_back(stack_.size());
  }
  void protocol(uint64_t version) {
    if (version > 5) build_.fail(format("pickle protocol {}", version));
  }
  void frame(uint64_t length) {
    if (length <= bytes_.size() - at_) return;
    if (!whole_ && length <= limits::pickle_bytes) throw NeedMore{};
    build_.fail(format("a frame of {} bytes, more than there are", length));
  }

  bool object(unsigned char opcode) {
    switch (opcode) {
      case 'c': push(global_lines()); return true;
      case 0x93: push(stack_global()); return true;
      case 'R':
      case 0x81: call(pop_some(2)); return true;
      case 0x92: call_with_keywords(pop_some(3)); return true;
      case 'i': instance(global_lines()); return true;
      case 'o': instance(first_behind_mark()); return true;
      case 'b': {
        const PickleId state = pop();
        build_.build(top(), state);
        return true;
      }
      case 'Q': push(build_.storage(pop())); return true;
      default: return false;
    }
  }
  PickleId global_lines() {
    const std::string_view module = line();
    return build_.symbol(module, line());
  }
  PickleId stack_global() {
    const Items words = pop_some(2);
    for (PickleId word : words)
      if (!build_.tree.is(word, PickleKind::text)) build_.fail("a global whose name is no text");
    return build_.symbol(build_.tree.text(words[0]), build_.tree.text(words[1]));
  }
  void call(const Items& parts) { push(build_.call(parts[0], parts[1])); }
  void call_with_keywords(const Items& parts) { push(build_.call_with_keywords(parts[0], parts[1], parts[2])); }
  PickleId first_behind_mark() {
    if (marks_.empty() || stack_.size() == marks_.back()) build_.fail("no class behind the MARK");
    const PickleId first = stack_[marks_.back()];
    stack_.erase(stack_.begin() + static_cast<ptrdiff_t>(marks_.back()));
    return first;
  }
  void instance(PickleId type) { push(build_.call(type, build_.container(PickleKind::tuple, pop_to_mark()))); }

  static constexpr PickleId unset = UINT32_MAX;
  std::string_view bytes_;
  bool whole_;
  uint64_t at_ = 0;
  PickleBuilder build_;
  Items stack_, memo_;
  std::vector<size_t> marks_;
};

}  // namespace

PickleTree read_pickle(std::string bytes, const PickleOptions& options) {
  std::deque<std::string> owner;
  const std::string_view view = owner.emplace_back(std::move(bytes));
  Machine machine(view, true, options);
  const uint64_t used = machine.run();
  if (used != view.size()) machine.fail(format("{} bytes after STOP", view.size() - used));
  PickleTree tree = machine.take_tree();
  tree.source = std::move(owner);
  check_tree(tree, options.file);
  return tree;
}

std::pair<PickleTree, uint64_t> read_pickle_at(const InputFile& file, uint64_t offset, PickleOptions options) {
  options.base = offset;
  const uint64_t most = std::min(file.size() - std::min(offset, file.size()), limits::pickle_bytes);
  for (uint64_t size = std::min<uint64_t>(most, 64 * limits::kib);; size = std::min(most, size * 4)) {
    std::deque<std::string> owner;
    std::string& bytes = owner.emplace_back(size, '\0');
    file.read(offset, std::as_writable_bytes(std::span(bytes)));
    Machine machine(bytes, size == most, options);
    try {
      const uint64_t used = machine.run();
      PickleTree tree = machine.take_tree();
      tree.source = std::move(owner);
      check_tree(tree, options.file);
      return {std::move(tree), offset + used};
    } catch (const NeedMore&) {
    }
  }
}

}  // namespace tessera
