#include <doctest/doctest.h>

#include "base/dtype.h"

using namespace tessera;

TEST_CASE("every dtype is found by each of its names") {
  for (int i = 0; i < dtype_count; ++i) {
    const DTypeInfo& row = info(static_cast<DType>(i));
    CAPTURE(row.name);
    CHECK(static_cast<int>(row.dtype) == i);
    CHECK(dtype_by_name(row.name) == row.dtype);
    CHECK(dtype_by_word(row.name) == row.dtype);
    CHECK(dtype_by_word(row.short_name) == row.dtype);
    if (!row.torch.empty()) CHECK(dtype_by_torch(row.torch) == row.dtype);
    if (!row.storage.empty()) CHECK(dtype_by_storage(row.storage) == row.dtype);
  }
}

TEST_CASE("bits and bytes") {
  struct Row {
    const char* name;
    int bits;
  };
  const Row rows[] = {{"BOOL", 8},    {"U8", 8},      {"I8", 8},          {"I16", 16},        {"U16", 16},
                      {"I32", 32},    {"U32", 32},    {"I64", 64},        {"U64", 64},        {"F16", 16},
                      {"BF16", 16},   {"F32", 32},    {"F64", 64},        {"C64", 64},        {"C128", 128},
                      {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F8_E8M0", 8},
                      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4}};
  CHECK(std::size(rows) == dtype_count);
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto dtype = dtype_by_name(row.name);
    REQUIRE(dtype);
    CHECK(info(*dtype).bits == row.bits);
    CHECK(is_whole_bytes(*dtype) == (row.bits >= 8));
  }
  CHECK(byte_size(DType::bf16) == 2);
  CHECK(byte_size(DType::c128) == 16);
}

TEST_CASE("what a person writes") {
  for (const char* word : {"bf16", "BF16", "bfloat16", "torch.bfloat16", "BFloat16"})
    CHECK(dtype_by_word(word) == DType::bf16);
  for (const char* word : {"fp32", "f32", "float32", "FP32", "float"}) CHECK(dtype_by_word(word) == DType::f32);
  for (const char* word : {"fp16", "f16", "half", "float16"}) CHECK(dtype_by_word(word) == DType::f16);
  CHECK(dtype_by_word("bool") == DType::boolean);
  CHECK(dtype_by_word("uint8") == DType::u8);
  for (const char* word : {"", "torch.", "f31", "fp", "bfloat", "auto", " bf16", "BFloat16Storage"})
    CHECK_FALSE(dtype_by_word(word));
}

TEST_CASE("torch's names") {
  CHECK(dtype_by_torch("long") == DType::i64);
  CHECK(dtype_by_torch("double") == DType::f64);
  CHECK(dtype_by_torch("float8_e4m3fn") == DType::f8_e4m3);
  CHECK(dtype_by_torch("float8_e8m0fnu") == DType::f8_e8m0);
  CHECK(dtype_by_torch("float4_e2m1fn_x2") == DType::f4);
  CHECK(dtype_by_storage("CharStorage") == DType::i8);
  CHECK(dtype_by_storage("ByteStorage") == DType::u8);
  for (const char* name : {"", "BF16", "Bfloat16", "complex32", "qint8"}) CHECK_FALSE(dtype_by_torch(name));
  for (const char* name : {"", "QInt8Storage", "UntypedStorage", "bf16"}) CHECK_FALSE(dtype_by_storage(name));
  for (const char* name : {"", "bf16", "BF16 ", "F8"}) CHECK_FALSE(dtype_by_name(name));
}

TEST_CASE("only ordinary floats may be cast by --dtype") {
  int floats = 0;
  for (int i = 0; i < dtype_count; ++i) floats += is_float(static_cast<DType>(i));
  CHECK(floats == 4);
  CHECK(is_float(DType::bf16));
  CHECK_FALSE(is_float(DType::f8_e4m3));
  CHECK_FALSE(is_float(DType::c64));
}
