// The opcodes that are read, each in terms of the machine's moves. What is not here is refused: PERSID, the extension
// registry (EXT1, EXT2, EXT4), out-of-band buffers (NEXT_BUFFER, READONLY_BUFFER), and anything unknown.
#include <array>
#include <bit>

#include "base/text.h"
#include "store/pickle_machine.h"
#include "store/pickle_text.h"

namespace tessera {
namespace {

using Machine = PickleMachine;

struct Entry {
  unsigned char code;
  PickleOpcode run;
};

template <class T>
T read(const Machine& m, std::optional<T> literal, const char* what) {
  if (!literal) m.build.fail(format("not {}", what));
  return *std::move(literal);
}

PickleId integer_line(Machine& m) {
  const std::string_view line = m.line();
  if (line == "00" || line == "01") return m.build.boolean(line == "01");
  return m.build.integer_of_decimal(read(m, integer_literal(line), "an integer"));
}

PickleId long_line(Machine& m) {
  std::string_view line = m.line();
  if (line.ends_with('L')) line.remove_suffix(1);
  return m.build.integer_of_decimal(read(m, integer_literal(line), "an integer"));
}

PickleId unicode_line(Machine& m) { return m.build.text(m.build.keep(read(m, unicode_literal(m.line()), "text"))); }

PickleId string_line(Machine& m) {
  return m.build.text_of_bytes(m.build.keep(read(m, string_literal(m.line()), "a quoted string")));
}

PickleId empty(Machine& m, PickleKind kind) { return m.build.container(kind, {}); }
PickleId marked(Machine& m, PickleKind kind) { return m.build.container(kind, m.pop_to_mark()); }
PickleId tuple(Machine& m, size_t count) { return m.build.container(PickleKind::tuple, m.pop_some(count)); }

using Fill = void (PickleBuilder::*)(PickleId, std::span<const PickleId>);
void fill(Machine& m, const Machine::Items& items, Fill with) { (m.build.*with)(m.top(), items); }

PickleId global_lines(Machine& m) {
  const std::string_view module = m.line();
  return m.build.symbol(module, m.line());
}

PickleId stack_global(Machine& m) {
  const Machine::Items words = m.pop_some(2);
  for (PickleId word : words)
    if (!m.build.tree.is(word, PickleKind::text)) m.build.fail("a global whose name is no text");
  return m.build.symbol(m.build.tree.text(words[0]), m.build.tree.text(words[1]));
}

PickleId call(Machine& m) {
  const Machine::Items parts = m.pop_some(2);
  return m.build.call(parts[0], parts[1]);
}

PickleId construct(Machine& m) {
  const Machine::Items parts = m.pop_some(2);
  return m.build.construct(parts[0], parts[1]);
}

PickleId call_with_keywords(Machine& m) {
  const Machine::Items parts = m.pop_some(3);
  return m.build.call_with_keywords(parts[0], parts[1], parts[2]);
}

PickleId instance(Machine& m, PickleId type) { return m.build.call(type, marked(m, PickleKind::tuple)); }

void build(Machine& m) {
  const PickleId state = m.pop();
  m.build.build(m.top(), state);
}

constexpr std::array table = {
    Entry{'N', [](Machine& m) { m.push(m.build.none()); }},
    Entry{0x88, [](Machine& m) { m.push(m.build.boolean(true)); }},
    Entry{0x89, [](Machine& m) { m.push(m.build.boolean(false)); }},
    Entry{'J', [](Machine& m) { m.push(m.build.integer(static_cast<int32_t>(m.number(4)))); }},
    Entry{'K', [](Machine& m) { m.push(m.build.integer(static_cast<int64_t>(m.number(1)))); }},
    Entry{'M', [](Machine& m) { m.push(m.build.integer(static_cast<int64_t>(m.number(2)))); }},
    Entry{0x8A, [](Machine& m) { m.push(m.build.integer(m.take(m.number(1)))); }},
    Entry{0x8B, [](Machine& m) { m.push(m.build.integer(m.take(m.signed_length()))); }},
    Entry{'I', [](Machine& m) { m.push(integer_line(m)); }},
    Entry{'L', [](Machine& m) { m.push(long_line(m)); }},
    Entry{'G', [](Machine& m) { m.push(m.build.real(std::bit_cast<double>(__builtin_bswap64(m.number(8))))); }},
    Entry{'F', [](Machine& m) { m.push(m.build.real(read(m, float_literal(m.line()), "a number"))); }},

    Entry{'X', [](Machine& m) { m.push(m.build.text(m.take(m.number(4)))); }},
    Entry{0x8C, [](Machine& m) { m.push(m.build.text(m.take(m.number(1)))); }},
    Entry{0x8D, [](Machine& m) { m.push(m.build.text(m.take(m.number(8)))); }},
    Entry{'V', [](Machine& m) { m.push(unicode_line(m)); }},
    Entry{'U', [](Machine& m) { m.push(m.build.text_of_bytes(m.take(m.number(1)))); }},
    Entry{'T', [](Machine& m) { m.push(m.build.text_of_bytes(m.take(m.signed_length()))); }},
    Entry{'S', [](Machine& m) { m.push(string_line(m)); }},
    Entry{'C', [](Machine& m) { m.push(m.build.bytes(m.take(m.number(1)))); }},
    Entry{'B', [](Machine& m) { m.push(m.build.bytes(m.take(m.number(4)))); }},
    Entry{0x8E, [](Machine& m) { m.push(m.build.bytes(m.take(m.number(8)))); }},
    Entry{0x96, [](Machine& m) { m.push(m.build.byte_array(m.take(m.number(8)))); }},

    Entry{'}', [](Machine& m) { m.push(empty(m, PickleKind::dict)); }},
    Entry{']', [](Machine& m) { m.push(empty(m, PickleKind::list)); }},
    Entry{')', [](Machine& m) { m.push(empty(m, PickleKind::tuple)); }},
    Entry{0x8F, [](Machine& m) { m.push(empty(m, PickleKind::set)); }},
    Entry{'d', [](Machine& m) { m.push(marked(m, PickleKind::dict)); }},
    Entry{'l', [](Machine& m) { m.push(marked(m, PickleKind::list)); }},
    Entry{'t', [](Machine& m) { m.push(marked(m, PickleKind::tuple)); }},
    Entry{0x91, [](Machine& m) { m.push(m.build.frozenset(m.pop_to_mark())); }},
    Entry{0x85, [](Machine& m) { m.push(tuple(m, 1)); }},
    Entry{0x86, [](Machine& m) { m.push(tuple(m, 2)); }},
    Entry{0x87, [](Machine& m) { m.push(tuple(m, 3)); }},
    Entry{'a', [](Machine& m) { fill(m, m.pop_some(1), &PickleBuilder::append); }},
    Entry{'e', [](Machine& m) { fill(m, m.pop_to_mark(), &PickleBuilder::append); }},
    Entry{'s', [](Machine& m) { fill(m, m.pop_some(2), &PickleBuilder::set_items); }},
    Entry{'u', [](Machine& m) { fill(m, m.pop_to_mark(), &PickleBuilder::set_items); }},
    Entry{0x90, [](Machine& m) { fill(m, m.pop_to_mark(), &PickleBuilder::add_items); }},

    Entry{'p', [](Machine& m) { m.put(m.index_line()); }},
    Entry{'q', [](Machine& m) { m.put(m.number(1)); }},
    Entry{'r', [](Machine& m) { m.put(m.number(4)); }},
    Entry{0x94, [](Machine& m) { m.put_next(); }},
    Entry{'g', [](Machine& m) { m.get(m.index_line()); }},
    Entry{'h', [](Machine& m) { m.get(m.number(1)); }},
    Entry{'j', [](Machine& m) { m.get(m.number(4)); }},
    Entry{'(', [](Machine& m) { m.mark(); }},
    Entry{'0', [](Machine& m) { m.pop_or_unmark(); }},
    Entry{'1', [](Machine& m) { m.pop_to_mark(); }},
    Entry{'2', [](Machine& m) { m.push(m.top()); }},
    Entry{0x80, [](Machine& m) { m.protocol(m.number(1)); }},
    Entry{0x95, [](Machine& m) { m.frame(m.number(8)); }},

    Entry{'c', [](Machine& m) { m.push(global_lines(m)); }},
    Entry{0x93, [](Machine& m) { m.push(stack_global(m)); }},
    Entry{'R', [](Machine& m) { m.push(call(m)); }},
    Entry{0x81, [](Machine& m) { m.push(construct(m)); }},
    Entry{0x92, [](Machine& m) { m.push(call_with_keywords(m)); }},
    Entry{'i', [](Machine& m) { m.push(instance(m, global_lines(m))); }},
    Entry{'o', [](Machine& m) { m.push(instance(m, m.take_behind_mark())); }},
    Entry{'b', build},
    Entry{'Q', [](Machine& m) { m.push(m.build.storage(m.pop())); }},
};

constexpr std::array<PickleOpcode, 256> by_code = [] {
  std::array<PickleOpcode, 256> out{};
  for (const Entry& entry : table) out[entry.code] = entry.run;
  return out;
}();

}  // namespace

PickleOpcode find_opcode(unsigned char code) { return by_code[code]; }

}  // namespace tessera
