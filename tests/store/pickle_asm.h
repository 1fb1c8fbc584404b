// Pickles put together opcode by opcode, for tests: functions return the bytes that push one value.
#pragma once
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::testing::asm_ {

using Bytes = std::string;
using namespace std::string_literals;

inline Bytes little(uint64_t value, size_t width) {
  Bytes out;
  for (size_t i = 0; i < width; ++i, value >>= 8) out += static_cast<char>(value & 0xFF);
  return out;
}
inline const Bytes none = "N", yes = "\x88", no = "\x89";
inline Bytes text(std::string_view s) { return "X" + little(s.size(), 4) + Bytes(s); }
inline Bytes integer(int64_t v) {
  const auto bits = static_cast<uint64_t>(v);
  return v >= 0 && v < 256 ? "K" + little(bits, 1) : "\x8A\x08" + little(bits, 8);
}
inline Bytes real(double v) { return "G" + little(__builtin_bswap64(std::bit_cast<uint64_t>(v)), 8); }
inline Bytes global(std::string_view module, std::string_view name) {
  return "c" + Bytes(module) + "\n" + Bytes(name) + "\n";
}
inline Bytes joined(const std::vector<Bytes>& items) {
  Bytes out;
  for (const Bytes& item : items) out += item;
  return out;
}
inline Bytes tuple(const std::vector<Bytes>& items) { return "(" + joined(items) + "t"; }
inline Bytes list(const std::vector<Bytes>& items) { return "](" + joined(items) + "e"; }
inline Bytes dict(const std::vector<std::pair<Bytes, Bytes>>& pairs) {
  Bytes out = "}(";
  for (const auto& [key, value] : pairs) out += key + value;
  return out + "u";
}
inline Bytes call(const Bytes& function, const std::vector<Bytes>& arguments) {
  return function + tuple(arguments) + "R";
}
inline Bytes ordered_dict() { return global("collections", "OrderedDict") + ")R"; }
inline Bytes storage(std::string_view key, int64_t count, std::string_view type = "FloatStorage",
                     std::string_view module = "torch") {
  return tuple({text("storage"), global(module, type), text(key), text("cpu"), integer(count)}) + "Q";
}
inline Bytes integers(const std::vector<int64_t>& values) {
  std::vector<Bytes> items;
  for (int64_t value : values) items.push_back(integer(value));
  return tuple(items);
}
inline const Bytes rebuild_v2 = global("torch._utils", "_rebuild_tensor_v2");
inline Bytes tensor(const Bytes& storage, int64_t offset, const std::vector<int64_t>& shape,
                    const std::vector<int64_t>& strides) {
  return call(rebuild_v2, {storage, integer(offset), integers(shape), integers(strides), no, ordered_dict()});
}
inline Bytes pickle(const Bytes& value, int protocol = 2) {
  return Bytes("\x80") + static_cast<char>(protocol) + value + ".";
}

}  // namespace tessera::testing::asm_
