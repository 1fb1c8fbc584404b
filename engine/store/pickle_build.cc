// Values and containers. Each node is a few bytes; what it holds lies in the tree's vectors, so that a tree of any
// shape is freed without recursion.
#include "store/pickle_build.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/text.h"
#include "store/limits.h"

namespace tessera {
namespace {

std::string latin1_to_utf8(std::string_view raw) {
  std::string out;
  for (char c : raw) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3F));
    }
  }
  return out;
}

// Two's complement bytes, lowest first, to limbs of the magnitude.
std::vector<uint32_t> magnitude(std::string_view bytes, bool negative) {
  std::vector<uint32_t> limbs((bytes.size() + 3) / 4, 0);
  unsigned carry = negative ? 1 : 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    unsigned byte = static_cast<unsigned char>(bytes[i]);
    if (negative) {
      byte = (byte ^ 0xFF) + carry;
      carry = byte >> 8;
    }
    limbs[i / 4] |= (byte & 0xFF) << (8 * (i % 4));
  }
  return limbs;
}

std::string decimal(std::string_view bytes) {
  const bool negative = !bytes.empty() && (bytes.back() & 0x80);
  std::vector<uint32_t> limbs = magnitude(bytes, negative);
  std::string reversed;
  while (!limbs.empty()) {
    uint64_t rest = 0;
    for (size_t i = limbs.size(); i-- > 0;) {
      rest = rest << 32 | limbs[i];
      limbs[i] = static_cast<uint32_t>(rest / 1'000'000'000);
      rest %= 1'000'000'000;
    }
    while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
    for (int digit = 0; digit < 9 && (!limbs.empty() || rest > 0); ++digit, rest /= 10)
      reversed += static_cast<char>('0' + rest % 10);
  }
  if (reversed.empty()) return "0";
  if (negative) reversed += '-';
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

}  // namespace

PickleBuilder::PickleBuilder(PickleOptions options) : options_(std::move(options)) {
  tree.nodes.resize(3);
  tree.nodes[1].kind = tree.nodes[2].kind = PickleKind::boolean;
  tree.nodes[2].value = 1;
}

uint64_t PickleBuilder::weight() const { return options_.packed ? *options_.packed * limits::pickle_packed_ratio : at; }

void PickleBuilder::check_size() const {
  if (tree.nodes.size() > limits::pickle_values_free + weight())
    fail(format("{} values in so few bytes (limit {})", tree.nodes.size(), limits::pickle_values_free + weight()));
}

void PickleBuilder::charge(uint64_t copied) {
  copied_ += copied;
  if (const uint64_t limit = limits::pickle_copied_free + 2 * weight(); copied_ > limit)
    fail(format("calls copy more values than its bytes speak for (limit {})", limit));
}

const PickleBuilder::Items& PickleBuilder::charged(PickleId list) {
  charge(tree.items(list).size());
  return tree.items(list);
}

void PickleBuilder::fail(const std::string& what) const {
  fail_world(format("{}: {}, at byte {}", options_.file, what, options_.base + at));
}

PickleId PickleBuilder::add(PickleKind kind, size_t count, int64_t value) {
  PickleNode node;
  node.kind = kind;
  node.index = static_cast<uint32_t>(count - 1);
  node.value = value;
  tree.nodes.push_back(node);
  return static_cast<PickleId>(tree.nodes.size() - 1);
}

PickleId PickleBuilder::integer(int64_t value) { return add(PickleKind::integer, 1, value); }

PickleId PickleBuilder::integer(std::string_view little_endian) {
  if (little_endian.size() > limits::pickle_integer_bytes)
    fail(format("an integer of {} bytes (limit {})", little_endian.size(), limits::pickle_integer_bytes));
  return integer_of_decimal(keep(decimal(little_endian)));
}

PickleId PickleBuilder::integer_of_decimal(std::string_view digits) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size() || digits.empty()) fail("not an integer");
  if (error == std::errc()) return integer(value);
  if (digits.size() > limits::pickle_integer_digits)
    fail(format("an integer of {} digits (limit {})", digits.size(), limits::pickle_integer_digits));
  return add_text(PickleKind::big, digits);
}

PickleId PickleBuilder::real(double value) { return add(PickleKind::real, 1, std::bit_cast<int64_t>(value)); }

PickleId PickleBuilder::add_text(PickleKind kind, std::string_view value) {
  tree.texts.push_back(value);
  return add(kind, tree.texts.size());
}

PickleId PickleBuilder::text(std::string_view utf8) {
  if (!is_utf8(utf8)) fail("text is not UTF-8");
  return add_text(PickleKind::text, utf8);
}

PickleId PickleBuilder::text_of_bytes(std::string_view raw) {
  return add_text(PickleKind::text, is_utf8(raw) ? raw : keep(latin1_to_utf8(raw)));
}

