// Numbers go through double, which holds every value of the types up to f64 but 64-bit integers; equal dtypes without a
// program are copied as bytes.
#include "conformance/interpret.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace tessera {
namespace {

template <class T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}
template <class T>
void store(T value, std::byte* bytes) {
  std::memcpy(bytes, &value, sizeof value);
}

// Value of a float with these fields.
double decode(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1, top = (1 << exponent_bits) - 1;
  const int exponent = static_cast<int>(bits >> mantissa_bits) & top;
  const double mantissa = bits & ((1u << mantissa_bits) - 1u);
  const bool negative = bits >> (exponent_bits + mantissa_bits) & 1u;
  double value;
  if (exponent == top)
    value = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  else if (exponent == 0)
    value = std::ldexp(mantissa, 1 - bias - mantissa_bits);
  else
    value = std::ldexp(mantissa + std::ldexp(1, mantissa_bits), exponent - bias - mantissa_bits);
  return negative ? -value : value;
}

// The nearest 16-bit float, ties to even: nearbyint at the weight of its last place.
uint16_t encode(double value, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1, top = (1 << exponent_bits) - 1;
  const uint32_t sign = std::signbit(value) ? 0x8000u : 0u;
  if (std::isnan(value))
    return static_cast<uint16_t>(sign | static_cast<uint32_t>(top << mantissa_bits) | 1u << (mantissa_bits - 1));
  const double size = std::fabs(value);
  const int exponent = std::isinf(size) || size == 0 ? 1 - bias : std::max(std::ilogb(size), 1 - bias);
  const double units = std::isinf(size) ? size : std::nearbyint(std::ldexp(size, mantissa_bits - exponent));
  const double steps = std::isinf(size) ? size : units + std::ldexp(exponent + bias - 1, mantissa_bits);
  const double infinity = std::ldexp(top, mantissa_bits);
  return static_cast<uint16_t>(sign | static_cast<uint32_t>(std::min(steps, infinity)));
}

template <class T>
void store_integer(double value, std::byte* bytes) {
  store(static_cast<T>(value), bytes);
}

void put_number(DType dtype, double value, std::byte* bytes) {
  switch (dtype) {
    case DType::f64:
      return store(value, bytes);
    case DType::f32:
      return store(static_cast<float>(value), bytes);
    case DType::f16:
      return store(encode(value, 5, 10), bytes);
    case DType::bf16:
      return store(encode(value, 8, 7), bytes);
    case DType::boolean:
      return store<uint8_t>(value != 0, bytes);
    case DType::u8:
      return store_integer<uint8_t>(value, bytes);
    case DType::i8:
      return store_integer<int8_t>(value, bytes);
    case DType::i16:
      return store_integer<int16_t>(value, bytes);
    case DType::u16:
      return store_integer<uint16_t>(value, bytes);
    case DType::i32:
      return store_integer<int32_t>(value, bytes);
    case DType::u32:
      return store_integer<uint32_t>(value, bytes);
    case DType::i64:
      return store_integer<int64_t>(value, bytes);
    case DType::u64:
      return store_integer<uint64_t>(value, bytes);
    default:
      break;
  }
  throw Error(Fault::world, format("the interpreter writes no {}", info(dtype).name));
}

template <class Real>
Real run(const Program& program, Real x) {
  for (const ScalarStep& step : program) {
    const Real c = static_cast<Real>(step.operand);
    switch (step.kind) {
      case ScalarStep::Kind::plus:
        x += c;
        break;
      case ScalarStep::Kind::times:
        x *= c;
        break;
      case ScalarStep::Kind::divide:
        x /= c;
        break;
      case ScalarStep::Kind::neg_exp:
        x = -std::exp(x);
        break;
      case ScalarStep::Kind::log_neg:
        x = std::log(-x);
        break;
    }
  }
  return x;
}

void convert(DType from, const std::byte* source, DType to, std::byte* target, const Program* program) {
  if (from == to && !program) {
    std::memcpy(target, source, byte_size(from));
    return;
  }
  double value = number_at(from, source);
  if (program && (from == DType::f64 || to == DType::f64))
    value = run(*program, value);
  else if (program)
    value = run(*program, static_cast<float>(value));
  put_number(to, value, target);
}

// Calls visit(index, from element, to element) for every element of a box.
template <class Visit>
void each(const Box& box, Visit visit) {
  if (volume(box.shape) == 0) return;
  std::vector<int64_t> index(box.shape.size(), 0);
  for (bool more = true; more;) {
    int64_t from = box.from.offset, to = box.to.offset;
    for (size_t i = 0; i < index.size(); ++i) {
      from += index[i] * box.from.strides[i];
      to += index[i] * box.to.strides[i];
    }
    visit(index, static_cast<size_t>(from), static_cast<size_t>(to));
    more = false;
    for (size_t i = index.size(); i-- > 0 && !more;) {
      more = ++index[i] < box.shape[i];
      if (!more) index[i] = 0;
    }
  }
}

class Interpreter {
 public:
  Interpreter(const Graph& graph, const MemoryCheckpoint& source, Diagnostics& diagnostics)
      : graph_(graph), source_(source), diagnostics_(diagnostics), outputs_(graph.tensors.size()) {
    for (TensorId id = 0; id < graph.tensors.size(); ++id)
      if (graph.tensors[id].output)
        outputs_[id].resize(static_cast<size_t>(volume(graph.tensors[id].shape)) * size(id));
  }

  std::vector<std::vector<std::byte>> run() {
    for (const Move& move : graph_.moves) {
      equal_ = true;
      each(move.box, [&](const std::vector<int64_t>& index, size_t from, size_t to) { step(move, index, from, to); });
      if (!equal_)
        diagnostics_.error("X01", move.span, format("`{}` is not what it should be", graph_.tensors[move.from].name));
    }
    std::vector<std::vector<std::byte>> written;
    for (TensorId id = 0; id < graph_.tensors.size(); ++id)
      if (graph_.tensors[id].output) written.push_back(std::move(outputs_[id]));
    return written;
  }

