// The table of kinds.
#include "plan/encodings.h"

#include "rules/name_form.h"

namespace tessera {

using Kind = EncodingDecl::Kind;

std::vector<FieldSpec> fields_of(const EncodingDecl& encoding) {
  switch (encoding.kind) {
    case Kind::fp8_block:
      return {{.name = "values", .dtypes = {DType::f8_e4m3, DType::f8_e5m2}},
              {.name = "scales",
               .out = encoding.block[0],
               .in = encoding.block[1],
               .dtypes = {DType::f32, DType::bf16, DType::f16, DType::f8_e8m0}}};
    case Kind::mxfp4:
      return {{.name = "blocks", .in = 32, .packed_in = true, .tail = 16, .dtypes = {DType::u8}},
              {.name = "scales", .in = 32, .dtypes = {DType::u8, DType::f8_e8m0}}};
    case Kind::gptq:
      break;
  }
  const int64_t pack = 32 / encoding.bits;
  return {{.name = "qweight", .in = pack, .packed_in = true, .transposed = true, .dtypes = {DType::i32}},
          {.name = "qzeros",
           .out = pack,
           .in = encoding.group,
           .packed_out = true,
           .transposed = true,
           .dtypes = {DType::i32}},
          {.name = "scales", .in = encoding.group, .transposed = true, .dtypes = {DType::f16, DType::bf16, DType::f32}},
          {.name = "g_idx", .in = encoding.group, .numbers_groups = true, .dtypes = {DType::i32, DType::i64}}};
}

std::vector<std::string> field_names(const EncodingDecl& encoding, SideId side, const std::string& weight) {
  std::vector<std::string> names;
  if (encoding.on[side].empty()) return names;
  if (encoding.kind == Kind::fp8_block) names.push_back(weight);
  for (const auto& [field, form] : encoding.on[side]) names.push_back(NameForm(form.s).fill(weight));
  return names;
}

bool can_decode(const EncodingDecl& encoding) { return encoding.kind != Kind::gptq; }

std::optional<Extents> field_shape(const FieldSpec& field, const Extents& weight) {
  if (weight.size() < 2) return std::nullopt;
  const int64_t out = weight[weight.size() - 2], in = weight.back();
  if ((field.packed_out && out % field.out != 0) || (field.packed_in && in % field.in != 0)) return std::nullopt;
  Extents shape(weight.begin(), weight.end() - 2);
  if (field.numbers_groups) {
    shape.push_back(in);
    return shape;
  }
  const int64_t rows = (out + field.out - 1) / field.out, columns = (in + field.in - 1) / field.in;
  shape.push_back(field.transposed ? columns : rows);
  shape.push_back(field.transposed ? rows : columns);
  if (field.tail > 0) shape.push_back(field.tail);
  return shape;
}

}  // namespace tessera