PickleId PickleBuilder::bytes(std::string_view raw) { return add_text(PickleKind::bytes, raw); }

PickleId PickleBuilder::byte_array(std::string_view raw) {
  const PickleId id = bytes(raw);
  tree.nodes[id].changes = true;
  return id;
}

std::string_view PickleBuilder::keep(std::string made) { return tree.pool.emplace_back(std::move(made)); }

PickleId PickleBuilder::container(PickleKind kind, std::vector<PickleId> items) {
  if (kind == PickleKind::set)
    for (PickleId item : items) require_hashable(item);
  tree.lists.push_back({});
  const PickleId id = add(kind, tree.lists.size());
  const auto changes = [&](PickleId item) { return tree.at(item).changes; };
  tree.nodes[id].changes = kind != PickleKind::tuple || std::ranges::any_of(items, changes);
  if (kind == PickleKind::dict)
    set_items(id, items);
  else
    tree.lists.back() = std::move(items);
  return id;
}

PickleId PickleBuilder::frozenset(std::vector<PickleId> items) {
  const PickleId id = container(PickleKind::set, std::move(items));
  tree.nodes[id].changes = false;
  return id;
}

PickleId PickleBuilder::symbol(std::string_view module, std::string_view name) {
  if (std::max(module.size(), name.size()) > limits::name_bytes)
    fail(format("a global whose name has more than {} bytes", limits::name_bytes));
  const std::string full = format("{} {}", module_today(module), name);
  if (const auto known = symbols_.find(full); known != symbols_.end()) return known->second;
  const std::optional<GlobalUse> use = use_of_global(module, name);
  if (!use) fail(format("names {}, which a checkpoint has no business with", full_name({module, name})));
  charge(full.size());
  tree.symbols.push_back({keep(std::string(module_today(module))), keep(std::string(name))});
  uses_.push_back(*use);
  const PickleId id = add(PickleKind::symbol, uses_.size());
  symbols_.emplace(full, id);
  return id;
}

PickleId PickleBuilder::opaque(PickleSymbol callee, Items items) {
  tree.opaques.push_back({callee, std::move(items)});
  return add(PickleKind::opaque, tree.opaques.size());
}

std::string PickleBuilder::full_name(const PickleSymbol& symbol) const {
  return escape(format("{}.{}", symbol.module, symbol.name));
}

std::string PickleBuilder::describe(PickleId id) const {
  if (tree.is(id, PickleKind::symbol)) return full_name(tree.symbol(id));
  return format("a value of kind {}", name_of(tree.at(id).kind));
}

void PickleBuilder::require_hashable(PickleId key) const {
  if (tree.at(key).changes) fail(format("{} as a key", describe(key)));
}

void PickleBuilder::append(PickleId list, std::span<const PickleId> items) {
  const PickleNode node = tree.at(list);
  if (node.kind != PickleKind::list && node.kind != PickleKind::opaque)
    fail(format("items appended to {}", describe(list)));
  Items& into = node.kind == PickleKind::list ? tree.lists[node.index] : tree.opaques[node.index].items;
  into.insert(into.end(), items.begin(), items.end());
}

void PickleBuilder::set_items(PickleId dict, std::span<const PickleId> pairs) {
  const PickleNode node = tree.at(dict);
  if (node.kind != PickleKind::dict && node.kind != PickleKind::opaque)
    fail(format("an item set on {}", describe(dict)));
  if (pairs.size() % 2 != 0) fail("a key without a value");
  for (size_t i = 0; i < pairs.size(); i += 2) require_hashable(pairs[i]);
  Items& into = node.kind == PickleKind::dict ? tree.lists[node.index] : tree.opaques[node.index].items;
  into.insert(into.end(), pairs.begin(), pairs.end());
}

void PickleBuilder::add_items(PickleId set, std::span<const PickleId> items) {
  if (!tree.is(set, PickleKind::set) || !tree.at(set).changes) fail(format("items added to {}", describe(set)));
  for (PickleId item : items) require_hashable(item);
  Items& into = tree.lists[tree.at(set).index];
  into.insert(into.end(), items.begin(), items.end());
}

void PickleBuilder::build(PickleId target, PickleId state) {
  const PickleNode node = tree.at(target);
  if (node.kind == PickleKind::opaque) {
    tree.opaques[node.index].items.push_back(state);
  } else if (node.kind != PickleKind::dict) {
    fail(format("BUILD on {}", describe(target)));
  } else if (!tree.is(state, PickleKind::dict)) {
    fail(format("BUILD of a dict with {}", describe(state)));
  } else if (node.attributes) {
    set_items(target, Items(charged(state)));
  } else {
    tree.passed_over.push_back(state);
  }
}

}  // namespace tessera
