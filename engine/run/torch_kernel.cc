// The kernel made of libtorch calls: the second executor of the same graph, and the judge of the native one. Built as a
// loadable module; nothing else of the program knows this library.
#include "run/torch_kernel.h"

#include <ATen/ATen.h>

#include "run/kernel.h"

namespace tessera {
namespace {

at::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return at::kHalf;
    case DType::bf16:
      return at::kBFloat16;
    case DType::f32:
      return at::kFloat;
    case DType::f64:
      return at::kDouble;
    default:
      break;
  }
  switch (byte_size(dtype)) {
    case 1:
      return at::kByte;
    case 2:
      return at::kShort;
    case 4:
      return at::kInt;
    case 8:
      return at::kLong;
    default:
      return at::kComplexDouble;
  }
}

at::Tensor view(const std::byte* data, DType dtype, const Extents& shape, const Strided& at_) {
  auto* first = const_cast<std::byte*>(data) + at_.offset * int64_t(byte_size(dtype));
  return at::from_blob(first, shape, at_.strides, at::TensorOptions().dtype(scalar_type(dtype)));
}

at::Tensor apply(at::Tensor x, const ScalarStep& step) {
  switch (step.kind) {
    case ScalarStep::Kind::plus:
      return x + step.operand;
    case ScalarStep::Kind::times:
      return x * step.operand;
    case ScalarStep::Kind::divide:
      return x / step.operand;
    case ScalarStep::Kind::neg_exp:
      return -at::exp(x);
    case ScalarStep::Kind::log_neg:
      return at::log(-x);
  }
  return x;
}

void count(const at::Tensor& from, const at::Tensor& to, CastLoss& loss) {
  const at::Tensor a = from.to(at::kDouble), b = to.to(at::kDouble);
  const at::Tensor finite = at::isfinite(a);
  const at::Tensor over = finite & at::isinf(b), under = finite & (a != 0) & (b == 0);
  const auto sum = [](const at::Tensor& t) { return uint64_t(t.sum().item<int64_t>()); };
  loss.overflowed += sum(over);
  loss.underflowed += sum(under);
  loss.rounded += sum(finite & (a != b) & ~over & ~under);
}

class TorchKernel : public Kernel {
 public:
  explicit TorchKernel(const std::string& device) : device_(device) {}

  void copy(const KernelCopy& what, CastLoss* loss) override {
    const Box& box = *what.box;
    const at::Tensor from = view(what.from.data(), what.from_dtype, box.shape, box.from).to(device_);
    at::Tensor to = view(what.to.data(), what.to_dtype, box.shape, box.to);
    at::Tensor value = from;
    if (what.program) {
      const bool wide = what.from_dtype == DType::f64 || what.to_dtype == DType::f64;
      value = from.to(wide ? at::kDouble : at::kFloat);
      for (const ScalarStep& step : *what.program) value = apply(value, step);
    }
    to.copy_(value.to(to.scalar_type()));
    if (loss && !what.program && what.from_dtype != what.to_dtype) count(from, to.to(device_), *loss);
  }

 private:
  at::Device device_;
};

}  // namespace
}  // namespace tessera

extern "C" tessera::Kernel* tessera_make_torch_kernel(const char* device, std::string* fault) {
  try {
    auto kernel = std::make_unique<tessera::TorchKernel>(device);
    at::empty({1}, at::TensorOptions().device(at::Device(device)));
    return kernel.release();
  } catch (const std::exception& e) {
    *fault = e.what();
    return nullptr;
  }
}
