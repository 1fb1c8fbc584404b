// Element types of our own: the floors below `run` know no tensor library.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace tessera {

enum class DType : uint8_t {
  boolean,
  u8,
  i8,
  i16,
  u16,
  i32,
  u32,
  i64,
  u64,
  f16,
  bf16,
  f32,
  f64,
  c64,
  c128,
  f8_e4m3,
  f8_e5m2,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f8_e8m0,
  f6_e2m3,
  f6_e3m2,
  f4
};
inline constexpr int dtype_count = 23;

struct DTypeInfo {
  DType dtype;
  std::string_view name;        // as safetensors spells it: "BF16"
  std::string_view torch;       // as torch.<name>: "bfloat16"; empty if torch has none
  std::string_view storage;     // torch's typed storage class: "BFloat16Storage"; empty if none
  std::string_view short_name;  // as rule files and --dtype say: "bf16"
  uint8_t bits;
};

const DTypeInfo& info(DType dtype);
std::optional<DType> dtype_by_name(std::string_view safetensors_name);
std::optional<DType> dtype_by_torch(std::string_view torch_name);       // "bfloat16", also "half", "float", "long", ...
std::optional<DType> dtype_by_storage(std::string_view storage_class);  // "BFloat16Storage"
// What a person writes: bf16, bfloat16, BF16, fp32, float32, f32, ...
std::optional<DType> dtype_by_word(std::string_view word);
bool is_float(DType dtype);                                              // f16 bf16 f32 f64: what --dtype may change
bool is_whole_bytes(DType dtype);                                        // bits % 8 == 0
inline uint64_t byte_size(DType dtype) { return info(dtype).bits / 8; }  // whole-byte types only

}  // namespace tessera
