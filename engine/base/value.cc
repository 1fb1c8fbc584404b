// Values: the ordered map with its index, comparison, printing and paths.
#include "base/value.h"

#include <cmath>
#include <functional>

#include "base/text.h"
#include "base/text_hash.h"

namespace tessera {
namespace {

constexpr size_t walk_at_most = 16;   // entries; a longer map gets an index
constexpr size_t show_at_most = 200;  // bytes

// Where `key` stands in the table, or the free slot where it would.
size_t probe(const std::vector<uint32_t>& slots, const std::vector<Map::Entry>& entries, std::string_view key) {
  const size_t mask = slots.size() - 1;
  size_t at = mask & text_hash(key);
  while (slots[at] != 0 && entries[slots[at] - 1].first != key) at = (at + 1) & mask;
  return at;
}

bool same_number(int64_t i, double d) {
  constexpr double limit = 9223372036854775808.0;  // 2^63
  return d >= -limit && d < limit && d == std::trunc(d) && static_cast<int64_t>(d) == i;
}

bool same_list(const List& a, const List& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (!same_value(a[i], b[i])) return false;
  return true;
}

bool same_map(const Map& a, const Map& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a) {
    const Value* other = b.find(key);
    if (!other || !same_value(value, *other)) return false;
  }
  return true;
}

void show_to(std::string& out, const Value& value);

// Lists and maps stop soon after `show_at_most`: what follows would be cut anyway.
void show_to(std::string& out, const List& list) {
  out += '[';
  for (size_t i = 0; i < list.size() && out.size() <= show_at_most; ++i) {
    if (i) out += ", ";
    show_to(out, list[i]);
  }
  out += ']';
}

void show_to(std::string& out, const Map& map) {
  out += '{';
  const char* before = " ";
  for (const auto& [key, value] : map) {
    if (out.size() > show_at_most) break;
    out += before + escape(key) + ": ";
    show_to(out, value);
    before = ", ";
  }
  out += map.empty() ? "}" : " }";
}

std::string show_scalar(const Value& value) {
  if (const bool* b = value.as_bool()) return *b ? "true" : "false";
  if (const int64_t* i = value.as_int()) return std::to_string(*i);
  if (const double* d = value.as_float()) return show_float(*d);
  if (const std::string* s = value.as_string()) return '"' + escape(*s) + '"';
  if (const Opaque* opaque = value.as_opaque()) return escape(opaque->text);
  return "none";
}

void show_to(std::string& out, const Value& value) {
  if (const List* list = value.as_list()) return show_to(out, *list);
  if (const Map* map = value.as_map()) return show_to(out, *map);
  out += show_scalar(value);
}

// The part of a path before its first dot, which is taken off.
std::string_view next_step(std::string_view& path) {
  const size_t dot = path.find('.');
  const std::string_view step = path.substr(0, dot);
  path.remove_prefix(dot == path.npos ? path.size() : dot + 1);
  return step;
}

// The map in which the last step of `path` stands; `path` becomes that step. nullptr if `create` is false and something
// on the way is absent, or if something on the way is not a map.
Map* walk_to_last(Map& map, std::string_view& path, bool create) {
  Map* at = &map;
  while (path.find('.') != path.npos) {
    const std::string_view step = next_step(path);
    Value* next = create ? &(*at)[step] : at->find(step);
    if (!next) return nullptr;
    if (create && next->is_none()) *next = Map{};
    at = next->as_map();
    if (!at) return nullptr;
  }
  return at;
}

}  // namespace

size_t Map::position(std::string_view key) const {
  if (!slots_.empty()) {
    const uint32_t slot = slots_[probe(slots_, entries_, key)];
    return slot ? slot - 1 : entries_.size();
  }
  size_t i = 0;
  while (i < entries_.size() && entries_[i].first != key) ++i;
  return i;
}

void Map::rebuild() {
  slots_.clear();
  if (entries_.size() <= walk_at_most) return;
  size_t size = 4 * walk_at_most;
  while (size < 3 * entries_.size()) size *= 2;
  slots_.resize(size);
  for (size_t i = 0; i < entries_.size(); ++i)
    slots_[probe(slots_, entries_, entries_[i].first)] = static_cast<uint32_t>(i + 1);
}

void Map::append(std::string key, Value value) {
  entries_.emplace_back(std::move(key), std::move(value));
  if (slots_.size() < 2 * entries_.size()) return rebuild();
  slots_[probe(slots_, entries_, entries_.back().first)] = static_cast<uint32_t>(entries_.size());
}

const Value* Map::find(std::string_view key) const {
  const size_t at = position(key);
  return at < entries_.size() ? &entries_[at].second : nullptr;
}

Value* Map::find(std::string_view key) {
  const size_t at = position(key);
  return at < entries_.size() ? &entries_[at].second : nullptr;
}

Value& Map::operator[](std::string_view key) {
  if (Value* there = find(key)) return *there;
  append(std::string(key), Value());
  return back();
}

bool Map::insert(std::string key, Value value) {
  if (find(key)) return false;
  append(std::move(key), std::move(value));
  return true;
}

bool Map::erase(std::string_view key) {
  const size_t at = position(key);
  if (at == entries_.size()) return false;
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
  rebuild();
  return true;
}

bool Map::operator==(const Map& other) const {
  if (size() != other.size()) return false;
  for (const auto& [key, value] : entries_) {
    const Value* there = other.find(key);
    if (!there || !(*there == value)) return false;
  }
  return true;
}

bool same_value(const Value& a, const Value& b) {
  if (a.as_list() && b.as_list()) return same_list(*a.as_list(), *b.as_list());
  if (a.as_map() && b.as_map()) return same_map(*a.as_map(), *b.as_map());
  if (a.as_int() && b.as_float()) return same_number(*a.as_int(), *b.as_float());
  if (a.as_float() && b.as_int()) return same_number(*b.as_int(), *a.as_float());
  return a == b;
}

std::string show(const Value& value) {
  std::string out;
  show_to(out, value);
  return cut(std::move(out), show_at_most);
}

const char* type_name(const Value& value) {
  if (const Opaque* opaque = value.as_opaque()) return opaque->kind.c_str();
  if (value.as_bool()) return "bool";
  if (value.as_int()) return "integer";
  if (value.as_float()) return "float";
  if (value.as_string()) return "string";
  if (value.as_list()) return "list";
  return value.as_map() ? "map" : "none";
}

const Value* find_path(const Map& map, std::string_view path) {
  const Map* at = &map;
  const Value* value = nullptr;
  do {
    value = at ? at->find(next_step(path)) : nullptr;
    if (!value || value->is_none()) return nullptr;
    at = value->as_map();
  } while (!path.empty());
  return value;
}

bool set_path(Map& map, std::string_view path, Value value) {
  Map* last = walk_to_last(map, path, true);
  if (!last) return false;
  (*last)[path] = std::move(value);
  return true;
}

bool erase_path(Map& map, std::string_view path) {
  Map* last = walk_to_last(map, path, false);
  return last && last->erase(path);
}

}  // namespace tessera
