// What configuration files, checkpoint arguments and expressions speak: none, bool, 64-bit integer, f64, text, list,
// map.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tessera {

class Value;
using List = std::vector<Value>;

// An ordered map with unique text keys.
class Map {
 public:
  using Entry = std::pair<std::string, Value>;
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  Value& operator[](std::string_view key);    // adds none at the end when absent
  bool insert(std::string key, Value value);  // false (and no change) when the key is there
  bool erase(std::string_view key);
  Value& back();  // of the last entry; not of an empty map
  size_t size() const;
  bool empty() const;
  const std::vector<Entry>& entries() const { return entries_; }
  std::vector<Entry>::const_iterator begin() const;
  std::vector<Entry>::const_iterator end() const;
  bool operator==(const Map& other) const;  // order does not count

 private:
  size_t position(std::string_view key) const;  // in entries_; size() when absent
  void append(std::string key, Value value);
  void rebuild();

  std::vector<Entry> entries_;
  // Open addressing over entries_ (its positions plus one, 0 is free); empty while the map is small enough to walk.
  std::vector<uint32_t> slots_;
};

// Something that is kept and shown but never computed with: a dtype ("torch.float32"), an enum member, a number that
// does not fit 64 bits. `kind` is "dtype", "number" or "object"; `text` its spelling.
struct Opaque {
  std::string kind, text;
  bool operator==(const Opaque&) const = default;
};

class Value {
 public:
  Value() = default;  // none
  Value(bool b) : v_(b) {}
  Value(int64_t i) : v_(i) {}
  Value(int i) : v_(int64_t{i}) {}
  Value(double d) : v_(d) {}
  Value(std::string s) : v_(std::move(s)) {}
  Value(const char* s) : v_(std::string(s)) {}
  Value(List l) : v_(std::move(l)) {}
  Value(Map m) : v_(std::move(m)) {}
  Value(Opaque o) : v_(std::move(o)) {}

  bool is_none() const { return std::holds_alternative<std::monostate>(v_); }
  const bool* as_bool() const { return std::get_if<bool>(&v_); }
  const int64_t* as_int() const { return std::get_if<int64_t>(&v_); }
  const double* as_float() const { return std::get_if<double>(&v_); }
  const std::string* as_string() const { return std::get_if<std::string>(&v_); }
  const List* as_list() const { return std::get_if<List>(&v_); }
  const Map* as_map() const { return std::get_if<Map>(&v_); }
  const Opaque* as_opaque() const { return std::get_if<Opaque>(&v_); }
  List* as_list() { return std::get_if<List>(&v_); }
  Map* as_map() { return std::get_if<Map>(&v_); }

  // Same type and same value (1 is not true, 1 is not 1.0); maps without order.
  bool operator==(const Value& other) const { return v_ == other.v_; }

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Map, Opaque> v_;
};

inline Value& Map::back() { return entries_.back().second; }
inline bool Map::empty() const { return entries_.empty(); }
inline size_t Map::size() const { return entries_.size(); }
inline std::vector<Map::Entry>::const_iterator Map::begin() const { return entries_.begin(); }
inline std::vector<Map::Entry>::const_iterator Map::end() const { return entries_.end(); }

// `==` of the rule language: as above, but 1 == 1.0.
bool same_value(const Value& a, const Value& b);
// "none", "true", "3", "1e-05", "\"text\"", "[1, 2]": as an author would write it; cut at 200 bytes.
std::string show(const Value& value);
const char* type_name(const Value& value);  // "none", "bool", "integer", ...

// "rope_scaling.factor" stands in the map `rope_scaling`. nullptr when absent at any step (or none).
const Value* find_path(const Map& map, std::string_view path);
// Creates the maps on the way. False if something on the way is not a map.
bool set_path(Map& map, std::string_view path, Value value);
bool erase_path(Map& map, std::string_view path);

}  // namespace tessera