 private:
  size_t size(TensorId id) const { return byte_size(graph_.tensors[id].dtype); }
  const std::byte* source(TensorId id, size_t element) const {
    return source_.bytes(graph_.tensors[id].index).data() + element * size(id);
  }
  std::byte* target(TensorId id, size_t element) { return outputs_[id].data() + element * size(id); }

  void put_fill(const FillValue& fill, const std::vector<int64_t>& index, DType dtype, std::byte* bytes) const {
    if (fill.at)
      put_number(dtype, fill.at(index), bytes);
    else if (fill.is_integer && dtype == DType::i64)
      store(fill.integer, bytes);
    else
      put_number(dtype, fill.is_integer ? static_cast<double>(fill.integer) : fill.constant, bytes);
  }

  // One element of an encoded weight, from its fields: what language.md says of each kind, and nothing else.
  float decoded(const Tensor& tensor, size_t element) const {
    const Stored& stored = graph_.stored[tensor.stored];
    const auto in = static_cast<size_t>(tensor.shape->back()),
               out = static_cast<size_t>(tensor.shape[tensor.shape.size() - 2]);
    const size_t column = element % in, row = element / in % out, matrix = element / in / out;
    const std::byte* values = source_.bytes(stored.fields[0]).data();
    const std::byte* scales = source_.bytes(stored.fields[1]).data();
    if (stored.kind == EncodingDecl::Kind::mxfp4) {
      const auto pair = std::to_integer<unsigned>(values[element / 32 * 16 + element % 32 / 2]);
      const unsigned nibble = element % 2 ? pair >> 4 : pair & 15u;
      const double size[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
      const int exponent = std::to_integer<int>(scales[element / 32]) - 127;
      return static_cast<float>(std::ldexp(nibble & 8u ? -size[nibble & 7u] : size[nibble & 7u], exponent));
    }
    const auto high = static_cast<size_t>(stored.block[0]), wide = static_cast<size_t>(stored.block[1]);
    const size_t scale = (matrix * ((out + high - 1) / high) + row / high) * ((in + wide - 1) / wide) + column / wide;
    const auto bits = std::to_integer<uint8_t>(values[element]);
    const int exponent = bits >> 3 & 15, mantissa = bits & 7;
    const double size = exponent ? std::ldexp(8 + mantissa, exponent - 10) : std::ldexp(mantissa, -9);
    const float value = static_cast<float>(bits & 128 ? -size : size);
    return value * load<float>(scales + scale * 4);
  }

  void copy(const Move& move, size_t from, size_t to) {
    const Tensor& source_tensor = graph_.tensors[move.from];
    const Program* program = move.program == none_id ? nullptr : &graph_.programs[move.program];
    std::byte value[4];
    const std::byte* bytes = value;
    if (source_tensor.stored == none_id)
      bytes = source(move.from, from);
    else
      store(decoded(source_tensor, from), value);
    convert(source_tensor.dtype, bytes, graph_.tensors[move.to].dtype, target(move.to, to), program);
  }

  void step(const Move& move, const std::vector<int64_t>& index, size_t from, size_t to) {
    const DType dtype = graph_.tensors[op_writes(move.op) ? move.to : move.from].dtype;
    std::byte wanted[16];
    switch (move.op) {
      case Op::copy:
        return copy(move, from, to);
      case Op::fill:
        return put_fill(graph_.fills[move.fill], index, dtype, target(move.to, to));
      case Op::compare:
        if (dtype == graph_.tensors[move.to].dtype)
          equal_ &= std::memcmp(source(move.from, from), source(move.to, to), byte_size(dtype)) == 0;
        else
          equal_ &= number_at(dtype, source(move.from, from)) ==
                    number_at(graph_.tensors[move.to].dtype, source(move.to, to));
        return;
      case Op::compare_fill:
        put_fill(graph_.fills[move.fill], index, dtype, wanted);
        equal_ &= std::memcmp(source(move.from, from), wanted, byte_size(dtype)) == 0;
        return;
    }
  }

  const Graph& graph_;
  const MemoryCheckpoint& source_;
  Diagnostics& diagnostics_;
  std::vector<std::vector<std::byte>> outputs_;  // by tensor id
  bool equal_ = true;
};

}  // namespace

double number_at(DType dtype, const std::byte* bytes) {
  switch (dtype) {
    case DType::f64:
      return load<double>(bytes);
    case DType::f32:
      return load<float>(bytes);
    case DType::f16:
      return decode(load<uint16_t>(bytes), 5, 10);
    case DType::bf16:
      return decode(load<uint16_t>(bytes), 8, 7);
    case DType::boolean:
    case DType::u8:
      return load<uint8_t>(bytes);
    case DType::i8:
      return load<int8_t>(bytes);
    case DType::i16:
      return load<int16_t>(bytes);
    case DType::u16:
      return load<uint16_t>(bytes);
    case DType::i32:
      return load<int32_t>(bytes);
    case DType::u32:
      return load<uint32_t>(bytes);
    case DType::i64:
      return static_cast<double>(load<int64_t>(bytes));
    case DType::u64:
      return static_cast<double>(load<uint64_t>(bytes));
    default:
      break;
  }
  throw Error(Fault::world, format("the interpreter reads no {}", info(dtype).name));
}

std::vector<std::vector<std::byte>> interpret(const Graph& graph, const MemoryCheckpoint& source,
                                              Diagnostics& diagnostics) {
  return Interpreter(graph, source, diagnostics).run();
}

}  // namespace tessera
