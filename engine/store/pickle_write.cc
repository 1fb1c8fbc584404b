// Opcodes as Python's own pickler chooses them for protocol 2, less the memo.
#include "store/pickle_write.h"

#include <algorithm>
#include <bit>

#include "base/dtype.h"

namespace tessera {

PickleWriter::PickleWriter() : out_("\x80\x02") {}

void PickleWriter::little_endian(uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) byte(static_cast<int>(value >> (8 * i) & 0xFF));
}

void PickleWriter::none() { byte('N'); }
void PickleWriter::boolean(bool value) { byte(value ? 0x88 : 0x89); }

void PickleWriter::integer(int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  if (value >= 0 && value < 256) {
    byte('K');
    little_endian(bits, 1);
  } else if (value >= 0 && value < 65536) {
    byte('M');
    little_endian(bits, 2);
  } else if (value >= INT32_MIN && value <= INT32_MAX) {
    byte('J');
    little_endian(bits, 4);
  } else {
    byte(0x8A);
    byte(8);
    little_endian(bits, 8);
  }
}

void PickleWriter::real(double value) {
  byte('G');
  little_endian(__builtin_bswap64(std::bit_cast<uint64_t>(value)), 8);
}

void PickleWriter::text(std::string_view utf8) {
  byte('X');
  little_endian(utf8.size(), 4);
  out_ += utf8;
}

void PickleWriter::global(std::string_view module, std::string_view name) {
  byte('c');
  out_ += module;
  byte('\n');
  out_ += name;
  byte('\n');
}

void PickleWriter::begin_dict() { out_ += "}("; }

void PickleWriter::begin_ordered_dict() {
  global("collections", "OrderedDict");
  out_ += ")R(";
}

void PickleWriter::end_dict() { byte('u'); }
void PickleWriter::begin_list() { out_ += "]("; }
void PickleWriter::end_list() { byte('e'); }

void PickleWriter::begin_tuple() { byte('('); }
void PickleWriter::end_tuple() { byte('t'); }

void PickleWriter::tuple(std::span<const int64_t> integers) {
  begin_tuple();
  for (int64_t i : integers) integer(i);
  end_tuple();
}

void PickleWriter::begin_object(std::string_view module, std::string_view name) {
  global(module, name);
  out_ += ")\x81";
}
void PickleWriter::end_object() { byte('b'); }
void PickleWriter::call_with_one() { out_ += "\x85R"; }

void PickleWriter::storage(uint64_t key, DType dtype, uint64_t elements) {
  byte('(');
  text("storage");
  if (info(dtype).storage.empty()) {
    global("torch.storage", "UntypedStorage");
    elements *= byte_size(dtype);
  } else {
    global("torch", info(dtype).storage);
  }
  text(std::to_string(key));
  text("cpu");
  integer(static_cast<int64_t>(elements));
  out_ += "tQ";
}

void PickleWriter::tensor(uint64_t key, DType dtype, std::span<const int64_t> shape) {
  const bool typed = !info(dtype).storage.empty();
  std::vector<int64_t> strides(shape.size());
  int64_t elements = 1;
  for (size_t i = shape.size(); i-- > 0; elements *= shape[i]) strides[i] = std::max<int64_t>(elements, 1);
  global("torch._utils", typed ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
  byte('(');
  storage(key, dtype, static_cast<uint64_t>(elements));
  integer(0);
  tuple(shape);
  tuple(strides);
  boolean(false);
  global("collections", "OrderedDict");
  out_ += ")R";
  if (!typed) global("torch", info(dtype).torch);
  out_ += "tR";
}

void PickleWriter::value(const Value& v) {
  if (const bool* b = v.as_bool())
    boolean(*b);
  else if (const int64_t* i = v.as_int())
    integer(*i);
  else if (const double* d = v.as_float())
    real(*d);
  else if (const std::string* s = v.as_string())
    text(*s);
  else if (const Opaque* o = v.as_opaque())
    global("torch", std::string_view(o->text).substr(o->text.rfind('.') + 1));
  else if (const List* list = v.as_list()) {
    begin_list();
    for (const Value& item : *list) value(item);
    end_list();
  } else if (const Map* map = v.as_map()) {
    begin_dict();
    for (const auto& [key, item] : *map) {
      text(key);
      value(item);
    }
    end_dict();
  } else {
    none();
  }
}

void PickleWriter::attributes(const Map& map) {
  begin_object("argparse", "Namespace");
  begin_dict();
  for (const auto& [key, item] : map) {
    if (!is_plain(item)) continue;
    text(key);
    value(item);
  }
  end_dict();
  end_object();
}

std::string PickleWriter::finish() {
  byte('.');
  return std::move(out_);
}

bool is_plain(const Value& value) {
  if (const Opaque* opaque = value.as_opaque())
    return opaque->kind == "dtype" &&
           dtype_by_torch(std::string_view(opaque->text).substr(opaque->text.rfind('.') + 1)).has_value();
  if (const List* list = value.as_list()) return std::all_of(list->begin(), list->end(), is_plain);
  if (const Map* map = value.as_map())
    return std::all_of(map->begin(), map->end(), [](const Map::Entry& entry) { return is_plain(entry.second); });
  return true;
}

}  // namespace tessera
