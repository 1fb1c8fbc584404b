// The table of element types and its lookups.
#include "base/dtype.h"

#include <array>
#include <string>
#include <utility>

namespace tessera {
namespace {

using enum DType;
constexpr std::array<DTypeInfo, dtype_count> table = {{
    {boolean, "BOOL", "bool", "BoolStorage", "bool", 8},
    {u8, "U8", "uint8", "ByteStorage", "u8", 8},
    {i8, "I8", "int8", "CharStorage", "i8", 8},
    {i16, "I16", "int16", "ShortStorage", "i16", 16},
    {u16, "U16", "uint16", "", "u16", 16},
    {i32, "I32", "int32", "IntStorage", "i32", 32},
    {u32, "U32", "uint32", "", "u32", 32},
    {i64, "I64", "int64", "LongStorage", "i64", 64},
    {u64, "U64", "uint64", "", "u64", 64},
    {f16, "F16", "float16", "HalfStorage", "f16", 16},
    {bf16, "BF16", "bfloat16", "BFloat16Storage", "bf16", 16},
    {f32, "F32", "float32", "FloatStorage", "f32", 32},
    {f64, "F64", "float64", "DoubleStorage", "f64", 64},
    {c64, "C64", "complex64", "ComplexFloatStorage", "c64", 64},
    {c128, "C128", "complex128", "ComplexDoubleStorage", "c128", 128},
    {f8_e4m3, "F8_E4M3", "float8_e4m3fn", "", "f8_e4m3", 8},
    {f8_e5m2, "F8_E5M2", "float8_e5m2", "", "f8_e5m2", 8},
    {f8_e4m3fnuz, "F8_E4M3FNUZ", "float8_e4m3fnuz", "", "f8_e4m3fnuz", 8},
    {f8_e5m2fnuz, "F8_E5M2FNUZ", "float8_e5m2fnuz", "", "f8_e5m2fnuz", 8},
    {f8_e8m0, "F8_E8M0", "float8_e8m0fnu", "", "f8_e8m0", 8},
    {f6_e2m3, "F6_E2M3", "", "", "f6_e2m3", 6},
    {f6_e3m2, "F6_E3M2", "", "", "f6_e3m2", 6},
    {f4, "F4", "float4_e2m1fn_x2", "", "f4", 4},
}};

constexpr bool in_order() {
  for (size_t i = 0; i < table.size(); ++i)
    if (table[i].dtype != static_cast<DType>(i)) return false;
  return true;
}
static_assert(in_order(), "info() takes the enum as the row");

using Alias = std::pair<std::string_view, DType>;
constexpr Alias torch_aliases[] = {{"half", f16},     {"float", f32}, {"double", f64}, {"cfloat", c64},
                                   {"cdouble", c128}, {"short", i16}, {"int", i32},    {"long", i64}};
constexpr Alias word_aliases[] = {{"fp16", f16}, {"fp32", f32}, {"fp64", f64}, {"boolean", boolean}};

std::optional<DType> look_up(std::string_view name, std::string_view DTypeInfo::*column) {
  if (name.empty()) return std::nullopt;
  for (const DTypeInfo& row : table)
    if (row.*column == name) return row.dtype;
  return std::nullopt;
}

template <size_t n>
std::optional<DType> look_up(std::string_view name, const Alias (&aliases)[n]) {
  for (const auto& [alias, dtype] : aliases)
    if (alias == name) return dtype;
  return std::nullopt;
}

std::string lower(std::string_view word) {
  std::string out(word);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

const DTypeInfo& info(DType dtype) { return table[static_cast<size_t>(dtype)]; }

std::optional<DType> dtype_by_name(std::string_view safetensors_name) {
  return look_up(safetensors_name, &DTypeInfo::name);
}

std::optional<DType> dtype_by_torch(std::string_view torch_name) {
  if (const auto dtype = look_up(torch_name, &DTypeInfo::torch)) return dtype;
  return look_up(torch_name, torch_aliases);
}

std::optional<DType> dtype_by_storage(std::string_view storage_class) {
  return look_up(storage_class, &DTypeInfo::storage);
}

std::optional<DType> dtype_by_word(std::string_view word) {
  std::string name = lower(word);
  if (name.starts_with("torch.")) name.erase(0, 6);
  if (const auto dtype = look_up(name, &DTypeInfo::short_name)) return dtype;  // these are the safetensors names, lower
  if (const auto dtype = look_up(name, word_aliases)) return dtype;
  return dtype_by_torch(name);
}

bool is_float(DType dtype) { return dtype == f16 || dtype == bf16 || dtype == f32 || dtype == f64; }
bool is_whole_bytes(DType dtype) { return info(dtype).bits % 8 == 0; }

}  // namespace tessera
