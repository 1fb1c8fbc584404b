// Casts between floats are exact when exponent and mantissa both fit; integers when their range or mantissa does.
#include "plan/verdict.h"

#include <optional>

namespace tessera {
namespace {

struct FloatFormat {
  int exponent, mantissa;  // bits
};
std::optional<FloatFormat> float_format(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return FloatFormat{5, 10};
    case DType::bf16:
      return FloatFormat{8, 7};
    case DType::f32:
      return FloatFormat{8, 23};
    case DType::f64:
      return FloatFormat{11, 52};
    case DType::f8_e4m3:
    case DType::f8_e4m3fnuz:
      return FloatFormat{4, 3};
    case DType::f8_e5m2:
    case DType::f8_e5m2fnuz:
      return FloatFormat{5, 2};
    case DType::f8_e8m0:
      return FloatFormat{8, 0};
    default:
      return std::nullopt;
  }
}

struct IntegerFormat {
  int bits;  // of the value
  bool sign;
};
std::optional<IntegerFormat> integer_format(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return IntegerFormat{1, false};
    case DType::u8:
      return IntegerFormat{8, false};
    case DType::u16:
      return IntegerFormat{16, false};
    case DType::u32:
      return IntegerFormat{32, false};
    case DType::u64:
      return IntegerFormat{64, false};
    case DType::i8:
      return IntegerFormat{7, true};
    case DType::i16:
      return IntegerFormat{15, true};
    case DType::i32:
      return IntegerFormat{31, true};
    case DType::i64:
      return IntegerFormat{63, true};
    default:
      return std::nullopt;
  }
}

}  // namespace

void weaken(Verdict& verdict, Grade grade, std::string reason) {
  if (grade <= verdict.grade) return;
  verdict.grade = grade;
  verdict.reason = std::move(reason);
}

bool cast_is_exact(DType from, DType to) {
  if (from == to) return true;
  const auto a = float_format(from), b = float_format(to);
  if (a && b) return a->exponent <= b->exponent && a->mantissa <= b->mantissa;
  const auto i = integer_format(from), j = integer_format(to);
  if (i && j) return i->bits <= j->bits && (j->sign || !i->sign);
  return i && b && i->bits <= b->mantissa + 1;
}

bool cast_exists(DType from, DType to) { return from == to || (is_float(from) && is_float(to)); }

}  // namespace tessera
