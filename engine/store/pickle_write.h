// Emits a pickle of protocol 2 with the opcodes that torch.load(weights_only=True) takes: no memo, nothing shared.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/value.h"
#include "store/checkpoint.h"

namespace tessera {

class PickleWriter {
 public:
  PickleWriter();
  void none();
  void boolean(bool value);
  void integer(int64_t value);
  void real(double value);
  void text(std::string_view utf8);
  void global(std::string_view module, std::string_view name);
  // Containers: begin, then items (of a dict: key, value, ...), then the matching end.
  void begin_dict();
  void begin_ordered_dict();
  void end_dict();
  void begin_list();
  void end_list();
  void begin_tuple();
  void end_tuple();
  void tuple(std::span<const int64_t> integers);
  // An object of a class; then, if it has fields, its state (one value) and the end.
  void begin_object(std::string_view module, std::string_view name);
  void end_object();
  void call_with_one();  // of the last two values, a function and its argument
  // A contiguous tensor that fills storage `key`.
  void tensor(uint64_t key, DType dtype, std::span<const int64_t> shape);
  // Plain values; dtypes as torch's. Not for what is_plain refuses.
  void value(const Value& value);
  void attributes(const Map& map);  // an argparse.Namespace; entries that are not plain are left out
  std::string finish();             // STOP; the whole pickle

 private:
  void byte(int opcode) { out_ += static_cast<char>(opcode); }
  void little_endian(uint64_t value, size_t width);
  void storage(uint64_t key, DType dtype, uint64_t elements);
  std::string out_;
};

// Holds no object or number that we only know by name.
bool is_plain(const Value& value);

}  // namespace tessera
