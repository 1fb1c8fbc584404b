// Results by place and name, compared bit by bit, or within some units in the last place.
#include "conformance/carry_out.h"

#include <cmath>
#include <cstring>

#include "base/text.h"
#include "run/executor.h"

namespace tessera {

MemoryCheckpoint carry_out(const Graph& graph, const EndSpec& target, const MemoryCheckpoint& source, Means means,
                           const Sources& sources, Diagnostics& diagnostics) {
  OutputSpec spec;
  spec.mesh = target.mesh;
  for (const Coordinates& at : places_of(target)) spec.places.push_back({at, ""});
  for (const Tensor& tensor : graph.tensors)
    if (tensor.output) spec.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.place});
  MemoryWriter writer(spec);
  if (means == Means::executor) {
    execute(graph, source, writer, {}, sources, diagnostics);
  } else {
    const auto bytes = interpret(graph, source, diagnostics);
    for (uint32_t i = 0; i < bytes.size(); ++i) writer.write(i, 0, bytes[i]);
  }
  writer.finish(false);
  return writer.take();
}

namespace {

using Key = std::pair<Coordinates, std::string>;

std::map<Key, size_t> by_name(const MemoryCheckpoint& memory) {
  std::map<Key, size_t> tensors;
  for (size_t i = 0; i < memory.contents().tensors.size(); ++i) {
    const TensorInfo& tensor = memory.contents().tensors[i];
    tensors[{memory.contents().places[tensor.place].at, tensor.name}] = i;
  }
  return tensors;
}

int mantissa_bits(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return 10;
    case DType::bf16:
      return 7;
    case DType::f32:
      return 23;
    default:
      return 52;
  }
}

bool near(DType dtype, const std::byte* a, const std::byte* b, int64_t ulp) {
  if (std::memcmp(a, b, byte_size(dtype)) == 0) return true;
  if (ulp == 0 || !is_float(dtype)) return false;
  const double x = number_at(dtype, a), y = number_at(dtype, b);
  if (!std::isfinite(x) || !std::isfinite(y)) return false;
  const int exponent = std::ilogb(std::fmax(std::fabs(x), std::fabs(y)));
  return std::fabs(x - y) <= std::ldexp(static_cast<double>(ulp), exponent - mantissa_bits(dtype));
}

std::string compare(const MemoryCheckpoint& found, size_t i, const MemoryCheckpoint& wanted, size_t j, int64_t ulp) {
  const TensorInfo &a = found.contents().tensors[i], &b = wanted.contents().tensors[j];
  if (a.dtype != b.dtype) return format("`{}` is {}, not {}", a.name, info(a.dtype).name, info(b.dtype).name);
  if (a.shape != b.shape) return format("`{}` is {}, not {}", a.name, show_shape(a.shape), show_shape(b.shape));
  const auto x = found.bytes(i), y = wanted.bytes(j);
  if (std::memcmp(x.data(), y.data(), x.size()) == 0) return "";
  const size_t size = byte_size(a.dtype);
  for (size_t at = 0; at < x.size(); at += size)
    if (!near(a.dtype, x.data() + at, y.data() + at, ulp))
      return format("element {} of `{}` differs", at / size, a.name);
  return "";
}

}  // namespace

std::string difference(const MemoryCheckpoint& found, const MemoryCheckpoint& wanted, int64_t ulp) {
  const auto ours = by_name(found), theirs = by_name(wanted);
  for (const auto& [key, i] : ours) {
    if (!theirs.contains(key)) return format("`{}` should not be there", key.second);
    if (auto text = compare(found, i, wanted, theirs.at(key), ulp); !text.empty()) return text;
  }
  for (const auto& [key, j] : theirs)
    if (!ours.contains(key)) return format("`{}` is missing", key.second);
  return "";
}

}  // namespace tessera
